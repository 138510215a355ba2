#include "tools/runs/run_views.h"

#include "base/clock.h"
#include "base/log.h"
#include "tools/parameters.h"
#include "tools/runs/call_record.h"
#include "tools/runs/run_usage.h"

namespace weir::tools::runs {
namespace {

namespace p = parameters;

constexpr std::size_t kShownOutputMax = 600;
constexpr std::size_t kShownArgumentsMax = 300;
constexpr std::size_t kNamedCallsMax = 5;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json time_or_null(const std::optional<UnixMillis>& time) { return time ? Json(to_rfc3339(*time)) : Json(nullptr); }
Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
Json duration_of(const std::optional<UnixMillis>& from, const std::optional<UnixMillis>& to) {
  return from && to ? Json((*to - *from).count()) : Json(nullptr);
}

Json error_schema(std::string_view description) {
  return p::nullable(
      p::answer({{"code", p::text("What kind of failure.")}, {"message", p::text("What happened.")}}, {}, description));
}
Json any(std::string_view description) { return {{"description", description}}; }

Json waiting_json(const store::ToolCallRow& call) {
  return {{"tool_call_id", call.id},
          {"step_id", call.step_id},
          {"name", call.name},
          {"source", call.source},
          {"arguments", call.arguments},
          {"arguments_sha256", call.arguments_sha256},
          {"reason", string_or(call.approval, "reason", "")}};
}

Json required_action_json(const store::RunRow& run, const std::vector<store::ToolCallRow>& waiting) {
  if (!run.required_action.is_object()) return nullptr;
  Json action = run.required_action;
  if (!action.contains("type")) action["type"] = "approval";
  if (!action.contains("expires_at")) action["expires_at"] = to_rfc3339(run.deadline_at);
  if (!action.contains("tool_call_ids")) action["tool_call_ids"] = Json::array();
  action["calls"] = Json::array();
  for (const store::ToolCallRow& call : waiting) action["calls"].push_back(waiting_json(call));
  return action;
}

Json required_action_schema() {
  const Json call =
      p::answer({{"tool_call_id", p::text("For respond_run.")},
                 {"step_id", p::text("The step or turn that wants it.")},
                 {"name", p::text("The tool.")},
                 {"source", p::text("builtin, or mcp:<alias>.")},
                 {"arguments", p::object("What it would be called with. May hold text that others wrote.")},
                 {"arguments_sha256", p::text("For respond_run: what is agreed to.")},
                 {"reason", p::text("Why a person is asked.")}});
  return p::nullable(p::answer({{"type", p::text("approval.")},
                                {"tool_call_ids", p::list("The calls that wait.", p::text("A tool call's id."))},
                                {"expires_at", p::time("When the run expires if nobody decides.")},
                                {"calls", p::list("The calls with all that is needed to decide.", call)}},
                               {"calls"}, "What a person has to decide, with respond_run; null if nothing."));
}

Json usage_schema() {
  return p::answer({{"input_tokens", p::nullable(p::integer("Given to the model; null if a provider did not say."))},
                    {"output_tokens", p::nullable(p::integer("Written by the model."))},
                    {"cached_input_tokens", p::nullable(p::integer("Part of input_tokens."))},
                    {"reasoning_tokens", p::nullable(p::integer("Part of output_tokens."))},
                    {"model_requests", p::integer("Requests to the model.")},
                    {"tool_calls", p::integer("Tool calls made.")},
                    {"wall_ms", p::integer("Time spent running, without waiting for people.")},
                    {"cost_microusd", p::nullable(p::integer("By the operator's price table; null without one."))},
                    {"complete", p::boolean("False if a provider left something out.")}},
                   {}, "What the run has used.");
}

Json step_json(const store::RunStepRow& step) {
  return {{"step_id", step.step_id},
          {"tool", step.tool},
          {"status", step.status},
          {"result", step.result},
          {"error", step.error},
          {"attempts", step.attempts},
          {"tainted", step.is_tainted},
          {"started_at", to_rfc3339(step.started_at)},
          {"finished_at", time_or_null(step.finished_at)},
          {"duration_ms", duration_of(step.started_at, step.finished_at)}};
}

Json step_schema() {
  return p::answer({{"step_id", p::text("The step of the playbook, or the turn of the model.")},
                    {"tool", p::text("The tool that it calls.")},
                    {"status", p::one_of("Where it stands.", {"running", "completed", "failed", "skipped"})},
                    {"result", any("What it came to; null until then. May hold text that others wrote.")},
                    {"error", error_schema("Why it failed.")},
                    {"attempts", p::integer("How often it was tried.")},
                    {"tainted", p::boolean("Whether its result holds text that others wrote.")},
                    {"started_at", p::time("When it began.")},
                    {"finished_at", p::nullable(p::time("When it ended."))},
                    {"duration_ms", p::nullable(p::integer("From start to end."))}});
}

Json message_json(const store::RunMessageRow& message) {
  return {{"role", message.role}, {"content", message.content}, {"created_at", to_rfc3339(message.created_at)}};
}

Json message_schema() {
  return p::answer({{"role", p::text("user, assistant or tool.")},
                    {"content", any("What was said. May hold text that others wrote.")},
                    {"created_at", p::time("When.")}});
}

Json attempt_json(const store::RunAttemptRow& attempt) {
  return {{"subject", attempt.subject},
          {"n", attempt.n},
          {"outcome", attempt.outcome},
          {"detail", attempt.detail},
          {"started_at", to_rfc3339(attempt.started_at)},
          {"finished_at", to_rfc3339(attempt.finished_at)}};
}

Json attempt_schema() {
  return p::answer({{"subject", p::text("model, or a tool call's id.")},
                    {"n", p::integer("Which try, from 1.")},
                    {"outcome", p::text("ok, or an error's code.")},
                    {"detail", p::text("What happened.")},
                    {"started_at", p::time("When it began.")},
                    {"finished_at", p::time("When it ended.")}});
}

p::Members item_members() {
  return {
      {"id", p::text("The run's id, for get_run, list_run_events, respond_run and cancel_run.")},
      {"agent_id", p::text("The agent.")},
      {"agent", p::text("The agent's slug.")},
      {"version", p::integer("The agent's version that is executed.")},
      {"kind", p::text("playbook (rule-driven) or model.")},
      {"provider", p::nullable(p::text("`playbook`, or the model provider."))},
      {"model", p::nullable(p::text("The model; null for a playbook, or for the provider's default."))},
      {"status", p::one_of("Where it stands.", {"queued", "running", "requires_action", "cancelling", "completed",
                                                "failed", "cancelled", "incomplete", "expired"})},
      {"incomplete_reason",
       p::nullable(p::one_of("Which limit ended it.", {"max_steps", "max_tokens", "max_cost", "max_tool_calls",
                                                       "context_window", "model_refusal"}))},
      {"required_action", required_action_schema()},
      {"error", error_schema("Why it was not completed.")},
      {"usage", usage_schema()},
      {"limits", p::object("The bounds of this run.")},
      {"tainted", p::boolean("Whether text that others wrote has come into the run.")},
      {"previous_run_id", p::nullable(p::text("The run whose conversation it goes on from."))},
      {"parent_run_id", p::nullable(p::text("The run that it replays."))},
      {"trigger", p::text("Who started it: api, mcp, cli or replay.")},
      {"created_by_key", p::text("The key whose scopes, rate limit and quotas its tool calls use.")},
      {"queued_at", p::time("When it was accepted.")},
      {"started_at", p::nullable(p::time("When it began."))},
      {"finished_at", p::nullable(p::time("When it ended."))},
      {"deadline_at",
       p::nullable(p::time("While queued or waiting for a person: when it expires. While running: when it is "
                           "ended. Null once it has ended."))},
      {"duration_ms",
       p::nullable(p::integer("Time spent running so far, without waiting for people; null if it never began."))},
      {"next_poll_s",
       p::nullable(p::integer("Ask again after this many seconds, or use wait_seconds; null if that would not help."))},
      {"links", p::answer({{"self", p::text("REST path.")},
                           {"events", p::text("REST path of the event stream.")},
                           {"tool_calls", p::text("REST path.")}},
                          {}, "Where REST clients go on.")},
  };
}

std::string shortened(const Json& value, std::size_t most) {
  const std::string text = value.is_string() ? value.get<std::string>() : to_text(value);
  return printable(text, most);
}

std::string named_calls(const std::vector<store::ToolCallRow>& waiting) {
  std::string text;
  for (std::size_t i = 0; i < std::min(waiting.size(), kNamedCallsMax); ++i) {
    const store::ToolCallRow& call = waiting[i];
    text += (i == 0 ? "" : "; ") + call.id + ": " + call.name + " " + shortened(call.arguments, kShownArgumentsMax);
    const std::string reason = string_or(call.approval, "reason", "");
    if (!reason.empty()) text += " (" + reason + ")";
  }
  if (waiting.size() > kNamedCallsMax) text += "; and " + std::to_string(waiting.size() - kNamedCallsMax) + " more";
  return text;
}

std::string what_to_decide(const store::RunRow& run, const std::vector<store::ToolCallRow>& waiting) {
  return " and waits for a person to decide about " + std::to_string(waiting.size()) +
         (waiting.size() == 1 ? " tool call" : " tool calls") + " before " + to_rfc3339(run.deadline_at) + ": " +
         named_calls(waiting) +
         ". Tell your user; do not decide for them. They decide with review_run in an MCP client that can ask, with "
         "`weir runs "
         "approve " +
         run.id + "`, or with respond_run, which needs the scope runs:approve and each arguments_sha256.";
}

}  // namespace

Json run_item_json(const store::RunRow& run) {
  const Json definition = run.snapshot.value("definition", Json::object());
  const std::string kind = string_or(definition, "kind", "playbook");
  const bool is_over = store::is_terminal_run_status(run.status);
  const bool is_polled = !is_over && run.status != "requires_action";
  Json error = nullptr;
  if (run.error_code) error = {{"code", *run.error_code}, {"message", run.error_message.value_or("")}};
  const std::string path = "/v1/runs/" + run.id;
  return {
      {"id", run.id},
      {"agent_id", run.agent_id},
      {"agent", string_or(run.snapshot, "slug", "")},
      {"version", run.agent_version},
      {"kind", kind},
      {"provider", kind == "model" ? text_or_null(string_or(definition, "provider", "")) : Json("playbook")},
      {"model", kind == "model" ? text_or_null(string_or(definition, "model", "")) : Json(nullptr)},
      {"status", run.status},
      {"incomplete_reason", or_null(run.incomplete_reason)},
      {"required_action", required_action_json(run, {})},
      {"error", std::move(error)},
      {"usage", usage_from(run.usage)},
      {"limits", run.limits},
      {"tainted", run.is_tainted},
      {"previous_run_id", or_null(run.previous_run_id)},
      {"parent_run_id", or_null(run.parent_run_id)},
      {"trigger", run.trigger},
      {"created_by_key", run.created_by_key},
      {"queued_at", to_rfc3339(run.queued_at)},
      {"started_at", time_or_null(run.started_at)},
      {"finished_at", time_or_null(run.finished_at)},
      {"deadline_at", is_over ? Json(nullptr) : Json(to_rfc3339(run.deadline_at))},
      {"duration_ms", run.started_at ? Json(run.active_ms) : Json(nullptr)},
      {"next_poll_s", is_polled ? Json(kNextPollSeconds) : Json(nullptr)},
      {"links", {{"self", path}, {"events", path + "/events"}, {"tool_calls", path + "/tool-calls"}}},
  };
}

Json run_item_schema() { return p::answer(item_members(), {}, "A run, compact."); }

Json run_json(const store::RunRow& run, const std::vector<store::ToolCallRow>& waiting, const RunDetails& details) {
  Json json = run_item_json(run);
  json["required_action"] = required_action_json(run, waiting);
  json["input"] = run.input;
  json["output"] = run.output;
  const auto add = [&](const char* name, const auto& rows, auto make) {
    if (!rows) return;
    json[name] = Json::array();
    for (const auto& row : *rows) json[name].push_back(make(row));
  };
  add("steps", details.steps, step_json);
  add("tool_calls", details.tool_calls, tool_call_json);
  add("messages", details.messages, message_json);
  add("attempts", details.attempts, attempt_json);
  return json;
}

Json run_schema() {
  p::Members members = item_members();
  for (auto& member : p::Members{
           {"input", p::object("What it was started with.")},
           {"output", any("What it came to; null until then. May hold text that others wrote.")},
           {"steps", p::list("With include steps: in their order.", step_schema())},
           {"tool_calls", p::list("With include tool_calls: in their order.", tool_call_schema())},
           {"messages", p::list("With include messages: what a model said and heard.", message_schema())},
           {"attempts",
            p::list("With include attempts: each try of a model request or a tool call.", attempt_schema())},
       }) {
    members.push_back(std::move(member));
  }
  return p::answer(members, {"steps", "tool_calls", "messages", "attempts"}, "A run.");
}

std::string run_summary(const store::RunRow& run, const std::vector<store::ToolCallRow>& waiting) {
  std::string text = "Run " + run.id + " of " + string_or(run.snapshot, "slug", run.agent_id) + " (version " +
                     std::to_string(run.agent_version) + ") is " + run.status;
  if (run.status == "requires_action") {
    if (!waiting.empty()) return text + what_to_decide(run, waiting);
    return text + ". get_run shows what a person has to decide.";
  }
  if (run.status == "completed") {
    text += " after " + std::to_string(run.active_ms) + " ms.";
    return run.output.is_null() ? text : text + " Output: " + shortened(run.output, kShownOutputMax);
  }
  if (store::is_terminal_run_status(run.status)) {
    if (run.incomplete_reason) text += " (" + *run.incomplete_reason + ")";
    text += run.error_message ? ": " + *run.error_message : std::string(".");
    if (run.status == "incomplete" && !run.output.is_null())
      text += " Output so far: " + shortened(run.output, kShownOutputMax);
    return text;
  }
  if (!waiting.empty()) return text + what_to_decide(run, waiting);
  return text + ". Call get_run with wait_seconds to wait for its end.";
}

Json tool_call_json(const store::ToolCallRow& call) {
  return {{"id", call.id},
          {"step_id", call.step_id},
          {"name", call.name},
          {"source", call.source},
          {"arguments", call.arguments},
          {"arguments_sha256", call.arguments_sha256},
          {"status", call.status},
          {"approval", call.approval},
          {"result", call.result},
          {"summary", call.summary},
          {"error", call.error},
          {"is_error", call.is_error},
          {"tainted", call.is_tainted},
          {"attempts", call.attempts},
          {"created_at", to_rfc3339(call.created_at)},
          {"started_at", time_or_null(call.started_at)},
          {"finished_at", time_or_null(call.finished_at)},
          {"duration_ms", duration_of(call.started_at, call.finished_at)}};
}

Json tool_call_schema() {
  return p::answer({
      {"id", p::text("The call's id, for respond_run.")},
      {"step_id", p::text("The step or turn that wanted it.")},
      {"name", p::text("The tool.")},
      {"source", p::text("builtin, or mcp:<alias> for a tool of another server.")},
      {"arguments", p::object("What the run wanted to call it with. May hold text that others wrote.")},
      {"arguments_sha256", p::text("SHA-256 of the arguments, hexadecimal: what an approval is bound to.")},
      {"status", p::one_of("Where it stands.", {"pending", "awaiting_approval", "running", "completed", "failed",
                                                "denied", "timed_out", "skipped"})},
      {"approval", p::nullable(p::object(
                       "Of a call that needed a person: required_by, reason, decision (allow or deny), decided_by, "
                       "decided_at, deny_reason, edited_arguments (which are executed instead) and their "
                       "edited_arguments_sha256."))},
      {"result", any("The answer, perhaps shortened; null until then. May hold text that others wrote.")},
      {"summary", p::text("The answer in one or two sentences.")},
      {"error", error_schema("Why it failed.")},
      {"is_error", p::boolean("Whether the tool or the call failed.")},
      {"tainted", p::boolean("Whether the result holds text that others wrote.")},
      {"attempts", p::integer("How often it was tried.")},
      {"created_at", p::time("When the run wanted it.")},
      {"started_at", p::nullable(p::time("When it was made."))},
      {"finished_at", p::nullable(p::time("When it ended."))},
      {"duration_ms", p::nullable(p::integer("From start to end."))},
  });
}

}  // namespace weir::tools::runs
