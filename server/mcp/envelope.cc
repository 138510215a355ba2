#include "server/mcp/envelope.h"

#include <algorithm>
#include <array>

#include "base/hmac.h"
#include "base/log.h"
#include "server/mcp/log_level.h"

namespace weir::mcp {

namespace {

constexpr int kBadRequest = 400;

// Which member of params the header Mcp-Name repeats (MCP 2026-07-28 streamable-http; SEP-2663 for tasks).
struct NamedMethod {
  std::string_view method;
  std::string_view member;
};
constexpr std::array kNamedMethods{
    NamedMethod{"tools/call", "name"},  NamedMethod{"prompts/get", "name"},    NamedMethod{"resources/read", "uri"},
    NamedMethod{"tasks/get", "taskId"}, NamedMethod{"tasks/update", "taskId"}, NamedMethod{"tasks/cancel", "taskId"},
};

const Json* meta_of(const Message& message) {
  const Json* meta = find_member(message.params, "_meta");
  return meta != nullptr && meta->is_object() ? meta : nullptr;
}

Fault fault(const Message& message, int code, std::string text, Json data = nullptr) {
  return {message.id, {code, std::move(text), std::move(data), kBadRequest}};
}

Fault bad_params(const Message& message, std::string text) {
  return fault(message, code::kInvalidParams, "Invalid params: " + std::move(text));
}

Fault mismatch(const Message& message, std::string text) {
  return fault(message, code::kHeaderMismatch, "Header mismatch: " + std::move(text));
}

Fault missing(const Message& message, std::string_view member) {
  return bad_params(message, "params._meta[\"" + std::string(member) + "\"] is missing");
}

std::string in_quotes(std::string_view text) { return "\"" + printable(text, 80) + "\""; }

// Row 9: the members that every modern request carries, and the form of the optional ones.
std::variant<Envelope, Fault> read_members(const Message& message) {
  const Json* meta = meta_of(message);
  const Json* version = meta == nullptr ? nullptr : find_member(*meta, meta::kProtocolVersion);
  if (version == nullptr) return missing(message, meta::kProtocolVersion);
  if (!version->is_string()) return bad_params(message, std::string(meta::kProtocolVersion) + " must be a string");
  const Json* capabilities = find_member(*meta, meta::kClientCapabilities);
  if (capabilities == nullptr) return missing(message, meta::kClientCapabilities);
  if (!capabilities->is_object()) {
    return bad_params(message, std::string(meta::kClientCapabilities) + " must be an object, not " +
                                   std::string(json_type(*capabilities)));
  }
  Envelope envelope;
  envelope.client_capabilities = *capabilities;
  if (const Json* info = find_member(*meta, meta::kClientInfo)) {
    if (!info->is_object()) return bad_params(message, std::string(meta::kClientInfo) + " must be an object");
    envelope.client_info = *info;
  }
  if (const Json* level = find_member(*meta, meta::kLogLevel)) {
    envelope.log_level = level->is_string() ? level->get<std::string>() : "";
    if (!is_log_level(envelope.log_level)) {
      return bad_params(message,
                        std::string(meta::kLogLevel) + " is " + printable(to_text(*level), 80) +
                            "; expected one of debug, info, notice, warning, error, critical, alert, emergency");
    }
  }
  if (const Json* token = find_member(*meta, meta::kProgressToken);
      token != nullptr && !token->is_string() && !token->is_number_integer()) {
    return bad_params(message, "progressToken must be a string or an integer");
  }
  return envelope;
}

// A header that is there must say what the body says; two of one name say nothing.
std::optional<Fault> check_present(const Message& message, const http::Headers& headers, std::string_view name,
                                   std::string_view expected) {
  const auto value = headers.find(name);
  if (!value) return std::nullopt;
  if (headers.count(name) > 1) return mismatch(message, std::string(name) + " is given more than once");
  if (*value == expected) return std::nullopt;
  return mismatch(message,
                  std::string(name) + " is " + in_quotes(*value) + " but the body says " + in_quotes(expected));
}

std::optional<Fault> check_name(const Message& message, const http::Headers& headers) {
  const auto named = std::ranges::find(kNamedMethods, message.method, &NamedMethod::method);
  if (named == kNamedMethods.end()) return std::nullopt;
  const auto header = headers.find("Mcp-Name");
  if (!header) return mismatch(message, "the header Mcp-Name is missing");
  if (headers.count("Mcp-Name") > 1) return mismatch(message, "Mcp-Name is given more than once");
  const auto decoded = decode_header_value(*header);
  if (!decoded) return mismatch(message, "Mcp-Name is " + in_quotes(*header) + ", which is no valid base64");
  const auto expected = string_member(message.params, named->member);
  // What is no string in the body is the method's to refuse (-32602, row 17).
  if (!expected || *decoded == *expected) return std::nullopt;
  return mismatch(message, "Mcp-Name is " + in_quotes(*decoded) + " but params." + std::string(named->member) + " is " +
                               in_quotes(*expected));
}

}  // namespace

bool claims_modern(const Message& message) {
  const Json* meta = meta_of(message);
  return meta != nullptr && meta->contains(std::string(meta::kProtocolVersion));
}

bool has_valid_envelope(const Message& message) {
  const Json* meta = meta_of(message);
  if (meta == nullptr) return false;
  const auto version = string_member(*meta, meta::kProtocolVersion);
  const Json* capabilities = find_member(*meta, meta::kClientCapabilities);
  return version && revision_from(*version) == kModernRevision && capabilities != nullptr && capabilities->is_object();
}

std::variant<Envelope, Fault> check_envelope(const Message& message, const http::Headers& headers) {
  auto read = read_members(message);
  if (std::holds_alternative<Fault>(read)) return read;
  auto& envelope = std::get<Envelope>(read);
  const std::string version = string_or(*meta_of(message), meta::kProtocolVersion, "");

  if (auto bad = check_present(message, headers, "MCP-Protocol-Version", version)) return std::move(*bad);
  if (auto bad = check_present(message, headers, "Mcp-Method", message.method)) return std::move(*bad);
  const auto revision = revision_from(version);
  if (!revision || has_sessions(*revision)) {
    // A version that needs a session is not served to a request that stands alone; naming only this one keeps
    // `supported` a subset of what server/discover lists.
    return fault(message, code::kUnsupportedVersion, "Unsupported protocol version " + in_quotes(version),
                 {{"supported", Json::array({to_string(kModernRevision)})}, {"requested", version}});
  }
  envelope.revision = *revision;
  for (const std::string_view name : {"MCP-Protocol-Version", "Mcp-Method"}) {
    if (!headers.find(name)) return mismatch(message, "the header " + std::string(name) + " is missing");
  }
  if (auto bad = check_name(message, headers)) return std::move(*bad);
  return read;
}

std::string trace_parent(const Message& message) {
  const Json* meta = meta_of(message);
  const std::string text = meta == nullptr ? "" : string_or(*meta, meta::kTraceParent, "");
  return text.size() <= kTraceParentBytesMax ? text : "";
}

Json progress_token(const Message& message) {
  const Json* meta = meta_of(message);
  const Json* token = meta == nullptr ? nullptr : find_member(*meta, meta::kProgressToken);
  return token != nullptr && (token->is_string() || token->is_number_integer()) ? *token : Json(nullptr);
}

std::optional<std::string> decode_header_value(std::string_view value) {
  constexpr std::string_view kPrefix = "=?base64?";
  constexpr std::string_view kSuffix = "?=";
  if (value.size() < kPrefix.size() + kSuffix.size() || !value.starts_with(kPrefix) || !value.ends_with(kSuffix)) {
    return std::string(value);
  }
  return from_base64(value.substr(kPrefix.size(), value.size() - kPrefix.size() - kSuffix.size()));
}

}  // namespace weir::mcp
