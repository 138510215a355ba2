#include "server/cli/tool_answer.h"

namespace weir::cli {

std::optional<Json> ask_tool(Client& client, Terminal& terminal, std::string_view tool, const Json& arguments) {
  auto answer =
      client.call_tool_patiently(tool, arguments, [&](std::chrono::milliseconds delay, const std::string& message) {
        terminal.note(message + " Waiting " + std::to_string((delay.count() + 999) / 1000) + " s.");
      });
  if (!answer) {
    terminal.error(answer.error().message);
    return std::nullopt;
  }
  if (answer->is_error) {
    terminal.error(string_or(answer->structured, "message", answer->text));
    if (const Json* fields = find_member(answer->structured, "errors"); fields != nullptr && fields->is_array()) {
      for (const Json& field : *fields) {
        terminal.note("  " + string_or(field, "field", "") + " " + string_or(field, "message", ""));
      }
    }
    return std::nullopt;
  }
  return answer->structured.is_null() ? Json{{"text", answer->text}} : std::move(answer->structured);
}

}  // namespace weir::cli
