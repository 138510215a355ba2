#include "server/cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "server/cli/accounts_command.h"
#include "server/cli/agent_flags.h"
#include "server/cli/commands.h"
#include "server/cli/keys_command.h"
#include "server/cli/mcp_servers_command.h"
#include "server/cli/serve_command.h"
#include "server/cli/webhooks_command.h"

extern char** environ;

namespace weir::cli {
namespace {

// Names of every variable that starts with WEIR_.
std::vector<std::string> weir_variables() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("WEIR_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  std::ranges::sort(names);
  return names;
}

struct ServeFlags {
  std::string config;
  std::string listen;
  std::string data;
  std::vector<std::string> set;
};

Result<server::ConfigSources> sources_of(const ServeFlags& flags) {
  server::ConfigSources sources;
  const char* from_environment = std::getenv("WEIR_CONFIG");
  if (!flags.config.empty()) {
    sources.file = flags.config;
  } else if (from_environment != nullptr) {
    sources.file = from_environment;
  }
  sources.environment = [](const char* name) -> const char* { return std::getenv(name); };
  sources.environment_names = weir_variables();
  // Settings that only the test programs set are not the server's.
  std::erase_if(sources.environment_names,
                [](const std::string& name) { return name == "WEIR_BINARY" || name == "WEIR_SOURCE_DIR"; });
  for (const std::string& assignment : flags.set) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      return Error(ErrorCode::validation_failed,
                   "--set expects NAME=VALUE such as server.workers=4, got \"" + printable(assignment) + "\".");
    }
    sources.flags.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
  if (!flags.listen.empty()) sources.flags.emplace_back("server.listen", flags.listen);
  if (!flags.data.empty()) sources.flags.emplace_back("data.dir", flags.data);
  return sources;
}

void add_server_options(CLI::App* command, ServerOptions& options) {
  command->add_option("--url", options.url, "The server (default: WEIR_URL, then the data folder's running server)");
  command->add_option("--key", options.key, "The API key (default: WEIR_KEY, then DIR/admin.key)");
  command->add_option("--data", options.data_dir, "The data folder on this machine")->capture_default_str();
}

// Everything that flags are parsed into. Not thread-safe: owned by run().
struct Flags {
  ServeFlags serve;
  KeysOptions keys;
  AccountsOptions accounts;
  CallOptions call;
  ScanOptions scan;
  WebhooksOptions webhooks;
  McpServersOptions mcp_servers;
  EventsOptions events;
  ServerOptions doctor;
  StdioOptions stdio;
  AgentFlags agents;
  std::string document;
};

void add_serve(CLI::App& app, Flags& flags) {
  auto* serve = app.add_subcommand("serve", "Start the server");
  serve->add_option("--config", flags.serve.config, "A TOML file; weir.example.toml shows every setting");
  serve->add_option("--listen", flags.serve.listen, "HOST:PORT; port 0 takes a free one (default 127.0.0.1:8080)");
  serve->add_option("--data", flags.serve.data, "The data folder (default ./weir-data)");
  serve->add_option("--set", flags.serve.set, "Any setting: NAME=VALUE, such as server.workers=4; repeatable")
      ->take_all();
}

void add_keys(CLI::App& app, Flags& flags) {
  auto* keys = app.add_subcommand("keys", "Make, list, rotate and revoke API keys of a data folder");
  keys->require_subcommand(1);
  const auto add = [&](const char* name, const char* text, KeysOptions::Action action) {
    auto* command = keys->add_subcommand(name, text);
    command->add_option("--data", flags.keys.data_dir, "The data folder")->capture_default_str();
    command->add_option("--config", flags.serve.config, "The server's TOML file, if it defines tiers");
    command->add_flag("--json", flags.keys.as_json, "Print JSON");
    command->callback([&flags, action] { flags.keys.action = action; });
    return command;
  };
  auto* create = add("create", "Make a key; it is shown once", KeysOptions::Action::create);
  create->add_option("--account", flags.keys.account, "The account that owns it; made if new")->required();
  create->add_option("--tier", flags.keys.tier, "The account's tier: free, standard, starter, pro, admin, custom");
  create->add_option("--scopes", flags.keys.scopes, "What it may do, such as read,scans:run (default read,write)")
      ->delimiter(',');
  create->add_option("--name", flags.keys.name, "What it is for");
  create->add_option("--expires-in", flags.keys.expires_in, "When it expires: 90d, 12h, 45m, 30s (default: never)");
  create->add_option("--limit", flags.keys.limit, "Units per minute for this key instead of its tier's")
      ->check(CLI::Range(1, 10'000'000));
  auto* list = add("list", "Show the keys, without their secrets", KeysOptions::Action::list);
  list->add_option("--account", flags.keys.account, "Only this account's");
  auto* revoke = add("revoke", "End a key; a running server notices within a second", KeysOptions::Action::revoke);
  revoke->add_option("key", flags.keys.key, "Its id or its first characters (wk_Ab3x)")->required();
  auto* rotate = add("rotate", "Make a successor; the old key ends after the overlap", KeysOptions::Action::rotate);
  rotate->add_option("key", flags.keys.key, "Its id or its first characters (wk_Ab3x)")->required();
  rotate->add_option("--overlap-hours", flags.keys.overlap_hours, "How long the old key still works")
      ->check(CLI::Range(0, 24 * 30))
      ->capture_default_str();
}

void add_accounts(CLI::App& app, Flags& flags) {
  auto* accounts = app.add_subcommand("accounts", "Make and list accounts of a data folder, and change their tiers");
  accounts->require_subcommand(1);
  const auto add = [&](const char* name, const char* text, AccountsOptions::Action action) {
    auto* command = accounts->add_subcommand(name, text);
    command->add_option("--data", flags.accounts.data_dir, "The data folder")->capture_default_str();
    command->add_option("--config", flags.serve.config, "The server's TOML file, if it defines tiers");
    command->add_flag("--json", flags.accounts.as_json, "Print JSON");
    command->callback([&flags, action] { flags.accounts.action = action; });
    return command;
  };
  const auto add_limit = [&](CLI::App* command) {
    command->add_option("--limit", flags.accounts.limit, "Units per minute, for the tier custom only")
        ->check(CLI::Range(std::int64_t{1}, limits::kUnitsPerMinuteMax));
  };
  add("list", "Show the accounts", AccountsOptions::Action::list);
  auto* create = add("create", "Make an account, without keys", AccountsOptions::Action::create);
  create->add_option("name", flags.accounts.account, "Its name")->required();
  create->add_option("--tier", flags.accounts.tier, "free (default), standard, starter, pro, admin, custom");
  add_limit(create);
  auto* tier = add("set-tier", "Change the tier of an account and of all its keys", AccountsOptions::Action::set_tier);
  tier->add_option("account", flags.accounts.account, "Its name or id")->required();
  tier->add_option("tier", flags.accounts.tier, "free, standard, starter, pro, admin, custom")->required();
  add_limit(tier);
}

void add_client_commands(CLI::App& app, Flags& flags) {
  auto* call = app.add_subcommand("call", "Call a tool of a running server; without a name, list the tools");
  call->add_option("tool", flags.call.tool, "The tool's name, such as list_targets");
  call->add_option("arguments", flags.call.arguments, "Its arguments as a JSON object")->capture_default_str();
  add_server_options(call, flags.call.server);

  auto* scan = app.add_subcommand("scan", "Scan a site, show the events live, and fail on findings if asked to");
  scan->add_option("target", flags.scan.target_url, "The site's URL");
  scan->add_flag("--self", flags.scan.is_self, "Scan the Weir server itself");
  scan->add_option("--profile", flags.scan.profile, "passive, quick or full")->capture_default_str();
  scan->add_option("--fail-on", flags.scan.fail_on, "Exit with 1 if an open finding is at least this severe");
  scan->add_option("--attest", flags.scan.attest, "Why you may scan it; needed the first time for other machines");
  scan->add_option("--report", flags.scan.report_path, "Write the report to this file, as markdown");
  scan->add_flag("--json", flags.scan.as_json, "Print the scan and its findings as JSON");
  add_server_options(scan, flags.scan.server);
  scan->footer("Exit codes: 0 passed, 1 findings at or above --fail-on, 2 the scan failed, 3 wrong usage.");

  auto* events = app.add_subcommand("events", "Show what has happened, or follow what happens");
  events->add_flag("-f,--follow", flags.events.follows, "Stay and show events as they happen; reconnects by itself");
  events->add_option("--types", flags.events.types, "Only these, comma-separated: scan.*,finding.new");
  events->add_option("--resource", flags.events.resource, "Only of this scan or run; following it ends when that ends");
  events->add_option("--after", flags.events.after,
                     "Only behind this position: the id of an event, or a number; 0 for all");
  add_server_options(events, flags.events.server);
  events->footer("On a terminal a line a person reads, in a pipe one JSON object a line.");

  auto* stdio = app.add_subcommand("stdio", "Speak MCP on standard input and output, for hosts that start a command");
  stdio->add_option("--url", flags.stdio.server.url,
                    "A server to pass everything on to (default: WEIR_URL, else this process serves)");
  stdio->add_option("--key", flags.stdio.server.key, "The API key (default: WEIR_KEY, then DIR/admin.key)");
  stdio->add_option("--data", flags.serve.data, "The data folder that is served without --url (default ./weir-data)");
  stdio->add_option("--config", flags.serve.config, "A TOML file, as for serve");
  stdio->add_option("--set", flags.serve.set, "Any setting: NAME=VALUE, as for serve; repeatable")->take_all();

  auto* doctor = app.add_subcommand("doctor", "Look for what is wrong with the data folder, the server and the key");
  add_server_options(doctor, flags.doctor);
  doctor->add_option("--config", flags.serve.config,
                     "The server's TOML file, to look at its Redis and its model providers as well");
  doctor->add_option("--set", flags.serve.set, "A setting as for serve, such as redis.url=...; repeatable")->take_all();
}

void add_webhooks(CLI::App& app, Flags& flags) {
  auto* webhooks = app.add_subcommand("webhooks", "Have events sent to a URL, and see what became of them");
  webhooks->require_subcommand(1);
  WebhooksOptions& options = flags.webhooks;
  const auto add = [&](const char* name, const char* text, WebhooksOptions::Action action) {
    auto* command = webhooks->add_subcommand(name, text);
    command->add_flag("--json", options.as_json, "Print JSON");
    add_server_options(command, options.server);
    command->callback([&options, action] { options.action = action; });
    return command;
  };
  const auto add_id = [&](CLI::App* command) {
    command->add_option("webhook", options.id, "Its id, whk_...")->required();
  };
  using Action = WebhooksOptions::Action;
  add("list", "Show the webhooks and how their receivers are doing", Action::list);
  auto* create = add("create", "Make one; its secret is shown once", Action::create);
  create->add_option("receiver", options.url, "Where events are sent, https://...")->required();
  create->add_option("--events", options.events, "Types such as scan.completed,finding.* (default: every type)")
      ->delimiter(',')
      ->default_val(std::vector<std::string>{"*"});
  create->add_option("--description", options.description, "What it is for");
  add_id(add("test", "Send a webhook.test now and show what the receiver answered", Action::test));
  auto* deliveries = add("deliveries", "Show what was sent, newest first", Action::deliveries);
  add_id(deliveries);
  deliveries->add_option("--state", options.state, "Only these")
      ->check(CLI::IsMember({"pending", "delivered", "failed"}));
  add("retry", "Send a delivery again now", Action::retry)
      ->add_option("delivery", options.id, "Its id, dlv_...")
      ->required();
  auto* replay = add("replay", "Send the events of a time range that failed or were missed", Action::replay);
  add_id(replay);
  replay->add_option("--from", options.from, "From when, such as 2026-11-22T08:00:00Z")->required();
  add_id(add("rotate", "Replace the secret; the old one signs for another day", Action::rotate));
  add_id(add("delete", "End it", Action::remove));
}

void add_mcp_servers(CLI::App& app, Flags& flags) {
  auto* servers =
      app.add_subcommand("mcp-servers", "Look at the MCP servers whose tools agents may use, and approve them");
  McpServersOptions& options = flags.mcp_servers;
  servers->require_subcommand(0, 1);
  const auto add_options = [&](CLI::App* command) {
    command->add_flag("--json", options.as_json, "Print JSON");
    add_server_options(command, options.server);
  };
  add_options(servers);
  const auto add = [&](const char* name, const char* text, McpServersOptions::Action action) {
    auto* command = servers->add_subcommand(name, text);
    add_options(command);
    command->callback([&options, action] { options.action = action; });
    return command;
  };
  using Action = McpServersOptions::Action;
  add("list", "Show them, whether they can be reached, and what has changed (default)", Action::list);
  add("show", "Show what a server's tools say and take", Action::show)
      ->add_option("alias", options.alias, "Its table in the configuration")
      ->required();
  auto* approve = add("approve", "Agree to the tools of a server as they are now", Action::approve);
  approve->add_option("alias", options.alias, "Its table in the configuration")->required();
  approve->add_option("--sha256", options.sha256,
                      "The hash that was looked at; without it, shows what there is to approve");
}

void add_config(CLI::App& app, Flags& flags) {
  auto* config = app.add_subcommand("config", "Print weir.example.toml or the reference of all settings");
  config->add_option("document", flags.document, "example or reference")
      ->required()
      ->check(CLI::IsMember({"example", "reference"}));
}

// Tiers may come from the server's configuration, so that is read here too.
int run_on_data_folder(std::string_view command, const Flags& flags, Terminal& terminal) {
  const auto sources = sources_of(flags.serve);
  if (!sources) {
    terminal.error(sources.error().message);
    return kExitFailed;
  }
  const auto config = server::load_config(*sources);
  if (!config) {
    terminal.error(config.error().message);
    return kExitFailed;
  }
  const limits::Tiers tiers(config->tiers);
  if (command == "keys") {
    KeysOptions keys = flags.keys;
    keys.store_url = config->store.postgres;
    return run_keys(keys, tiers, terminal);
  }
  AccountsOptions accounts = flags.accounts;
  accounts.store_url = config->store.postgres;
  return run_accounts(accounts, tiers, terminal);
}

// Where Redis is says only the server's configuration; a bad one is the doctor's first finding.
int run_doctor_with(const Flags& flags, Terminal& terminal) {
  const auto sources = sources_of(flags.serve);
  auto config = sources ? server::load_config(*sources) : Result<server::Config>(sources.error());
  if (!config) {
    terminal.error(config.error().message);
    return kExitGateFailed;
  }
  return run_doctor({flags.doctor, config->redis, config->store.postgres, config->providers}, terminal);
}

int run_stdio_with(const Flags& flags, Terminal& terminal) {
  const auto sources = sources_of(flags.serve);
  auto config = sources ? server::load_config(*sources) : Result<server::Config>(sources.error());
  if (!config) {
    terminal.error(config.error().message);
    return kExitFailed;
  }
  return run_stdio(flags.stdio, *config);
}

int dispatch(const CLI::App& app, const Flags& flags, Terminal& terminal) {
  const CLI::App* command = app.get_subcommands().front();
  const std::string name = command->get_name();
  if (name == "serve") {
    const auto sources = sources_of(flags.serve);
    if (!sources) {
      terminal.error(sources.error().message);
      return kExitFailed;
    }
    return run_serve(*sources, terminal);
  }
  if (name == "config") {
    const std::string text = flags.document == "example" ? server::example_toml() : server::configuration_reference();
    terminal.line(std::string_view(text).substr(0, text.size() - 1));
    return kExitOk;
  }
  if (name == "stdio") return run_stdio_with(flags, terminal);
  // Commands of a person: what goes wrong is printed by the command itself.
  log::configure(log::Level::error, log::Format::text);
  if (name == "keys" || name == "accounts") return run_on_data_folder(name, flags, terminal);
  if (name == "call") return run_call(flags.call, terminal);
  if (name == "scan") return run_scan(flags.scan, terminal);
  if (name == "mcp-servers") return run_mcp_servers(flags.mcp_servers, terminal);
  if (name == "webhooks") return run_webhooks(flags.webhooks, terminal);
  if (name == "events") return run_events(flags.events, terminal);
  if (const auto code = run_agent_command(name, flags.agents, terminal)) return *code;
  return run_doctor_with(flags, terminal);
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Weir: security scans for AI assistants, scripts and pages, behind one rate limiter.", "weir");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("weir ") + WEIR_VERSION);
  app.footer("Start with `weir serve`; each command has its own --help.");
  Flags flags;
  add_serve(app, flags);
  add_keys(app, flags);
  add_accounts(app, flags);
  add_client_commands(app, flags);
  add_agent_commands(app, flags.agents);
  add_webhooks(app, flags);
  add_mcp_servers(app, flags);
  add_config(app, flags);
  Terminal terminal;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_answer = error.get_exit_code() == 0;  // --help, --version
    app.exit(error);
    return is_answer ? kExitOk : kExitUsage;
  }
  return dispatch(app, flags, terminal);
}

}  // namespace weir::cli
