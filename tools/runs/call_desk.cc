#include "tools/runs/call_desk.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "store/audit_store.h"
#include "tools/runs/call_record.h"
#include "tools/runs/call_result.h"
#include "tools/runs/tool_policy.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using agents::Policy;
using std::chrono::milliseconds;

constexpr std::size_t kNamedToolsMax = 40;

Json error_json(std::string_view code, const std::string& message) { return {{"code", code}, {"message", message}}; }

}  // namespace

CallDesk::CallDesk(const RunParts& parts, RunRecord& record, RunStop& stop, const RunWatch& watch)
    : parts_(parts), record_(record), stop_(stop), watch_(watch) {}

Result<void> CallDesk::load() {
  auto rows = parts_.database.read_for(
      [&](store::Transaction& transaction) { return store::tool_calls_of(transaction, record_.row().id); });
  if (!rows) return std::move(rows).error();
  for (store::ToolCallRow& row : *rows) rows_.insert_or_assign(row.call_key, std::move(row));
  return {};
}

std::vector<CallableTool> CallDesk::tools() const {
  const Scopes scopes = watch_.scopes();
  std::vector<CallableTool> tools = parts_.runs.directory.all();
  std::erase_if(tools, [&](const CallableTool& tool) {
    return !is_granted(record_.agent(), tool) || !scopes.allows(tool.scope) ||
           rule_on(record_.agent(), tool, Json::object(), {}).policy == Policy::deny;
  });
  return tools;
}

std::string CallDesk::names_of_tools() const {
  std::string names;
  std::size_t count = 0;
  for (const CallableTool& tool : tools()) {
    if (++count > kNamedToolsMax) return names + ", ...";
    names += (names.empty() ? "" : ", ") + tool.name;
  }
  return names.empty() ? "none" : names;
}

milliseconds CallDesk::held_time() const {
  if (!held_since_) return held_before_;
  return held_before_ + std::chrono::duration_cast<milliseconds>(parts_.clock.steady_now() - *held_since_);
}

Result<void> CallDesk::start(CallWish wish) {
  if (stop_.is_requested()) return {};
  CHECK(!calls_.contains(wish.key), "a call is started once");
  if (const auto found = rows_.find(wish.key); found != rows_.end()) return resume(wish, found->second);
  return admit(std::move(wish));
}

// A call that was recorded before: by this process, or by one that is gone.
Result<void> CallDesk::resume(const CallWish& wish, store::ToolCallRow row) {
  const CallState state = state_of(row);
  if (state == CallState::ended || state == CallState::awaiting) {
    CallOutcome outcome = outcome_of(row);
    outcome.is_recorded = true;
    ready_.push_back(std::move(outcome));
    return {};
  }
  const auto tool = parts_.runs.directory.find(row.name);
  Call call{.row = std::move(row),
            .tool = tool.value_or(CallableTool{}),
            .may_retry = wish.may_retry,
            .max_attempts = wish.max_attempts,
            .timeout = wish.timeout,
            .is_recorded = true};
  if (state == CallState::under_way && (!tool || !tool->is_repeatable)) {
    call.row.error = error_json(kServerRestarted, "The server was restarted while " + call.row.name +
                                                      " was called. Whether it "
                                                      "did its work is not known, and it must not be called twice.");
    call.row.status = "failed";
    call.row.is_error = true;
    end(call, kServerRestarted, "the process that made the call is gone");
    return {};
  }
  if (!tool) return failed(call, Error(ErrorCode::not_found, "There is no tool " + call.row.name + " any more."));
  if (parts_.runs.settings.are_tools_stopped) {
    return failed(call, Error(ErrorCode::forbidden,
                              "The operator has stopped the tool calls of all runs (runs.stop_all_tools)."));
  }
  if (!is_as_approved(call.row)) {
    return failed(call, Error(ErrorCode::conflict,
                              "The arguments are not the ones that were approved, so the call was not "
                              "made."));
  }
  return enqueue(std::move(call));
}

std::optional<Error> CallDesk::refusal_of(const CallWish& wish, const store::ToolCallRow& row,
                                          const std::optional<CallableTool>& tool, std::string& code) {
  const auto refused = [&](std::string_view name, std::string message) {
    code = name;
    return Error(ErrorCode::forbidden, std::move(message));
  };
  if (parts_.runs.settings.are_tools_stopped) {
    return refused("tools_stopped", "The operator has stopped the tool calls of all runs (runs.stop_all_tools).");
  }
  if (!tool) {
    return refused("unknown_tool", "There is no tool \"" + printable(wish.tool, 80) +
                                       "\". This run may call: " + names_of_tools() + ".");
  }
  if (!is_granted(record_.agent(), *tool)) {
    return refused("tool_not_allowed", (tool->is_grantable ? "This agent may not call " : "No agent may call ") +
                                           tool->name + ". This run may call: " + names_of_tools() + ".");
  }
  if (!watch_.scopes().allows(tool->scope)) {
    return refused("insufficient_scope", tool->name + " needs the scope " + std::string(to_string(tool->scope)) +
                                             ", which the key that this run belongs to does not have.");
  }
  // A playbook repeats what its author wrote, within the bounds of its steps; a model may not notice that it does.
  if (record_.agent().kind == AgentKind::model) {
    const auto same = std::ranges::count_if(rows_, [&](const auto& each) {
      return each.second.name == row.name && each.second.arguments_sha256 == row.arguments_sha256;
    });
    if (same >= record_.limits().same_call_max) {
      return refused(kLoopDetected,
                     tool->name + " was called with the same arguments " + std::to_string(same) +
                         " times already (limits.same_call_max). Use the answers that you have, or call it with "
                         "other arguments.");
    }
  }
  return std::nullopt;
}

// A call that the run has not asked for before.
Result<void> CallDesk::admit(CallWish wish) {
  if (rows_.size() >= static_cast<std::size_t>(std::max<std::int64_t>(record_.limits().max_tool_calls, 0))) {
    CallOutcome outcome;
    outcome.key = wish.key;
    outcome.end = CallOutcome::End::refused_by_limit;
    outcome.error_code = "max_tool_calls";
    outcome.text =
        "The run has made " + std::to_string(rows_.size()) + " tool calls, which is its limit (limits.max_tool_calls).";
    ready_.push_back(std::move(outcome));
    return {};
  }
  store::ToolCallRow row;
  row.id = parts_.ids.make("tcl");
  row.run_id = record_.row().id;
  row.call_key = wish.key;
  row.position = static_cast<std::int64_t>(rows_.size());
  row.step_id = wish.step_id;
  row.name = wish.tool;
  row.arguments = std::move(wish.arguments);
  row.arguments_sha256 = arguments_hash(row.arguments);
  row.created_at = parts_.clock.now();

  const auto tool = parts_.runs.directory.find(wish.tool);
  if (tool) row.source = tool->source;
  std::string code;
  if (auto refusal = refusal_of(wish, row, tool, code)) return deny(std::move(row), code, refusal->message);
  if (auto valid = arguments_.check(*tool, row.arguments); !valid)
    return refuse_arguments(std::move(row), valid.error());

  const bool is_influenced =
      wish.is_influenced || (record_.agent().kind == AgentKind::model && record_.row().is_tainted);
  if (is_influenced && is_consequential(*tool)) {
    auto unknown = parts_.database.read_for([&](store::Transaction& transaction) {
      return unregistered_host(transaction, record_.row().account_id, hosts_in(row.arguments));
    });
    if (!unknown) return std::move(unknown).error();
    if (!unknown->empty()) {
      return deny(std::move(row), "host_not_registered",
                  "The run holds text that others wrote, so its calls may only name hosts of registered targets; \"" +
                      printable(*unknown, 80) + "\" is none. A person can register it with create_target.");
    }
  }
  const Ruling ruling =
      rule_on(record_.agent(), *tool, row.arguments, {.must_ask = wish.must_ask, .is_influenced = is_influenced});
  if (ruling.policy == Policy::deny) return deny(std::move(row), "denied_by_policy", ruling.reason);
  if (ruling.policy == Policy::ask) return ask(std::move(row), ruling.required_by, ruling.reason);
  return enqueue({.row = std::move(row),
                  .tool = *tool,
                  .may_retry = wish.may_retry,
                  .max_attempts = wish.max_attempts,
                  .timeout = wish.timeout});
}

Result<void> CallDesk::deny(store::ToolCallRow row, std::string_view code, const std::string& message) {
  row.status = "denied";
  row.is_error = true;
  row.error = error_json(code, message);
  row.finished_at = parts_.clock.now();
  auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
    if (auto stored = store::insert_tool_call(transaction, row); !stored) return stored;
    record_.tell("tool_call.created", call_event(row, ShowArguments::yes));
    Json data = call_event(row);
    data["decided_by"] = "policy";
    data["reason"] = message;
    record_.tell("tool_call.denied", std::move(data));
    return audit(transaction, row, "run.tool_denied", code);
  });
  if (!written) return written;
  if (parts_.runs.meter != nullptr) parts_.runs.meter->call_ended(row.status);
  ready_.push_back(outcome_of(row));
  rows_.insert_or_assign(row.call_key, std::move(row));
  return {};
}

Result<void> CallDesk::refuse_arguments(store::ToolCallRow row, const Error& error) {
  row.status = "failed";
  row.is_error = true;
  row.error = error_json(to_string(error.code), error.message);
  row.finished_at = parts_.clock.now();
  auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
    if (auto stored = store::insert_tool_call(transaction, row); !stored) return stored;
    record_.tell("tool_call.created", call_event(row, ShowArguments::yes));
    record_.tell("tool_call.failed", call_event(row));
    return audit(transaction, row, "run.tool_denied", to_string(error.code));
  });
  if (!written) return written;
  if (parts_.runs.meter != nullptr) parts_.runs.meter->call_ended(row.status);
  ready_.push_back(outcome_of(row));
  rows_.insert_or_assign(row.call_key, std::move(row));
  return {};
}

Result<void> CallDesk::ask(store::ToolCallRow row, std::string_view required_by, const std::string& reason) {
  row.status = "awaiting_approval";
  row.approval = {{"required_by", required_by}, {"reason", reason}, {"decision", nullptr}};
  Json data = call_event(row, ShowArguments::yes);
  data["required_by"] = required_by;
  data["reason"] = reason;
  // As if the run began to wait now; run.requires_action says it again when it does.
  data["expires_at"] = to_rfc3339(parts_.clock.now() + record_.limits().approval_ttl);
  auto written = record_.write([&](store::Transaction& transaction) -> Result<void> {
    if (auto stored = store::insert_tool_call(transaction, row); !stored) return stored;
    record_.tell("tool_call.created", call_event(row, ShowArguments::yes));
    record_.tell("tool_call.approval_requested", data);
    return audit(transaction, row, "run.tool_held", required_by);
  });
  if (!written) return written;
  ready_.push_back(outcome_of(row));
  rows_.insert_or_assign(row.call_key, std::move(row));
  return {};
}

Result<void> CallDesk::audit(store::Transaction& transaction, const store::ToolCallRow& row, std::string_view action,
                             std::string_view because) const {
  Json data = {{"run_id", row.run_id}, {"tool", row.name}, {"arguments_sha256", row.arguments_sha256}};
  if (!because.empty()) data["because"] = because;
  return store::insert_audit(transaction, {.account_id = record_.row().account_id,
                                           .actor = record_.row().created_by_key,
                                           .action = std::string(action),
                                           .subject = row.id,
                                           .data = std::move(data),
                                           .at = parts_.clock.now()});
}

std::size_t CallDesk::in_flight() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(calls_, [](const auto& each) { return each.second.phase != Call::Phase::queued; }));
}

}  // namespace weir::tools::runs
