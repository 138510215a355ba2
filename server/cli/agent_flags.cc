#include "server/cli/agent_flags.h"

#include <CLI/CLI.hpp>

namespace weir::cli {
namespace {

constexpr std::int64_t kWaitSecondsMax = 86'400;
constexpr const char* kRunExitCodes =
    "Exit codes: 0 completed, and its gate passed if it has one; 1 its gate failed; 2 the run did not complete, or "
    "could not be started; 3 wrong usage. Without --follow and --wait, 0 means that it was started; with --wait, 0 also "
    "that it waits for a person, and 2 that it has not ended in time.";

void add_server(CLI::App* command, ServerOptions& options) {
  command->add_option("--url", options.url, "The server (default: WEIR_URL, then the data folder's running server)");
  command->add_option("--key", options.key, "The API key (default: WEIR_KEY, then DIR/admin.key)");
  command->add_option("--data", options.data_dir, "The data folder on this machine")->capture_default_str();
}

void add_run(CLI::App& app, RunOptions& options) {
  auto* run = app.add_subcommand("run", "Run an agent on an input, and show it live if asked to");
  run->add_option("agent", options.agent, "Its slug or id: see weir agents list")->required();
  run->add_option("-i,--input", options.input, "What it works on: a JSON object, @FILE, or - for standard input")
      ->capture_default_str();
  run->add_option("--limits", options.limits, "Narrower bounds, such as '{\"max_tool_calls\": 10}', @FILE or -");
  run->add_option("--version", options.version, "A version of the agent (default: its current one)")
      ->check(CLI::Range(1, 1'000'000));
  run->add_flag("-f,--follow", options.follows,
                "Show each step as it happens, until the run has ended; reconnects by itself");
  run->add_option("--wait", options.wait_seconds, "Wait silently for its end, at most this many seconds")
      ->check(CLI::Range(std::int64_t{1}, kWaitSecondsMax));
  run->add_flag("--approve", options.approves,
                "Follow, and ask here when the run asks a person (a key with runs:approve)");
  run->add_flag("--json", options.as_json, "Print the run, or with --follow its events, as JSON");
  add_server(run, options.server);
  run->footer(
      std::string("Followed on a terminal a line a step, in a pipe one JSON object a line. Ctrl-C leaves the run "
                  "going.\n") +
      kRunExitCodes);
}

void add_runs(CLI::App& app, RunsOptions& options) {
  auto* runs = app.add_subcommand("runs", "Show runs, follow or end one, and decide what they ask");
  runs->require_subcommand(1);
  using Action = RunsOptions::Action;
  const auto add = [&](const char* name, const char* text, Action action) {
    auto* command = runs->add_subcommand(name, text);
    command->add_flag("--json", options.as_json, "Print JSON");
    add_server(command, options.server);
    command->callback([&options, action] { options.action = action; });
    return command;
  };
  const auto add_one = [&](const char* name, const char* text, Action action) {
    auto* command = add(name, text, action);
    command->add_option("run", options.run_id, "Its id, run_...")->required();
    return command;
  };
  auto* list = add("list", "Show the runs, newest first", Action::list);
  list->add_option("--agent", options.agent, "Only of this agent");
  list->add_option("--status", options.status, "Only with this status")
      ->check(CLI::IsMember({"queued", "running", "requires_action", "cancelling", "completed", "failed", "cancelled",
                             "incomplete", "expired"}));
  add_one("show", "Show one run: its steps, calls and output", Action::show);
  auto* follow = add_one("follow", "Show a run from its beginning, live until it has ended", Action::follow);
  follow->add_flag("--approve", options.approves, "Ask here when the run asks a person");
  follow->footer(kRunExitCodes);
  add_one("cancel", "End a run", Action::cancel);
  const auto add_decision = [&](const char* name, const char* text, Action action) {
    auto* command = add_one(name, text, action);
    command->add_option("calls", options.tool_calls, "Only these calls, tcl_... (default: all that wait)");
    command->add_option("--reason", options.reason, "Why, for the record; a run whose call is denied is told");
  };
  add_decision("approve", "Agree to the tool calls that a run waits for", Action::approve);
  add_decision("deny", "Refuse the tool calls that a run waits for", Action::deny);
  add_one("replay", "Start the same again: agent version, input, limits", Action::replay);
}

void add_agents(CLI::App& app, AgentsOptions& options) {
  auto* agents = app.add_subcommand("agents", "Show, make and change agents");
  agents->require_subcommand(1);
  using Action = AgentsOptions::Action;
  const auto add = [&](const char* name, const char* text, Action action) {
    auto* command = agents->add_subcommand(name, text);
    command->add_flag("--json", options.as_json, "Print JSON");
    add_server(command, options.server);
    command->callback([&options, action] { options.action = action; });
    return command;
  };
  const auto add_agent = [&](CLI::App* command) {
    command->add_option("agent", options.agent, "Its slug or id")->required();
  };
  const auto add_file = [&](CLI::App* command) {
    command->add_option("file", options.file, "A JSON file as create_agent takes it, or - for standard input")
        ->required();
  };
  add("list", "Show the agents that may be run", Action::list);
  auto* show = add("show", "Show an agent with its definition", Action::show);
  add_agent(show);
  show->add_option("--version", options.version, "A version (default: the current one)")
      ->check(CLI::Range(1, 1'000'000));
  add_file(add("create", "Make an agent", Action::create));
  auto* update = add("update", "Make a new version of an agent", Action::update);
  add_agent(update);
  add_file(update);
  add_agent(add("delete", "End an agent; its runs stay", Action::remove));
  add_file(add("validate", "Check a definition without making an agent", Action::validate));
}

}  // namespace

void add_agent_commands(CLI::App& app, AgentFlags& flags) {
  add_run(app, flags.run);
  add_runs(app, flags.runs);
  add_agents(app, flags.agents);
}

std::optional<int> run_agent_command(std::string_view name, const AgentFlags& flags, Terminal& terminal) {
  if (name == "run") return run_run(flags.run, terminal);
  if (name == "runs") return run_runs(flags.runs, terminal);
  if (name == "agents") return run_agents(flags.agents, terminal);
  return std::nullopt;
}

}  // namespace weir::cli
