#include "server/mcp/tool_results.h"

#include "server/error_reply.h"
#include "server/mcp/envelope.h"

namespace weir::mcp {

namespace {

// What server/error_reply sends; enough for a client to check a failed result against.
Json error_schema() {
  return {{"type", "object"},
          {"description", "The error object of a call that failed (isError)."},
          {"properties",
           {{"error", {{"type", "string"}}}, {"message", {{"type", "string"}}}, {"status", {{"type", "integer"}}}}},
          {"required", {"error", "message", "status"}}};
}

}  // namespace

ToolAnswer success_answer(tools::ToolResult result) {
  ToolAnswer answer;
  answer.structured = std::move(result.structured);
  if (result.document) {
    answer.texts.push_back(std::move(result.document->text));
    return answer;
  }
  if (!result.summary.empty()) answer.texts.push_back(std::move(result.summary));
  answer.texts.push_back(to_text(answer.structured));
  return answer;
}

ToolAnswer error_answer(const Error& error, std::string_view request_id) {
  ToolAnswer answer;
  answer.is_error = true;
  std::string text = error.message;
  for (const FieldError& field : error.fields) {
    if (text.find(field.message) == std::string::npos) text += "\n- " + field.field + ": " + field.message;
  }
  if (error.retry_after) {
    text += "\nRetry after " + std::to_string(server::retry_after_seconds(*error.retry_after)) + " seconds.";
  }
  if (error.code == ErrorCode::internal) text += "\nRequest id: " + std::string(request_id);
  answer.texts.push_back(std::move(text));
  answer.structured = server::error_object(error, request_id);
  return answer;
}

ToolAnswer refusal_answer(const limits::Decision& decision, std::string_view request_id) {
  return {true, {server::refusal_message(decision)}, server::refusal_object(decision, request_id)};
}

Json call_tool_result(ToolAnswer answer, Revision revision, const limits::Decision& decision) {
  Json result{{"content", Json::array()}, {"isError", answer.is_error}};
  for (std::string& text : answer.texts) {
    Json& block = result["content"].emplace_back(Json::object());
    block["type"] = "text";
    block["text"] = std::move(text);
  }
  const bool may_be_any_json = features_of(revision).has_result_type;
  if (features_of(revision).has_structured_content && !answer.structured.is_null() &&
      (may_be_any_json || answer.structured.is_object())) {
    result["structuredContent"] = std::move(answer.structured);
  }
  result["_meta"][std::string(meta::kRateLimit)] = rate_limit_meta(decision);
  return result;
}

Json output_schema(const tools::Tool& tool) {
  Json success = tool.output_schema;
  Json schema{{"type", "object"}};
  // References inside the schema are to the root: what they name stays there.
  for (const char* root_member : {"$schema", "$id", "$defs"}) {
    if (const auto member = success.find(root_member); member != success.end()) {
      schema[root_member] = std::move(*member);
      success.erase(member);
    }
  }
  schema["anyOf"] = Json::array({std::move(success), error_schema()});
  return schema;
}

Json tool_definition(const tools::Tool& tool, Revision revision) {
  const Features& features = features_of(revision);
  Json definition{{"name", tool.name}, {"description", tool.description}, {"inputSchema", tool.input_schema}};
  if (features.has_annotations) {
    definition["annotations"] = {{"title", tool.title},
                                 {"readOnlyHint", tool.annotations.is_read_only},
                                 {"destructiveHint", tool.annotations.is_destructive},
                                 {"idempotentHint", tool.annotations.is_idempotent},
                                 {"openWorldHint", tool.annotations.is_open_world}};
  }
  if (features.has_titles) definition["title"] = tool.title;
  if (features.has_structured_content && tool.output_schema.is_object() && !tool.output_schema.empty()) {
    definition["outputSchema"] = output_schema(tool);
  }
  return definition;
}

Json rate_limit_meta(const limits::Decision& decision) {
  const limits::PolicyState* state = decision.shown();
  if (decision.is_unlimited || state == nullptr) return {{"tier", decision.tier}, {"unlimited", true}};
  const auto reset = std::chrono::ceil<std::chrono::seconds>(state->reset_at.time_since_epoch()).count();
  Json shown{{"limit", state->limit},
             {"remaining", state->remaining},
             {"reset", reset},
             {"policy", state->name},
             {"tier", decision.tier}};
  if (!decision.is_allowed) shown["retryAfterMs"] = decision.retry_after.count();
  return shown;
}

Json server_info(Revision revision, std::string_view version) {
  Json info{{"name", "weir"}, {"version", version}};
  if (features_of(revision).has_titles) info["title"] = "Weir";
  if (features_of(revision).has_descriptions) {
    info["description"] = "Rate-limited security scans of web servers";
  }
  return info;
}

void add_result_members(Json& result, Revision revision, std::string_view version) {
  if (!features_of(revision).has_result_type) return;
  if (!result.contains("resultType")) result["resultType"] = "complete";
  Json& server = result["_meta"][std::string(meta::kServerInfo)];
  if (server.is_null()) server = server_info(revision, version);
}

}  // namespace weir::mcp
