#include "tools/models/model_provider.h"

#include "base/log.h"

namespace weir::tools::models {
namespace {

std::string_view role_name(ModelMessage::Role role) {
  switch (role) {
    case ModelMessage::Role::assistant: return "assistant";
    case ModelMessage::Role::tool: return "tool";
    case ModelMessage::Role::user: break;
  }
  return "user";
}

}  // namespace

Json message_json(const ModelMessage& message) {
  Json json = {{"role", role_name(message.role)}, {"text", message.text}};
  if (!message.calls.empty()) {
    Json calls = Json::array();
    for (const ModelCall& call : message.calls) {
      calls.push_back({{"id", call.id}, {"name", call.name}, {"arguments_text", call.arguments_text}});
    }
    json["calls"] = std::move(calls);
  }
  if (!message.call_id.empty()) json["call_id"] = message.call_id;
  if (message.is_error) json["is_error"] = true;
  if (!message.opaque.is_null()) json["opaque"] = message.opaque;
  return json;
}

Result<ModelMessage> message_from(const Json& json) {
  ModelMessage message;
  const std::string role = string_or(json, "role", "");
  if (role == "assistant") {
    message.role = ModelMessage::Role::assistant;
  } else if (role == "tool") {
    message.role = ModelMessage::Role::tool;
  } else if (role != "user") {
    return internal_error("a stored message has the role \"" + printable(role) + "\"");
  }
  message.text = string_or(json, "text", "");
  if (const Json* calls = find_member(json, "calls"); calls != nullptr && calls->is_array()) {
    for (const Json& call : *calls) {
      message.calls.push_back(
          {string_or(call, "id", ""), string_or(call, "name", ""), string_or(call, "arguments_text", "")});
    }
  }
  message.call_id = string_or(json, "call_id", "");
  message.is_error = bool_or(json, "is_error", false);
  if (const Json* opaque = find_member(json, "opaque")) message.opaque = *opaque;
  return message;
}

}  // namespace weir::tools::models
