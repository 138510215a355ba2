#include "server/cli/run_command.h"

#include "base/ids.h"
#include "base/random.h"
#include "server/cli/json_input.h"
#include "server/cli/run_view.h"
#include "server/cli/server_options.h"
#include "server/cli/tool_answer.h"
#include "server/signals.h"
#include "store/runs_store.h"

namespace weir::cli {
namespace {

// The most that one call waits (api.md section 1).
constexpr std::int64_t kWaitSecondsAtOnce = 50;

// create_run's arguments, or what is wrong with the flags.
Result<Json> arguments_of(const RunOptions& options) {
  Json arguments = {{"agent_id", options.agent}};
  Result<Json> input = json_object_from("--input", options.input);
  if (!input) return input;
  arguments["input"] = std::move(*input);
  if (!options.limits.empty()) {
    Result<Json> limits = json_object_from("--limits", options.limits);
    if (!limits) return limits;
    arguments["limits"] = std::move(*limits);
  }
  if (options.version) arguments["version"] = *options.version;
  // A repetition after a lost answer starts nothing twice.
  SystemClock clock;
  SystemRandom random;
  arguments["client_token"] = IdGenerator(clock, random).make("cli");
  return arguments;
}

// Until the run has ended, waits for a person, or `seconds` are over.
std::optional<Json> wait_for_run(Client& client, Terminal& terminal, Json run, std::int64_t seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (true) {
    const std::string status = string_or(run, "status", "");
    if (store::is_terminal_run_status(status) || status == "requires_action") return run;
    const auto left = std::chrono::ceil<std::chrono::seconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return run;
    auto next = ask_tool(
        client, terminal, "get_run",
        {{"run_id", string_or(run, "id", "")}, {"wait_seconds", std::min<std::int64_t>(left, kWaitSecondsAtOnce)}});
    if (!next) return std::nullopt;
    run = std::move(*next);
  }
}

// What there is to say of a run that nobody follows.
int conclude(const Json& run, const RunOptions& options, Terminal& terminal) {
  const std::string id = string_or(run, "id", "");
  const std::string status = string_or(run, "status", "");
  const bool is_over = store::is_terminal_run_status(status);
  // Who waited for the end and did not see it must not take that for a success.
  const int open_code = options.wait_seconds && status != "requires_action" ? kExitFailed : kExitOk;
  if (options.as_json) {
    terminal.line(to_pretty_text(run));
    return is_over ? run_exit_code(run) : open_code;
  }
  if (is_over) {
    RunView(id, RunView::Decisions::by_command, terminal).show_end(run);
    return run_exit_code(run);
  }
  if (status == "requires_action") {
    terminal.note("The run waits for a person: weir runs show " + id + ", then weir runs approve " + id);
  } else {
    terminal.note("The run is " + status + ". Follow it: weir runs follow " + id);
  }
  return open_code;
}

}  // namespace

int run_run(const RunOptions& options, Terminal& terminal) {
  const bool follows = options.follows || options.approves;
  if (options.wait_seconds && follows) {
    terminal.error("--wait waits without showing anything, --follow shows everything: give one of them.");
    return kExitUsage;
  }
  if (options.input == "-" && options.limits == "-") {
    terminal.error("--input and --limits cannot both come from standard input: give one of them as @FILE.");
    return kExitUsage;
  }
  auto arguments = arguments_of(options);
  if (!arguments) {
    terminal.error(arguments.error().message);
    return kExitUsage;
  }
  // Before the first thread of a client, so that following can say how to come back.
  if (follows) server::block_stop_signals();
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  auto run = ask_tool(**client, terminal, "create_run", *arguments);
  if (!run) return kExitFailed;
  const std::string id = string_or(*run, "id", "");
  const bool is_for_people = !options.as_json && (!follows || terminal.is_terminal());
  if (is_for_people) {
    terminal.line("run     " + id + "  " + string_or(*run, "agent", options.agent) + " version " +
                  std::to_string(integer_or(*run, "version", 0)));
  }
  if (follows) {
    return follow_run({.run_id = id, .approves = options.approves, .as_json = options.as_json}, **client, terminal);
  }
  if (options.wait_seconds) run = wait_for_run(**client, terminal, std::move(*run), *options.wait_seconds);
  if (!run) return kExitFailed;
  return conclude(*run, options, terminal);
}

}  // namespace weir::cli
