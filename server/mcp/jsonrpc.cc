#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

namespace {

constexpr int kBadRequest = 400;

// MCP: a request id is a string or an integer and never null.
bool is_id(const Json& value) { return value.is_string() || value.is_number_integer(); }

Fault invalid(Json id, std::string message) {
  return {std::move(id), {code::kInvalidRequest, std::move(message), nullptr, kBadRequest}};
}

Element parse_element(Json value) {
  if (!value.is_object()) {
    return invalid(nullptr, "Invalid request: a message is a JSON object, not " + std::string(json_type(value)));
  }
  const Json* id_member = find_member(value, "id");
  const Json id = id_member != nullptr && is_id(*id_member) ? *id_member : Json(nullptr);
  if (string_member(value, "jsonrpc") != "2.0") return invalid(id, R"(Invalid request: "jsonrpc" must be "2.0")");

  Message message;
  message.id = id;
  const Json* method = find_member(value, "method");
  if (method == nullptr) {
    const bool is_response = value.contains("result") != value.contains("error");
    if (!is_response || id.is_null()) {
      return invalid(id, R"(Invalid request: neither a "method" nor the "id" and "result" of a response)");
    }
    message.kind = Message::Kind::response;
    if (const auto result = value.find("result"); result != value.end()) message.result = std::move(*result);
    return message;
  }
  if (!method->is_string()) return invalid(id, R"(Invalid request: "method" must be a string)");
  if (id_member != nullptr && id.is_null()) {
    return invalid(id, R"(Invalid request: "id" must be a string or an integer)");
  }
  message.kind = id_member == nullptr ? Message::Kind::notification : Message::Kind::request;
  message.method = method->get<std::string>();
  // Some clients write null for "none".
  if (const auto params = value.find("params"); params != value.end() && !params->is_null()) {
    if (!params->is_object()) return invalid(id, R"(Invalid request: "params" must be an object)");
    message.params = std::move(*params);
  }
  return message;
}

}  // namespace

std::variant<Body, Fault> parse_body(std::string_view text) {
  Result<Json> parsed = parse_json(text);
  if (!parsed) {
    return Fault{nullptr, {code::kParseError, "Parse error: " + parsed.error().message, nullptr, kBadRequest}};
  }
  Body body;
  if (!parsed->is_array()) {
    Element element = parse_element(std::move(*parsed));
    if (Fault* fault = std::get_if<Fault>(&element)) return std::move(*fault);
    body.elements.push_back(std::move(element));
    return body;
  }
  if (parsed->empty()) return invalid(nullptr, "Invalid request: an empty batch");
  if (parsed->size() > kBatchMax) {
    return invalid(nullptr, "Invalid request: a batch of " + std::to_string(parsed->size()) + " messages; at most " +
                                std::to_string(kBatchMax) + " are accepted");
  }
  body.is_batch = true;
  for (Json& element : *parsed) body.elements.push_back(parse_element(std::move(element)));
  return body;
}

std::optional<Fault> fault_of_notification(const Message& message) {
  if (message.method.starts_with("notifications/")) return std::nullopt;
  return invalid(nullptr, R"(Invalid request: this method needs an "id")");
}

Json request_message(const Message& request) {
  Json json{{"jsonrpc", "2.0"}, {"id", request.id}, {"method", request.method}};
  if (!request.params.empty()) json["params"] = request.params;
  return json;
}

Json result_message(const Json& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json error_message(const Json& id, const RpcError& error) {
  Json body{{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) body["data"] = error.data;
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}};
}

Json notification_message(std::string_view method, Json params) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

}  // namespace weir::mcp
