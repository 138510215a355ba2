#include "server/cli/connect_help.h"

#include <filesystem>

#include "base/json.h"

namespace weir::cli {
namespace {

// Hosts start commands with a PATH of their own, so they are given the whole path.
std::string own_path() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "weir" : path.string();
}

}  // namespace

std::string connect_help(std::string_view url, std::string_view key) {
  const std::string endpoint = std::string(url) + "/mcp";
  const std::string bearer = "Bearer " + std::string(key);
  const auto indented = [](const Json& json) {
    std::string text = "    ";
    for (const char c : to_pretty_text(json)) text += c == '\n' ? "\n    " : std::string(1, c);
    return text;
  };
  std::string out;
  out += "  Claude Code\n    claude mcp add --transport http weir " + endpoint +
         " --header \"Authorization: " + bearer + "\"\n\n";
  out += "  Claude Desktop (claude_desktop_config.json)\n" +
         indented(Json{{"mcpServers",
                        {{"weir",
                          {{"command", own_path()},
                           {"args", Json::array({"stdio", "--url", std::string(url)})},
                           {"env", {{"WEIR_KEY", std::string(key)}}}}}}}}) +
         "\n\n";
  out += "  Cursor (~/.cursor/mcp.json)\n" +
         indented(Json{{"mcpServers", {{"weir", {{"url", endpoint}, {"headers", {{"Authorization", bearer}}}}}}}}) +
         "\n\n";
  out += "  VS Code (.vscode/mcp.json)\n" +
         indented(Json{{"servers",
                        {{"weir", {{"type", "http"}, {"url", endpoint}, {"headers", {{"Authorization", bearer}}}}}}}}) +
         "\n\n";
  out += "  Anything else\n    curl -H \"Authorization: " + bearer + "\" " + std::string(url) + "/v1/quota\n";
  return out;
}

}  // namespace weir::cli
