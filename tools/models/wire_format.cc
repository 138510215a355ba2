#include "tools/models/wire_format.h"

#include "base/log.h"
#include "tools/models/anthropic_messages.h"
#include "tools/models/openai_chat.h"

namespace weir::tools::models {

std::unique_ptr<WireFormat> wire_format(const ProviderSettings& settings) {
  if (settings.kind == ProviderKind::anthropic_messages) return std::make_unique<AnthropicMessages>(settings);
  return std::make_unique<OpenAiChat>(settings);
}

std::string sendable_name(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 64;
  std::string sendable(name.substr(0, kNameBytesMax));
  for (char& c : sendable) {
    const bool is_taken =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!is_taken) c = '_';
  }
  return sendable.empty() ? "unnamed" : sendable;
}

Json arguments_object(const std::string& arguments_text) {
  auto parsed = parse_json(arguments_text, kAnswerDepthMax);
  return parsed && parsed->is_object() ? *std::move(parsed) : Json::object();
}

Json tool_schema(const Json& input_schema) {
  Json schema = input_schema.is_object() ? input_schema : Json::object();
  if (!schema.contains("type")) schema["type"] = "object";
  if (!schema.contains("properties")) schema["properties"] = Json::object();
  return schema;
}

Result<Json> parse_answer(std::string_view text) {
  auto parsed = parse_json(text, kAnswerDepthMax);
  if (parsed) return parsed;
  // The serialiser replaces what is not UTF-8; read back, the same text is valid.
  if (auto cleaned = parse_json(to_text(Json(text))); cleaned && cleaned->is_string()) {
    const auto& valid = cleaned->get_ref<const std::string&>();
    if (valid != text) parsed = parse_json(valid, kAnswerDepthMax);
  }
  if (parsed) return parsed;
  return Error(ErrorCode::unavailable, "sent something that is not JSON: " + printable(text, 120))
      .because(parsed.error().message);
}

std::optional<std::int64_t> token_count(const Json& object, std::string_view name) {
  const auto count = integer_member(object, name);
  return count && *count >= 0 ? count : std::nullopt;
}

Error too_large_answer(std::string_view what) {
  return {ErrorCode::unavailable, "sent " + std::string(what) + " beyond every bound; the answer was given up"};
}

}  // namespace weir::tools::models
