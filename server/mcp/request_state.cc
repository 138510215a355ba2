#include "server/mcp/request_state.h"

#include "base/hmac.h"
#include "server/mcp/call.h"

namespace weir::mcp {

namespace {

// The request without what differs from round to round. Objects are sorted, so one request has one digest.
std::string digest_of(const Call& call) {
  Json params = call.message.params;
  for (const char* changing : {"_meta", "inputResponses", "requestState"}) params.erase(changing);
  return to_hex(sha256(call.message.method + "\n" + to_text(params)));
}

}  // namespace

std::string RequestStates::seal(const Json& state, const Call& call) const {
  const std::string payload = to_base64(to_text({{"state", state},
                                                 {"key", call.caller->key_id},
                                                 {"request", digest_of(call)},
                                                 {"until", to_unix_ms(clock_.now() + kRequestStateLife)}}));
  return payload + "." + to_hex(hmac_sha256(key_, payload));
}

std::optional<Json> RequestStates::open(std::string_view text, const Call& call) const {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view payload = text.substr(0, dot);
  if (!equal_in_constant_time(text.substr(dot + 1), to_hex(hmac_sha256(key_, payload)))) return std::nullopt;
  const auto bytes = from_base64(payload);
  if (!bytes) return std::nullopt;
  auto sealed = parse_json(*bytes);
  if (!sealed || string_member(*sealed, "key") != call.caller->key_id ||
      string_member(*sealed, "request") != digest_of(call) ||
      integer_or(*sealed, "until", 0) < to_unix_ms(clock_.now())) {
    return std::nullopt;
  }
  return (*sealed)["state"];
}

}  // namespace weir::mcp
