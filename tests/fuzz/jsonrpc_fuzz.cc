// libFuzzer entry for what a POST to /mcp is judged by before anybody is asked: JSON-RPC, era, envelope. Whatever the
// bytes, nothing crashes, and every fault can be answered. The first line gives the headers' values, separated by tabs:
// MCP-Protocol-Version, Mcp-Method, Mcp-Name, Accept, Origin.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/mcp/envelope.h"
#include "server/mcp/era.h"
#include "server/mcp/framing.h"
#include "server/mcp/origin.h"

namespace {

using weir::mcp::Body;
using weir::mcp::Fault;
using weir::mcp::Message;

void check_fault(const Fault& fault) {
  CHECK(fault.error.http_status == 400, "what is refused here is a bad request");
  CHECK(fault.id.is_null() || fault.id.is_string() || fault.id.is_number_integer(), "an id that may be echoed");
  const auto again = weir::parse_json(weir::to_text(weir::mcp::error_message(fault.id, fault.error)));
  CHECK(again.has_value(), "an answer reads back");
}

weir::http::Headers headers_of(std::string_view line) {
  weir::http::Headers headers;
  for (const char* name : {"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Accept", "Origin"}) {
    const std::size_t end = line.find('\t');
    if (const auto value = line.substr(0, end); !value.empty()) headers.add(name, std::string(value));
    line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
  }
  return headers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  const weir::http::Headers headers = headers_of(text.substr(0, end));
  const std::string_view body = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);

  static_cast<void>(weir::mcp::accepts(headers));
  static const weir::mcp::OriginPolicy origins("127.0.0.1", {}, {});
  static_cast<void>(origins.refusal(headers));
  const auto parsed = weir::mcp::parse_body(body);
  if (const auto* fault = std::get_if<Fault>(&parsed)) {
    check_fault(*fault);
    return 0;
  }
  const auto& read = std::get<Body>(parsed);
  CHECK(!read.elements.empty() && read.elements.size() <= weir::mcp::kBatchMax, "a bounded number of messages");
  const auto era = weir::mcp::choose_era(read, headers);
  if (const auto* fault = std::get_if<Fault>(&era)) check_fault(*fault);
  for (const auto& element : read.elements) {
    if (const auto* fault = std::get_if<Fault>(&element)) {
      check_fault(*fault);
      continue;
    }
    const auto& message = std::get<Message>(element);
    static_cast<void>(weir::mcp::progress_token(message));
    const auto envelope = weir::mcp::check_envelope(message, headers);
    if (const auto* fault = std::get_if<Fault>(&envelope)) check_fault(*fault);
  }
  return 0;
}
