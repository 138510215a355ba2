#include "server/cli/commands.h"
#include "server/cli/server_options.h"

namespace weir::cli {
namespace {

// The tools that this key may call, from the server's own list.
int list_tools(Client& client, Terminal& terminal) {
  auto answer = client.get("/openapi.json");
  if (!answer) {
    terminal.error(answer.error().message);
    return kExitFailed;
  }
  const auto document = parse_json(answer->body);
  const Json* paths = document ? find_member(*document, "paths") : nullptr;
  if (paths == nullptr) {
    terminal.error(client.url() + " does not answer like a Weir server.");
    return kExitFailed;
  }
  std::map<std::string, std::string> tools;
  for (const auto& path : *paths) {
    for (const auto& operation : path) {
      if (!operation.is_object()) continue;
      if (const auto name = string_member(operation, "operationId")) {
        tools.emplace(*name, string_or(operation, "summary", ""));
      }
    }
  }
  for (const auto& [name, summary] : tools) {
    terminal.line(terminal.paint(Colour::bold, name) + std::string(name.size() < 24 ? 24 - name.size() : 1, ' ') +
                  summary);
  }
  return kExitOk;
}

}  // namespace

int run_call(const CallOptions& options, Terminal& terminal) {
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  if (options.tool.empty()) return list_tools(**client, terminal);
  auto arguments = parse_json(options.arguments);
  if (!arguments || !arguments->is_object()) {
    terminal.error("The arguments of " + options.tool + " are not a JSON object: " +
                   (arguments ? "got " + std::string(json_type(*arguments)) + "." : arguments.error().message) +
                   " For example: weir call get_scan '{\"scan_id\": \"scn_...\"}'");
    return kExitUsage;
  }
  auto answer = (*client)->call_tool(options.tool, *arguments);
  if (!answer) {
    terminal.error(answer.error().message);
    return kExitFailed;
  }
  const bool has_structure = !answer->structured.is_null();
  terminal.line(has_structure ? to_pretty_text(answer->structured) : answer->text);
  if (answer->is_error) terminal.note("weir: " + string_or(answer->structured, "message", answer->text));
  return answer->is_error ? kExitGateFailed : kExitOk;
}

}  // namespace weir::cli
