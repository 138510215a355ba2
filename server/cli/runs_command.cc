#include "server/cli/runs_command.h"

#include <algorithm>

#include "base/log.h"
#include "server/cli/run_command.h"
#include "server/cli/run_decisions.h"
#include "server/cli/run_view.h"
#include "server/cli/server_options.h"
#include "server/cli/tool_answer.h"
#include "server/signals.h"

namespace weir::cli {
namespace {

using Action = RunsOptions::Action;

constexpr int kListed = 100;
constexpr std::size_t kStatusWidth = 16;
constexpr std::size_t kAgentWidth = 22;

// One command, step by step. Not thread-safe: owned by run_runs.
class RunsSession {
 public:
  RunsSession(const RunsOptions& options, Client& client, Terminal& terminal)
      : options_(options), client_(client), terminal_(terminal) {}

  int run() {
    switch (options_.action) {
      case Action::list: return list();
      case Action::show: return show();
      case Action::follow:
        return follow_run({.run_id = options_.run_id, .approves = options_.approves, .as_json = options_.as_json},
                          client_, terminal_);
      case Action::cancel: return finish(ask("cancel_run", {{"run_id", options_.run_id}}));
      case Action::approve: return decide(Verdict::allow);
      case Action::deny: return decide(Verdict::deny);
      case Action::replay: return replay();
    }
    return kExitUsage;
  }

 private:
  std::optional<Json> ask(std::string_view tool, const Json& arguments) {
    return ask_tool(client_, terminal_, tool, arguments);
  }

  int finish(const std::optional<Json>& run) {
    if (!run) return kExitGateFailed;
    if (options_.as_json)
      terminal_.line(to_pretty_text(*run));
    else
      show_line(*run);
    return kExitOk;
  }

  void show_line(const Json& run) {
    const std::string status = string_or(run, "status", "");
    const Colour colour = status == "completed"         ? Colour::green
                          : status == "requires_action" ? Colour::yellow
                          : status == "failed"          ? Colour::red
                                                        : Colour::none;
    std::string text = string_or(run, "id", "") + "  " + terminal_.paint(colour, padded(status, kStatusWidth)) +
                       padded(string_or(run, "agent", ""), kAgentWidth) + string_or(run, "queued_at", "");
    if (const auto duration = integer_member(run, "duration_ms")) text += "  " + duration_text(*duration);
    terminal_.line(text);
  }

  int list() {
    Json arguments = {{"limit", kListed}};
    if (!options_.agent.empty()) arguments["agent_id"] = options_.agent;
    if (!options_.status.empty()) arguments["status"] = options_.status;
    const auto answer = ask("list_runs", arguments);
    if (!answer) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*answer));
      return kExitOk;
    }
    const Json& runs = answer->at("data");
    if (runs.empty())
      terminal_.line("No runs. Start one: weir run posture-check --input '{\"target_id\": \"tgt_...\"}' --follow");
    for (const Json& run : runs) show_line(run);
    if (!string_or(*answer, "next_cursor", "").empty())
      terminal_.note("Only the newest " + std::to_string(kListed) + " are shown.");
    return kExitOk;
  }

  int show() {
    const auto run = ask("get_run", {{"run_id", options_.run_id}, {"include", {"steps", "tool_calls"}}});
    if (!run) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*run));
      return kExitOk;
    }
    show_line(*run);
    if (const Json* input = find_member(*run, "input")) terminal_.line("input   " + plain_text(to_text(*input)));
    // The events of a step and of its calls hold what their rows do.
    RunView view(options_.run_id, RunView::Decisions::by_command, terminal_);
    const Json& calls = run->at("tool_calls");
    for (const Json& step : run->at("steps")) {
      for (const Json& call : calls) {
        if (string_or(call, "step_id", "") == string_or(step, "step_id", "")) show_call(view, call);
      }
      view.show("step.completed", step);
    }
    const std::vector<Json> waiting = calls_to_decide(*run);
    for (Json call : waiting) {
      call["expires_at"] = string_or(run->at("required_action"), "expires_at", "");
      view.show("tool_call.approval_requested", call);
    }
    view.show_end(*run);
    return kExitOk;
  }

  static void show_call(RunView& view, const Json& call) {
    const std::string status = string_or(call, "status", "");
    if (status == "awaiting_approval" || status == "pending") return;
    view.show(status == "completed" ? "tool_call.completed" : "tool_call.failed", call);
  }

  bool is_named(const Json& call) const {
    return options_.tool_calls.empty() ||
           std::ranges::find(options_.tool_calls, string_or(call, "tool_call_id", "")) != options_.tool_calls.end();
  }

  int decide(Verdict verdict) {
    const auto run = ask("get_run", {{"run_id", options_.run_id}});
    if (!run) return kExitGateFailed;
    const std::vector<Json> waiting = calls_to_decide(*run);
    Json decisions = Json::array();
    for (const Json& call : waiting) {
      if (!is_named(call)) continue;
      if (!options_.as_json) show_open_call(call, terminal_);
      decisions.push_back(decision_about(call, verdict, options_.reason));
    }
    if (waiting.empty()) {
      terminal_.error("Run " + options_.run_id + " is " + string_or(*run, "status", "") +
                      " and waits for no decision.");
      return kExitGateFailed;
    }
    if (decisions.size() < options_.tool_calls.size() || decisions.empty()) {
      std::string ids;
      for (const Json& call : waiting) ids += " " + string_or(call, "tool_call_id", "");
      terminal_.error("Not all of these calls wait for a decision. Those that do:" + ids);
      return kExitGateFailed;
    }
    return finish(ask("respond_run", {{"run_id", options_.run_id}, {"decisions", decisions}}));
  }

  int replay() {
    const auto run = ask("replay_run", {{"run_id", options_.run_id}});
    const int code = finish(run);
    if (run && !options_.as_json) terminal_.note("Follow it: weir runs follow " + string_or(*run, "id", ""));
    return code;
  }

  const RunsOptions& options_;
  Client& client_;
  Terminal& terminal_;
};

}  // namespace

int run_runs(const RunsOptions& options, Terminal& terminal) {
  // Before the first thread of a client.
  if (options.action == Action::follow) server::block_stop_signals();
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  return RunsSession(options, **client, terminal).run();
}

}  // namespace weir::cli
