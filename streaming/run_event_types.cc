#include "streaming/run_event_types.h"

#include "streaming/event_schema.h"

namespace weir::streaming {
namespace {

using namespace payloads;

Members run_members() {
  return {
      {"status", one_of("Where the run stands now.", {"queued", "running", "requires_action", "cancelling", "completed",
                                                      "failed", "cancelled", "incomplete", "expired"})},
      {"agent_id", text("For get_agent.")},
      {"agent", text("The agent's slug.")},
      {"version", integer("The agent's version that is executed.")}};
}

Json run_payload(const Members& more = {}, const std::vector<std::string>& optional = {}) {
  Members members = run_members();
  members.insert(members.end(), more.begin(), more.end());
  return payload(members, optional);
}

Json usage_members_of(Json schema) {
  schema["properties"] = {{"input_tokens", nullable(integer("Given to the model; null if the provider did not say."))},
                          {"output_tokens", nullable(integer("Written by the model."))},
                          {"cached_input_tokens", nullable(integer("Part of input_tokens."))},
                          {"reasoning_tokens", nullable(integer("Part of output_tokens."))},
                          {"model_requests", integer("Turns of the model.")},
                          {"tool_calls", integer("Tool calls made.")},
                          {"wall_ms", integer("Time spent running, without waiting for people.")},
                          {"cost_microusd", nullable(integer("By the operator's price table; null without one."))},
                          {"complete", typed("boolean", "False if a provider left something out.")}};
  return schema;
}

Json usage_payload() { return usage_members_of({{"type", "object"}}); }

Json error_member(std::string_view description) { return nullable(typed("object", description)); }

Json required_action_member() {
  return typed("object", "{type, tool_call_ids, expires_at}: decide with respond_run before expires_at.");
}

Json run_ended_payload() {
  return run_payload(
      {{"output", Json{{"description", "What it came to; may be partial if it was not completed."}}},
       {"error", error_member("{code, message} of a run that was not completed.")},
       {"incomplete_reason",
        nullable(one_of("Which limit ended it.",
                        {"max_steps", "max_tokens", "max_cost", "max_tool_calls", "context_window", "model_refusal"}))},
       {"usage", usage_members_of(typed("object", "What the run used."))},
       {"started_at", nullable(text("RFC 3339, UTC; null if it never started."))},
       {"finished_at", text("RFC 3339, UTC.")},
       {"duration_ms", nullable(integer("Time spent running, without waiting for people."))},
       {"message", text("What happened, for people.")}},
      {"output", "error", "incomplete_reason", "usage", "started_at", "finished_at", "duration_ms", "message"});
}

Json run_status_payload() {
  return payload({{"status", text("The run's status.")},
                  {"waiting_for", nullable(one_of("What it waits for; null: for nothing any more.",
                                                  {"rate_limit", "scan", "approval"}))},
                  {"retry_after_ms", nullable(integer("How long, if that is known."))},
                  {"tool_call_id", text("The call that waits.")},
                  {"message", text("What that means, for people.")}},
                 {"retry_after_ms", "tool_call_id", "message"});
}

Members step_members() {
  return {{"step_id", text("The step of the playbook, or the turn of the model.")},
          {"tool", text("The tool that it calls; `model` for a turn of a model.")}};
}

Json step_ended_payload() {
  Members members = step_members();
  members.emplace_back("status", one_of("How it ended.", {"completed", "failed", "skipped"}));
  members.emplace_back("error", error_member("{code, message} of a step that failed."));
  members.emplace_back("duration_ms", integer("From its start to its end."));
  return payload(members, {"error", "duration_ms"});
}

Json tool_call_payload(const Members& more = {}, const std::vector<std::string>& optional = {}) {
  Members members = {
      {"tool_call_id", text("For respond_run and list_run_tool_calls.")},
      {"step_id", text("The step or turn that it belongs to.")},
      {"name", text("The tool.")},
      {"source", text("builtin, or mcp:<alias> for a tool of another server.")},
      {"arguments_sha256", text("SHA-256 of the arguments, hexadecimal: what an approval is bound to.")},
      {"status", one_of("Where the call stands.", {"pending", "awaiting_approval", "running", "completed", "failed",
                                                   "denied", "timed_out", "skipped"})}};
  members.insert(members.end(), more.begin(), more.end());
  return payload(members, optional);
}

Json tool_call_arguments_payload() {
  return tool_call_payload({{"arguments", typed("object", "What it is called with. May hold text that others wrote.")},
                            {"reason", text("Why a person is asked.")},
                            {"expires_at", text("When the approval expires; RFC 3339, UTC.")}},
                           {"arguments", "reason", "expires_at"});
}

Json tool_call_decision_payload() {
  return tool_call_payload({{"decided_by", text("The key that decided, or why no one was asked.")},
                            {"reason", nullable(text("Why, in the words of whoever decided."))},
                            {"arguments", typed("object", "The arguments, if they were edited.")}},
                           {"decided_by", "reason", "arguments"});
}

Json tool_call_ended_payload() {
  return tool_call_payload({{"is_error", typed("boolean", "Whether the tool or the call failed.")},
                            {"summary", text("The answer in one or two sentences. May hold text that others wrote.")},
                            {"error", error_member("{code, message} of a call that failed.")},
                            {"duration_ms", integer("From its start to its end.")}},
                           {"summary", "error", "duration_ms"});
}

Json progress_of_call_payload() {
  return tool_call_payload({{"event", typed("object", "{type, data} of what it waits for, such as scan.progress.")}},
                           {"arguments_sha256", "status", "source", "step_id"});
}

}  // namespace

std::vector<EventType> run_event_types() {
  constexpr std::chrono::hours kDeltasKept{24};
  Members resumed = run_members();
  resumed.emplace_back("reason", one_of("Why it had stopped.", {"server_restarted", "approval"}));
  resumed.emplace_back("attempt", integer("How often the run has been taken up, this time included."));
  resumed.emplace_back("message", text("What that means, for people."));
  const auto ends = EventType::Ending::ends_resource;
  const auto goes_on = EventType::Ending::goes_on;
  return {
      {"run.queued", "A run was accepted and waits for its turn.", run_payload()},
      {"run.started", "A run has begun.", run_payload()},
      {"run.resumed", "A run goes on after a restart of the server, or after a person has decided.",
       payload(resumed, {"message"})},
      {"run.status", "A run has begun or ceased to wait for something.", run_status_payload()},
      {"step.started", "A step of a playbook, or a turn of a model, has begun.", payload(step_members())},
      {"step.completed", "A step has ended, in one way or another.", step_ended_payload()},
      {"message.started", "A model has begun to write a message.",
       payload({{"position", integer("Which message of the run, from 0.")}, {"role", text("assistant.")}},
               {"position", "role"})},
      {"message.delta", "A piece of a message that a model writes; after a day only its place in the sequence is left.",
       payload({{"kind", one_of("What the piece belongs to.", {"text", "reasoning"})},
                {"text", text("The piece.")},
                {"is_trimmed", typed("boolean", "True once the piece is gone.")}},
               {"kind", "text", "is_trimmed"}),
       goes_on, kDeltasKept},
      {"message.completed", "A model has written a message.",
       payload({{"position", integer("Which message of the run, from 0.")},
                {"role", text("assistant.")},
                {"text", text("The whole message.")}},
               {"position", "role"})},
      {"tool_call.created", "A run is to call a tool.", tool_call_arguments_payload()},
      {"tool_call.approval_requested", "A call waits until a person agrees: see respond_run.",
       tool_call_arguments_payload()},
      {"tool_call.approved", "A person has agreed to a call.", tool_call_decision_payload()},
      {"tool_call.denied", "A call was refused by a person or by a rule.", tool_call_decision_payload()},
      {"tool_call.started", "A call is being made.",
       tool_call_payload({{"attempt", integer("Which try this is, from 1; a restart of the server may need another.")}},
                         {"attempt"})},
      {"tool_call.progress", "What a call waits for has progressed.", progress_of_call_payload()},
      {"tool_call.completed", "A call was answered.", tool_call_ended_payload()},
      {"tool_call.failed", "A call failed or took too long.", tool_call_ended_payload()},
      {"usage.updated", "What a run has used so far.", usage_payload()},
      {"warning", "Something that people should know and that changes nothing.",
       payload({{"code", text("What kind.")}, {"message", text("What it is, for people.")}})},
      {"run.requires_action", "A run waits for people: at least one call has to be decided.",
       run_payload({{"required_action", required_action_member()}}), EventType::Ending::asks_people},
      {"run.cancelling", "A running run was asked to stop.",
       run_payload({{"message", text("Who asked for it.")}}, {"message"})},
      {"run.completed", "A run has ended with a result.", run_ended_payload(), ends},
      {"run.failed", "A run could not be carried out.", run_ended_payload(), ends},
      {"run.cancelled", "A run was cancelled.", run_ended_payload(), ends},
      {"run.incomplete", "A limit ended a run before its work was done.", run_ended_payload(), ends},
      {"run.expired", "A run waited too long for its turn or for a person.", run_ended_payload(), ends},
  };
}

}  // namespace weir::streaming
