#include "tools/mcp_servers/rpc_message.h"

#include "base/log.h"

namespace weir::tools::mcp_servers {
namespace {

Error not_a_message(const std::string& why) {
  return {ErrorCode::bad_request, "not a message of JSON-RPC 2.0: " + why};
}

bool is_id(const Json& id) { return id.is_string() || id.is_number_integer(); }

RpcError error_from(const Json& error) {
  RpcError read;
  read.code = integer_or(error, "code", 0);
  read.message = printable(string_or(error, "message", "no message"), kErrorMessageBytesMax);
  if (const Json* data = find_member(error, "data")) read.data = *data;
  return read;
}

Result<Incoming> message_from(const Json& json) {
  if (!json.is_object()) return not_a_message("it is of type " + std::string(json_type(json)));
  if (string_or(json, "jsonrpc", "") != "2.0") return not_a_message("\"jsonrpc\" is not \"2.0\"");
  const Json* const id = find_member(json, "id");
  Incoming message;
  if (const Json* method = find_member(json, "method")) {
    if (!method->is_string()) return not_a_message("\"method\" is not a text");
    message.method = method->get<std::string>();
    if (const Json* params = find_member(json, "params")) {
      if (!params->is_object() && !params->is_null()) return not_a_message("\"params\" is not an object");
      if (params->is_object()) message.params = *params;
    }
    if (id == nullptr) return message;
    if (!is_id(*id)) return not_a_message("\"id\" of a request is neither a text nor a whole number");
    message.kind = Incoming::Kind::request;
    message.id = *id;
    return message;
  }
  message.kind = Incoming::Kind::response;
  const Json* const error = find_member(json, "error");
  const Json* const result = find_member(json, "result");
  if ((error == nullptr) == (result == nullptr)) {
    return not_a_message("neither a method, nor exactly one of result and error");
  }
  // The id of an answer to something unreadable is null.
  if (id != nullptr && (is_id(*id) || (id->is_null() && error != nullptr))) {
    message.id = *id;
  } else if (error == nullptr || id != nullptr) {
    return not_a_message("\"id\" of a response is neither a text nor a whole number");
  }
  if (error != nullptr) {
    if (!error->is_object()) return not_a_message("\"error\" is not an object");
    message.error = error_from(*error);
  } else {
    message.result = *result;
  }
  return message;
}

}  // namespace

Result<std::vector<Incoming>> read_messages(std::string_view text) {
  auto json = parse_json(text);
  if (!json) return std::move(json).error();
  std::vector<Incoming> messages;
  if (!json->is_array()) {
    auto message = message_from(*json);
    if (!message) return std::move(message).error();
    messages.push_back(*std::move(message));
    return messages;
  }
  if (json->empty() || json->size() > kBatchMax) {
    return not_a_message("a batch of " + std::to_string(json->size()) + " messages; expected 1 to " +
                         std::to_string(kBatchMax));
  }
  for (const Json& element : *json) {
    auto message = message_from(element);
    if (!message) return std::move(message).error();
    messages.push_back(*std::move(message));
  }
  return messages;
}

Json request_message(const Json& id, std::string_view method, const Json& params) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
}

Json notification_message(std::string_view method, const Json& params) {
  Json message = {{"jsonrpc", "2.0"}, {"method", method}};
  if (!params.empty()) message["params"] = params;
  return message;
}

Json result_message(const Json& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json error_message(const Json& id, std::int64_t code, std::string_view message) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}};
}

}  // namespace weir::tools::mcp_servers
