#include "tools/models/openai_chat.h"

#include "tools/models/openai_answer.h"

namespace weir::tools::models {
namespace {

Json assistant_message(const ModelMessage& message) {
  Json json = {{"role", "assistant"}};
  // Some servers want the member, some refuse an empty text beside calls: null is what OpenAI itself sends.
  json["content"] = message.text.empty() && !message.calls.empty() ? Json() : Json(message.text);
  if (message.calls.empty()) return json;
  Json calls = Json::array();
  for (const ModelCall& call : message.calls) {
    // llama-server and Ollama parse the arguments and fail the whole request if they are no JSON.
    calls.push_back(
        {{"id", call.id},
         {"type", "function"},
         {"function",
          {{"name", sendable_name(call.name)}, {"arguments", to_text(arguments_object(call.arguments_text))}}}});
  }
  json["tool_calls"] = std::move(calls);
  return json;
}

// The format has no member for an error.
std::string tool_text(const ModelMessage& message) {
  const bool says_so = message.text.starts_with("Error") || message.text.starts_with("error");
  return message.is_error && !says_so ? "Error: " + message.text : message.text;
}

Json messages_json(const ModelRequest& request, std::string_view instructions_role) {
  Json messages = Json::array();
  if (!request.instructions.empty()) {
    messages.push_back({{"role", instructions_role}, {"content", request.instructions}});
  }
  for (const ModelMessage& message : request.messages) {
    switch (message.role) {
      case ModelMessage::Role::user: messages.push_back({{"role", "user"}, {"content", message.text}}); break;
      case ModelMessage::Role::assistant: messages.push_back(assistant_message(message)); break;
      case ModelMessage::Role::tool:
        messages.push_back({{"role", "tool"}, {"tool_call_id", message.call_id}, {"content", tool_text(message)}});
        break;
    }
  }
  return messages;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> OpenAiChat::headers(const std::string& key) const {
  if (key.empty()) return {};
  const std::string name = settings_.api_key_header.empty() ? "Authorization" : settings_.api_key_header;
  return {{name, name == "Authorization" ? "Bearer " + key : key}};
}

Json OpenAiChat::body(const ModelRequest& request) const {
  using Compat = ProviderSettings::Compat;
  const bool is_openai = settings_.compat == Compat::openai ||
                         (settings_.compat == Compat::automatic && settings_.base_url.host == "api.openai.com");
  Json body = {{"model", request.model},
               {"messages", messages_json(request, is_openai ? "developer" : "system")},
               {"stream", true},
               {is_openai ? "max_completion_tokens" : "max_tokens", request.max_output_tokens}};
  if (settings_.asks_for_usage) body["stream_options"] = {{"include_usage", true}};
  if (request.temperature) body["temperature"] = *request.temperature;
  if (request.tools.empty()) return body;
  Json tools = Json::array();
  for (const ModelTool& tool : request.tools) {
    tools.push_back(
        {{"type", "function"},
         {"function",
          {{"name", tool.name}, {"description", tool.description}, {"parameters", tool_schema(tool.input_schema)}}}});
  }
  body["tools"] = std::move(tools);
  return body;
}

std::unique_ptr<TurnAssembler> OpenAiChat::assembler(AssemblerHooks hooks) const {
  return std::make_unique<OpenAiAnswer>(std::move(hooks));
}

}  // namespace weir::tools::models
