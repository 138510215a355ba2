#include "tools/models/anthropic_messages.h"

#include "tools/models/anthropic_answer.h"

namespace weir::tools::models {
namespace {

constexpr std::string_view kVersion = "2023-06-01";

Json assistant_content(const ModelMessage& message) {
  // Thinking is signed: its blocks go back as they came, in their places.
  if (string_or(message.opaque, "format", "") == kAnthropicFormat) {
    if (const Json* content = find_member(message.opaque, "content"); content != nullptr && content->is_array()) {
      return *content;
    }
  }
  Json content = Json::array();
  if (!message.text.empty()) content.push_back({{"type", "text"}, {"text", message.text}});
  for (const ModelCall& call : message.calls) {
    content.push_back({{"type", "tool_use"},
                       {"id", call.id},
                       {"name", sendable_name(call.name)},
                       {"input", arguments_object(call.arguments_text)}});
  }
  return content;
}

Json tool_result(const ModelMessage& message) {
  Json block = {{"type", "tool_result"}, {"tool_use_id", message.call_id}, {"content", message.text}};
  if (message.is_error) block["is_error"] = true;
  return block;
}

// One message for what follows each other in one role: so all results of a turn stand in one user message, before what the
// user adds.
void append(Json& messages, std::string_view role, Json content) {
  if (content.empty()) return;  // the API refuses a message without content
  if (messages.empty() || messages.back()["role"] != role) {
    messages.push_back({{"role", role}, {"content", Json::array()}});
  }
  Json& blocks = messages.back()["content"];
  for (Json& block : content) blocks.push_back(std::move(block));
}

Json messages_json(const ModelRequest& request) {
  Json messages = Json::array();
  for (const ModelMessage& message : request.messages) {
    switch (message.role) {
      case ModelMessage::Role::assistant: append(messages, "assistant", assistant_content(message)); break;
      case ModelMessage::Role::tool: append(messages, "user", Json::array({tool_result(message)})); break;
      case ModelMessage::Role::user:
        if (message.text.empty()) break;
        append(messages, "user", Json::array({Json{{"type", "text"}, {"text", message.text}}}));
        break;
    }
  }
  return messages;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> AnthropicMessages::headers(const std::string& key) const {
  std::vector<std::pair<std::string, std::string>> headers = {{"anthropic-version", std::string(kVersion)}};
  if (key.empty()) return headers;
  const std::string name = settings_.api_key_header.empty() ? "x-api-key" : settings_.api_key_header;
  headers.emplace_back(name, name == "Authorization" ? "Bearer " + key : key);
  return headers;
}

Json AnthropicMessages::body(const ModelRequest& request) const {
  Json body = {{"model", request.model},
               {"max_tokens", request.max_output_tokens},
               {"messages", messages_json(request)},
               {"stream", true}};
  if (!request.instructions.empty()) body["system"] = request.instructions;
  if (request.temperature) body["temperature"] = *request.temperature;
  if (request.tools.empty()) return body;
  Json tools = Json::array();
  for (const ModelTool& tool : request.tools) {
    tools.push_back(
        {{"name", tool.name}, {"description", tool.description}, {"input_schema", tool_schema(tool.input_schema)}});
  }
  body["tools"] = std::move(tools);
  return body;
}

std::unique_ptr<TurnAssembler> AnthropicMessages::assembler(AssemblerHooks hooks) const {
  return std::make_unique<AnthropicAnswer>(std::move(hooks));
}

}  // namespace weir::tools::models
