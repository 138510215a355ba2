#include "server/cli/run_decisions.h"

#include "server/cli/tool_answer.h"

namespace weir::cli {

std::vector<Json> calls_to_decide(const Json& run) {
  const Json* action = find_member(run, "required_action");
  const Json* calls = action == nullptr ? nullptr : find_member(*action, "calls");
  if (calls == nullptr || !calls->is_array()) return {};
  return {calls->begin(), calls->end()};
}

Json decision_about(const Json& call, Verdict verdict, const std::string& reason) {
  Json decision = {{"tool_call_id", string_or(call, "tool_call_id", "")},
                   {"decision", verdict == Verdict::allow ? "allow" : "deny"},
                   {"arguments_sha256", string_or(call, "arguments_sha256", "")}};
  if (!reason.empty()) decision["reason"] = reason;
  return decision;
}

bool send_decisions(Client& client, Terminal& terminal, const std::string& run_id, const Json& decisions) {
  return ask_tool(client, terminal, "respond_run", {{"run_id", run_id}, {"decisions", decisions}}).has_value();
}

}  // namespace weir::cli
