#include "tools/runs/call_record.h"

#include "base/hmac.h"

namespace weir::tools::runs {
namespace {

const Json* member_of(const Json& approval, std::string_view name) {
  const Json* const found = find_member(approval, name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string decision_of(const store::ToolCallRow& call) { return string_or(call.approval, "decision", ""); }

CallOutcome::End end_of_failed(const store::ToolCallRow& call) {
  return string_or(call.error, "code", "") == kServerRestarted ? CallOutcome::End::interrupted
                                                               : CallOutcome::End::failed;
}

// A report is its own text; of everything else the summary is for a model.
std::string text_of(const store::ToolCallRow& call) {
  if (!call.error.is_null()) return string_or(call.error, "message", "");
  if (find_member(call.result, "media_type") != nullptr) {
    if (const auto text = string_member(call.result, "text")) return *text;
  }
  return call.summary;
}

}  // namespace

CallState state_of(const store::ToolCallRow& call) {
  if (call.status == "running") return CallState::under_way;
  if (call.status != "pending" && call.status != "awaiting_approval") return CallState::ended;
  if (decision_of(call) == "allow") return CallState::approved;
  return call.status == "pending" ? CallState::unstarted : CallState::awaiting;
}

CallOutcome outcome_of(const store::ToolCallRow& call) {
  using End = CallOutcome::End;
  CallOutcome outcome;
  outcome.key = call.call_key;
  outcome.tool_call_id = call.id;
  outcome.end = call.status == "completed"           ? End::completed
                : call.status == "denied"            ? End::denied
                : call.status == "timed_out"         ? End::timed_out
                : call.status == "skipped"           ? End::denied
                : call.status == "awaiting_approval" ? End::awaiting_approval
                                                     : end_of_failed(call);
  outcome.result = call.result;
  outcome.text = text_of(call);
  outcome.error_code = string_or(call.error, "code", outcome.end == End::denied ? kDeniedByPerson : "");
  outcome.is_tainted = call.is_tainted;
  // Who denied a call may have said why: the engine is to know.
  if (outcome.end == End::denied && outcome.text.empty()) {
    const std::string reason = string_or(call.approval, "deny_reason", "");
    outcome.text = "A person denied this call" + (reason.empty() ? "." : ": " + reason);
  }
  // A model would take the answer for that to what it asked for. (Where the text is the whole answer it stays as it is.)
  const Json* const edited = member_of(call.approval, "edited_arguments");
  if (edited != nullptr && (outcome.end == End::failed || (outcome.end == End::completed && !call.result.is_null()))) {
    outcome.text =
        "A person changed the arguments to " + to_text(*edited) + "; the call was made with these. " + outcome.text;
  }
  return outcome;
}

std::string arguments_hash(const Json& arguments) { return to_hex(sha256(to_text(arguments))); }

const Json& arguments_to_make(const store::ToolCallRow& call) {
  const Json* const edited = member_of(call.approval, "edited_arguments");
  return edited == nullptr ? call.arguments : *edited;
}

bool is_as_approved(const store::ToolCallRow& call) {
  const std::string hash = arguments_hash(arguments_to_make(call));
  const Json* const edited = member_of(call.approval, "edited_arguments");
  if (edited == nullptr) return hash == call.arguments_sha256;
  // What the person wrote has a hash of its own, stored with the decision.
  return hash == string_or(call.approval, "edited_arguments_sha256", call.arguments_sha256);
}

Json call_event(const store::ToolCallRow& call, ShowArguments arguments) {
  Json data = {{"tool_call_id", call.id},
               {"step_id", call.step_id},
               {"name", call.name},
               {"source", call.source},
               {"arguments_sha256", call.arguments_sha256},
               {"status", call.status},
               {"is_error", call.is_error},
               {"summary", call.summary},
               {"error", call.error}};
  if (call.started_at && call.finished_at) data["duration_ms"] = (*call.finished_at - *call.started_at).count();
  if (arguments == ShowArguments::yes) data["arguments"] = arguments_to_make(call);
  return data;
}

}  // namespace weir::tools::runs
