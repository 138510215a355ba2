#include "server/cli/mcp_servers_command.h"

#include "base/log.h"
#include "server/cli/server_options.h"

namespace weir::cli {
namespace {

using Action = McpServersOptions::Action;

constexpr std::size_t kAliasWidth = 16;
constexpr std::size_t kStateWidth = 11;
// Everything that models are given has to be seen by whoever agrees to it: 32 KiB, each byte as up to four characters.
constexpr std::size_t kTextShown = 128 * 1024;
constexpr std::string_view kPath = "/v1/mcp-servers";

Colour colour_of(const std::string& state) {
  if (state == "approved") return Colour::green;
  return state == "failing" || state == "changed" ? Colour::red : Colour::yellow;
}

// One command, step by step. Not thread-safe: owned by run_mcp_servers.
class McpServersSession {
 public:
  McpServersSession(const McpServersOptions& options, Client& client, Terminal& terminal)
      : options_(options), client_(client), terminal_(terminal) {}

  int run() {
    switch (options_.action) {
      case Action::list: return list();
      case Action::show: return show();
      case Action::approve: return approve();
    }
    return kExitUsage;
  }

 private:
  // The answer's body, or nothing after the refusal has been printed.
  std::optional<Json> answer_of(const Result<egress::HttpResponse>& response) {
    if (!response) {
      terminal_.error(response.error().message);
      return std::nullopt;
    }
    auto body = parse_json(response->body);
    if (response->status == 200 && body) return *std::move(body);
    terminal_.error(body ? string_or(*body, "message", "HTTP " + std::to_string(response->status))
                         : "HTTP " + std::to_string(response->status));
    return std::nullopt;
  }
  std::optional<Json> server() { return answer_of(client_.get(std::string(kPath) + "/" + options_.alias)); }

  void show_names(const Json& server, const char* which, const char* word) {
    const Json* const changes = find_member(server, "changes");
    const Json* const names = changes == nullptr ? nullptr : find_member(*changes, which);
    if (names == nullptr || !names->is_array() || names->empty()) return;
    std::string text;
    for (const Json& name : *names) {
      text += (text.empty() ? "" : ", ") + printable(name.is_string() ? name.get<std::string>() : "");
    }
    terminal_.line("  " + padded(word, kStateWidth) + " " + text);
  }

  void show_server(const Json& server) {
    const std::string state = string_or(server, "state", "");
    const Json* const tools = find_member(server, "tools");
    terminal_.line(padded(string_or(server, "alias", ""), kAliasWidth) + " " +
                   terminal_.paint(colour_of(state), padded(state, kStateWidth) + " ") +
                   string_or(server, "endpoint", "") + "  " + std::to_string(tools == nullptr ? 0 : tools->size()) +
                   " tools");
    if (const auto problem = string_member(server, "problem")) {
      terminal_.line("  " + printable(*problem, kTextShown));
    }
    show_names(server, "added", "added");
    show_names(server, "removed", "removed");
    show_names(server, "changed", "changed");
    if (state == "unapproved" || state == "changed") {
      terminal_.line("  look at it: weir mcp-servers show " + string_or(server, "alias", ""));
    }
  }

  void show_tools(const Json& server) {
    const Json* const tools = find_member(server, "tools");
    if (tools == nullptr || !tools->is_array()) return;
    for (const Json& tool : *tools) {
      terminal_.line("");
      terminal_.line(terminal_.paint(Colour::bold, printable(string_or(tool, "name", ""))));
      if (const auto why = string_member(tool, "unusable_because")) terminal_.line("  cannot be used: " + *why);
      terminal_.line("  " + printable(string_or(tool, "description", ""), kTextShown));
      if (const Json* schema = find_member(tool, "input_schema")) {
        terminal_.line("  " + terminal_.paint(Colour::dim, printable(to_text(*schema), kTextShown)));
      }
    }
  }

  void show_command(const Json& server) {
    const auto hash = string_member(server, "sha256");
    if (!hash) return;
    terminal_.line("");
    if (string_or(server, "state", "") == "approved") {
      terminal_.line("approved  " + *hash + "  by " + string_or(server, "approved_by_key", ""));
      return;
    }
    terminal_.note("What these texts say is read by models. To agree to them as they are:");
    terminal_.line("weir mcp-servers approve " + options_.alias + " --sha256 " + *hash);
  }

  int list() {
    const auto answer = answer_of(client_.get(kPath));
    if (!answer) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*answer));
      return kExitOk;
    }
    const Json* const servers = find_member(*answer, "data");
    if (servers == nullptr || !servers->is_array() || servers->empty()) {
      terminal_.line("No MCP servers are configured. docs/mcp-servers.md says how.");
      return kExitOk;
    }
    for (const Json& each : *servers) show_server(each);
    return kExitOk;
  }

  int show() {
    const auto found = server();
    if (!found) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*found));
      return kExitOk;
    }
    show_server(*found);
    show_tools(*found);
    show_command(*found);
    return kExitOk;
  }

  int approve() {
    if (options_.sha256.empty()) {
      // Nobody agrees to what he has not seen.
      const int shown = show();
      return shown == kExitOk ? kExitGateFailed : shown;
    }
    const auto answer =
        answer_of(client_.post(std::string(kPath) + "/" + options_.alias + "/approve", {{"sha256", options_.sha256}}));
    if (!answer) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*answer));
    } else {
      show_server(*answer);
    }
    return kExitOk;
  }

  const McpServersOptions& options_;
  Client& client_;
  Terminal& terminal_;
};

}  // namespace

int run_mcp_servers(const McpServersOptions& options, Terminal& terminal) {
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  return McpServersSession(options, **client, terminal).run();
}

}  // namespace weir::cli
