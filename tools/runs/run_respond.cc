#include "tools/runs/run_respond.h"

#include <algorithm>

#include "base/log.h"
#include "store/audit_store.h"
#include "tools/lookup.h"
#include "tools/runs/call_arguments.h"
#include "tools/runs/call_record.h"
#include "tools/runs/run_record.h"
#include "tools/runs/run_start.h"

namespace weir::tools::runs {
namespace {

// As the caller gave it. Not thread-safe: a value.
struct Decision {
  std::string path;  // "decisions[0]"
  std::string tool_call_id;
  bool is_allowed = false;
  std::string reason;
  std::string sha256;
  std::optional<Json> edited;
};

Error wrong(const std::string& field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

Result<std::vector<Decision>> decisions_of(const Json& arguments) {
  std::vector<Decision> decisions;
  for (const Json& json : arguments.at("decisions")) {
    Decision decision;
    decision.path = "decisions[" + std::to_string(decisions.size()) + "]";
    decision.tool_call_id = string_or(json, "tool_call_id", "");
    decision.is_allowed = string_or(json, "decision", "") == "allow";
    decision.reason = string_or(json, "reason", "");
    decision.sha256 = string_or(json, "arguments_sha256", "");
    if (const Json* edited = find_member(json, "edited_arguments"); edited != nullptr && !edited->is_null()) {
      decision.edited = *edited;
    }
    if (decision.edited && !decision.is_allowed) {
      return wrong(decision.path + ".edited_arguments", "is given with decision deny; expected it with allow only");
    }
    const bool is_repeated = std::ranges::any_of(
        decisions, [&](const Decision& other) { return other.tool_call_id == decision.tool_call_id; });
    if (is_repeated) return wrong(decision.path + ".tool_call_id", "is decided about twice; expected each call once");
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

Error not_waiting(const store::ToolCallRow& call) {
  std::string text = "Tool call " + call.id + " (" + call.name + ") does not wait for a decision: it is " + call.status;
  const std::string decision = string_or(call.approval, "decision", "");
  if (!decision.empty()) {
    text += "; " + std::string(decision == "allow" ? "allowed" : "denied") + " by " +
            string_or(call.approval, "decided_by", "someone") + " at " +
            string_or(call.approval, "decided_at", "an earlier time");
  }
  return {ErrorCode::conflict, text + ". get_run shows what still waits."};
}

Result<void> check_edited(const Services& services, const store::ToolCallRow& call, const Decision& decision) {
  const auto tool = services.runs->directory.find(call.name);
  if (!tool) {
    return Error(ErrorCode::conflict,
                 "The tool " + call.name + " of call " + call.id +
                     " does not exist any more, so that its arguments cannot be checked. Deny the call.");
  }
  ArgumentCheck check;
  auto fits = check.check(*tool, *decision.edited);
  if (fits) return {};
  Error error = std::move(fits).error();
  for (FieldError& each : error.fields) {
    each.field = decision.path + ".edited_arguments" + (each.field.empty() ? "" : "." + each.field);
  }
  error.message = decision.path + ".edited_arguments cannot be used. " + error.message;
  return error;
}

// The call with the decision in it; nothing is written yet.
Result<store::ToolCallRow> decided(const Services& services, const CallContext& context, const store::RunRow& run,
                                   const Decision& decision, store::Transaction& transaction) {
  auto found = store::tool_call_by_id(transaction, run.id, decision.tool_call_id);
  if (!found) return std::move(found).error();
  if (!*found) {
    return Error(ErrorCode::not_found, "Run " + run.id + " has no tool call " + printable(decision.tool_call_id, 64) +
                                           ". get_run shows which calls wait.");
  }
  store::ToolCallRow call = std::move(**found);
  if (call.status != "awaiting_approval") return not_waiting(call);
  if (decision.sha256 != call.arguments_sha256) {
    return Error(ErrorCode::conflict, decision.path + ".arguments_sha256 is " + printable(decision.sha256, 80) +
                                          ", but the arguments of " + call.id + " have " + call.arguments_sha256 +
                                          ". Read them again with get_run, and decide about what is there.")
        .with_field(decision.path + ".arguments_sha256", "is not the hash of the call's arguments");
  }
  // Who edits nothing decides about what was asked.
  const bool is_edited = decision.edited && *decision.edited != call.arguments;
  if (is_edited) {
    if (auto fits = check_edited(services, call, decision); !fits) return std::move(fits).error();
  }

  const UnixMillis now = services.clock.now();
  if (!call.approval.is_object()) call.approval = Json::object();
  call.approval["decision"] = decision.is_allowed ? "allow" : "deny";
  call.approval["decided_by"] = context.caller->key_id;
  call.approval["decided_at"] = to_rfc3339(now);
  if (is_edited) {
    call.approval["edited_arguments"] = *decision.edited;
    call.approval["edited_arguments_sha256"] = arguments_hash(*decision.edited);
  }
  if (decision.is_allowed) {
    if (!decision.reason.empty()) call.approval["note"] = decision.reason;
    call.status = "pending";
    return call;
  }
  call.approval["deny_reason"] = decision.reason;
  call.status = "denied";
  call.is_error = true;
  call.error = {{"code", kDeniedByPerson},
                {"message", "A person denied this call" + (decision.reason.empty() ? "." : ": " + decision.reason)}};
  call.finished_at = now;
  return call;
}

Result<void> write_decision(const Services& services, const CallContext& context, const store::RunRow& run,
                            const store::ToolCallRow& call, store::Transaction& transaction) {
  if (auto stored = store::update_tool_call(transaction, call, {"awaiting_approval"}); !stored) return stored;
  const bool is_allowed = call.status == "pending";
  const Json* edited = find_member(call.approval, "edited_arguments");
  Json data = {{"run_id", run.id}, {"tool", call.name}, {"arguments_sha256", call.arguments_sha256}};
  if (edited != nullptr) {
    data["edited_arguments"] = *edited;
    data["edited_arguments_sha256"] = call.approval.at("edited_arguments_sha256");
  }
  const std::string reason = string_or(call.approval, is_allowed ? "note" : "deny_reason", "");
  if (!reason.empty()) data["reason"] = reason;
  auto audited = store::insert_audit(transaction, {.account_id = run.account_id,
                                                   .actor = context.caller->key_id,
                                                   .action = is_allowed ? "run.tool_approved" : "run.tool_denied",
                                                   .subject = call.id,
                                                   .data = std::move(data),
                                                   .at = services.clock.now()});
  if (!audited) return audited;
  Json event = call_event(call, edited == nullptr ? ShowArguments::no : ShowArguments::yes);
  event["decided_by"] = context.caller->key_id;
  event["reason"] = reason.empty() ? Json(nullptr) : Json(reason);
  return tell_of_run(services.events, transaction, run, is_allowed ? "tool_call.approved" : "tool_call.denied",
                     std::move(event));
}

// The run goes on if nothing waits any more, and says what is left if something does.
Result<void> resume(const Services& services, store::RunRow& run, store::Transaction& transaction) {
  // While it is running, it looks itself before it would wait.
  if (run.status != "requires_action") return {};
  auto calls = store::tool_calls_of(transaction, run.id);
  if (!calls) return std::move(calls).error();
  Json waiting = Json::array();
  for (const store::ToolCallRow& call : *calls) {
    if (call.status == "awaiting_approval") waiting.push_back(call.id);
  }
  const UnixMillis now = services.clock.now();
  run.updated_at = now;
  if (!waiting.empty()) {
    run.required_action["tool_call_ids"] = std::move(waiting);
    if (auto stored = store::update_run(transaction, run, {"requires_action"}); !stored) return stored;
    Json data = run_event(run);
    data["required_action"] = run.required_action;
    return tell_of_run(services.events, transaction, run, "run.requires_action", std::move(data));
  }
  run.status = "queued";
  run.required_action = nullptr;
  run.deadline_at = now + services.runs->settings.queue_time;
  if (auto stored = store::update_run(transaction, run, {"requires_action"}); !stored) return stored;
  if (auto queued = enqueue_run(services, run, transaction); !queued) return queued;
  return tell_of_run(services.events, transaction, run, "run.status",
                     {{"status", run.status},
                      {"waiting_for", nullptr},
                      {"retry_after_ms", nullptr},
                      {"message", "Every call was decided about; the run goes on when it has a place."}});
}

}  // namespace

Result<store::RunRow> respond_run(const Services& services, const CallContext& context, const Json& arguments,
                                  store::Transaction& transaction) {
  if (context.surface == Surface::run || !context.run_id.empty()) {
    return Error(ErrorCode::forbidden, "A run cannot decide about tool calls, its own or another's: a person does.");
  }
  auto decisions = decisions_of(arguments);
  if (!decisions) return std::move(decisions).error();
  auto run = find_run(transaction, context, string_or(arguments, "run_id", ""));
  if (!run) return run;
  if (run->status != "requires_action" && run->status != "running") {
    return Error(ErrorCode::conflict, "Run " + run->id + " does not wait for a decision: it is " + run->status +
                                          (run->error_message ? " (" + *run->error_message + ")" : "") + ".");
  }
  std::vector<store::ToolCallRow> calls;
  for (const Decision& decision : *decisions) {
    auto call = decided(services, context, *run, decision, transaction);
    if (!call) return std::move(call).error();
    calls.push_back(std::move(*call));
  }
  for (const store::ToolCallRow& call : calls) {
    if (auto written = write_decision(services, context, *run, call, transaction); !written)
      return std::move(written).error();
  }
  if (auto resumed = resume(services, *run, transaction); !resumed) return std::move(resumed).error();
  return run;
}

}  // namespace weir::tools::runs
