// libFuzzer entry for the fields of an HTTP head that Weir reads, from the bytes of the wire on: framer, request line,
// credentials, preferences, origin, the address behind proxies, MCP's headers. The first byte says where the rest is cut
// in two. Whatever the bytes, nothing crashes, and what is read keeps its limits. Replayed over corpus/headers/ in every run.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/client_address.h"
#include "server/credentials.h"
#include "server/http/framer.h"
#include "server/http/request_parser.h"
#include "server/mcp/framing.h"
#include "server/mcp/origin.h"
#include "server/mcp/param_headers.h"
#include "server/mcp/toolsets.h"
#include "server/rest/preference.h"

namespace {

constexpr weir::http::FramerLimits kLimits{.head_bytes_max = 4'096, .body_bytes_max = 512};

const weir::Json& schema() {
  static const weir::Json schema = weir::parse_json(R"({"type":"object","properties":{
      "region":{"type":"string","x-mcp-header":"Region"},
      "count":{"type":"integer","x-mcp-header":"Count"},
      "deep":{"type":"object","properties":{"flag":{"type":"boolean","x-mcp-header":"Flag"}}}}})")
                                       .value();
  return schema;
}

void read_fields(const weir::http::Request& request) {
  const auto credentials = weir::server::find_credentials(request);
  if (credentials) {
    CHECK(credentials->header == "Authorization" || credentials->header == "X-API-Key", "where a key may be");
    static_cast<void>(weir::server::malformed_key_error(*credentials));
  } else {
    CHECK(!credentials.error().message.empty(), "a refusal says why");
  }
  CHECK(weir::rest::preferred_wait(request.headers).count() >= 0, "nobody waits for less than nothing");
  static_cast<void>(weir::mcp::is_json_content(request.headers));
  static_cast<void>(weir::mcp::accepts(request.headers));
  static const weir::mcp::OriginPolicy origins("127.0.0.1", {"weir.example"}, {"https://app.example"});
  static_cast<void>(origins.refusal(request.headers));
  static const std::array proxies{weir::egress::AddressRange::parse("192.0.2.0/24").value()};
  CHECK(!weir::server::client_address(request, proxies).empty(), "everybody has an address");
  const auto filter = weir::mcp::ToolFilter::of(request);
  if (const auto fault = filter.fault({"scans"}))
    CHECK(fault->code == weir::mcp::code::kInvalidParams, "the caller's mistake");
  const weir::Json arguments{{"region", "eu"}, {"count", 42}, {"deep", {{"flag", true}}}};
  if (const auto fault = weir::mcp::check_param_headers(schema(), arguments, request.headers)) {
    CHECK(fault->http_status == 400, "a header that differs is a bad request");
  }
}

void read_all(weir::http::RequestFramer& framer, weir::http::RequestParser& parser) {
  while (framer.progress() == weir::http::RequestFramer::Progress::complete) {
    weir::http::Request request;
    request.peer_address = "192.0.2.1";
    if (parser.parse(framer.take(), request)) continue;
    CHECK(!request.path.empty() && request.path.front() == '/', "a path");
    read_fields(request);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = bytes.size() * data[0] / 256;
  weir::http::RequestFramer framer(kLimits);
  static weir::http::RequestParser parser;
  framer.feed(bytes.substr(0, cut));
  read_all(framer, parser);
  if (framer.progress() == weir::http::RequestFramer::Progress::refused) return 0;
  framer.feed(bytes.substr(cut));
  read_all(framer, parser);
  return 0;
}
