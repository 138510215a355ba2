// Any bytes, cut anywhere, must be read the same; what was read must survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "streaming/sse.h"

namespace weir::streaming {
namespace {

std::vector<SseEvent> decoded(std::string_view bytes, std::size_t piece) {
  SseDecoder decoder;
  std::vector<SseEvent> events;
  while (!bytes.empty()) {
    const std::string_view head = bytes.substr(0, piece);
    bytes.remove_prefix(head.size());
    for (SseEvent& event : decoder.feed(head)) events.push_back(std::move(event));
  }
  return events;
}

bool are_equal(const std::vector<SseEvent>& left, const std::vector<SseEvent>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].id != right[i].id || left[i].type != right[i].type || left[i].data != right[i].data ||
        left[i].retry != right[i].retry) {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace weir::streaming

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::streaming;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  const std::vector<SseEvent> whole = decoded(bytes, bytes.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
    CHECK(are_equal(decoded(bytes, piece), whole), "the cuts must not matter");
  }
  std::string written;
  std::size_t representable = 0;
  for (const SseEvent& event : whole) {
    // NUL may stand in a type that was read but in none that is written; an empty event with a retry is only a retry.
    if (event.type.find('\0') != std::string::npos) continue;
    if (event.retry && event.id.empty() && event.type.empty() && event.data.empty()) continue;
    written += encode_sse(event);
    ++representable;
  }
  const std::vector<SseEvent> again = decoded(written, written.size() + 1);
  CHECK(again.size() == representable, "each written event is read again");
  std::string rewritten;
  for (const SseEvent& event : again) rewritten += encode_sse(event);
  CHECK(rewritten == written, "what was read again is what was written");
  return 0;
}
