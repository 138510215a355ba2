#include "server/cli/agents_command.h"

#include "base/log.h"
#include "server/cli/json_input.h"
#include "server/cli/run_view.h"
#include "server/cli/server_options.h"
#include "server/cli/tool_answer.h"

namespace weir::cli {
namespace {

using Action = AgentsOptions::Action;

constexpr int kListed = 100;
constexpr std::size_t kSlugWidth = 24;
constexpr std::size_t kKindWidth = 10;

// One command, step by step. Not thread-safe: owned by run_agents.
class AgentsSession {
 public:
  AgentsSession(const AgentsOptions& options, Client& client, Terminal& terminal)
      : options_(options), client_(client), terminal_(terminal) {}

  int run() {
    switch (options_.action) {
      case Action::list: return list();
      case Action::show: return show();
      case Action::create: return send("create_agent", Json::object());
      case Action::update: return send("update_agent", {{"agent_id", options_.agent}});
      case Action::validate: return validate();
      case Action::remove: return remove();
    }
    return kExitUsage;
  }

 private:
  std::optional<Json> ask(std::string_view tool, const Json& arguments) {
    return ask_tool(client_, terminal_, tool, arguments);
  }

  // The file's object: what create_agent takes. Nothing after the mistake has been printed.
  std::optional<Json> definition() {
    auto json = json_object_from("FILE", options_.file == "-" ? "-" : "@" + options_.file);
    if (json) return std::move(*json);
    terminal_.error(json.error().message);
    return std::nullopt;
  }

  void show_line(const Json& agent) {
    const std::string kind = string_or(agent, "kind", "");
    std::string text = terminal_.paint(Colour::bold, padded(string_or(agent, "slug", ""), kSlugWidth)) + " " +
                       padded(kind, kKindWidth) + "v" + std::to_string(integer_or(agent, "version", 1)) + "  " +
                       string_or(agent, "id", "");
    if (bool_or(agent, "is_public", false)) text += "  public";
    if (!bool_or(agent, "is_enabled", true)) text += "  " + terminal_.paint(Colour::red, "disabled");
    terminal_.line(text);
    if (const std::string about = string_or(agent, "description", ""); !about.empty()) {
      terminal_.line("  " + terminal_.paint(Colour::dim, plain_text(about)));
    }
  }

  int list() {
    const auto answer = ask("list_agents", {{"limit", kListed}});
    if (!answer) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*answer));
      return kExitOk;
    }
    const Json& agents = answer->at("data");
    if (agents.empty()) terminal_.line("No agents. Make one: weir agents create FILE.json");
    for (const Json& agent : agents) show_line(agent);
    if (!string_or(*answer, "next_cursor", "").empty()) {
      terminal_.note("Only the newest " + std::to_string(kListed) + " are shown.");
    }
    return kExitOk;
  }

  int show() {
    const auto agent = options_.version
                           ? ask("get_agent_version", {{"agent_id", options_.agent}, {"n", *options_.version}})
                           : ask("get_agent", {{"agent_id", options_.agent}});
    if (!agent) return kExitGateFailed;
    // Its `definition` is what create and update take, beside name and slug.
    if (!options_.as_json && !options_.version && terminal_.is_terminal()) show_line(*agent);
    terminal_.line(to_pretty_text(*agent));
    return kExitOk;
  }

  int send(std::string_view tool, Json arguments) {
    const auto json = definition();
    if (!json) return kExitUsage;
    arguments.update(*json);
    const auto agent = ask(tool, arguments);
    if (!agent) return kExitGateFailed;
    if (options_.as_json)
      terminal_.line(to_pretty_text(*agent));
    else
      show_line(*agent);
    return kExitOk;
  }

  int validate() {
    const auto json = definition();
    if (!json) return kExitUsage;
    const auto answer = ask("validate_agent", *json);
    if (!answer) return kExitGateFailed;
    const bool is_valid = bool_or(*answer, "is_valid", false);
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*answer));
    } else if (is_valid) {
      terminal_.line(terminal_.paint(Colour::green, "valid") + "  " + options_.file);
    } else {
      terminal_.error(options_.file + " is no valid agent:");
      if (const Json* errors = find_member(*answer, "errors"); errors != nullptr && errors->is_array()) {
        for (const Json& error : *errors) {
          terminal_.note("  " + string_or(error, "field", "") + " " + string_or(error, "message", ""));
        }
      }
    }
    return is_valid ? kExitOk : kExitGateFailed;
  }

  int remove() {
    const auto answer = ask("delete_agent", {{"agent_id", options_.agent}});
    if (!answer) return kExitGateFailed;
    terminal_.line(options_.as_json ? to_pretty_text(*answer) : "deleted  " + string_or(*answer, "id", options_.agent));
    return kExitOk;
  }

  const AgentsOptions& options_;
  Client& client_;
  Terminal& terminal_;
};

}  // namespace

int run_agents(const AgentsOptions& options, Terminal& terminal) {
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  return AgentsSession(options, **client, terminal).run();
}

}  // namespace weir::cli
