// libFuzzer entry for the request framer. The first byte says where the rest is cut in two: cut or whole, the
// result must be the same, and what is accepted must keep the limits. Replayed over corpus/framer/ in every run
// of the unit tests; with clang: -DWEIR_FUZZ=ON, target fuzz_framer.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/http/framer.h"

namespace weir::http {
namespace {

constexpr FramerLimits kLimits{.head_bytes_max = 1'024, .body_bytes_max = 512};

void take_all(RequestFramer& framer, std::string& result) {
  while (framer.progress() == RequestFramer::Progress::complete) {
    framer.takes_continue();
    const FramedRequest request = framer.take();
    CHECK(request.body.size() <= kLimits.body_bytes_max, "a body keeps its limit");
    CHECK(origin_form(request.head.target).front() == '/', "an accepted target has a path");
    CHECK(!request.meaning.is_chunked || request.head.headers.count("Content-Length") == 0, "one framing");
    result += request.head.method + ' ' + request.head.target + ' ' + request.body + '\n';
    for (const auto& [name, value] : request.head.headers.fields()) {
      CHECK(is_token(name) && value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "clean fields");
      result += name + ':' + value + '\n';
    }
  }
  if (framer.progress() == RequestFramer::Progress::refused) {
    result += std::to_string(framer.refusal().status) + framer.refusal().message;
  }
}

std::string result_of(std::string_view first, std::string_view second) {
  RequestFramer framer(kLimits);
  std::string result;
  framer.feed(first);
  take_all(framer, result);
  if (framer.progress() == RequestFramer::Progress::refused) return result;
  framer.feed(second);
  take_all(framer, result);
  return result;
}

}  // namespace
}  // namespace weir::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = bytes.size() * data[0] / 256;
  const std::string cut_result = weir::http::result_of(bytes.substr(0, cut), bytes.substr(cut));
  CHECK(cut_result == weir::http::result_of(bytes, {}), "a cut does not change the result");
  return 0;
}
