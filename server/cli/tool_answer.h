// A tool call of a command, and what is printed when it is refused: the server's own words, each wrong member, and how long
// it waits for the rate limit.
#pragma once
#include <optional>
#include <string_view>

#include "base/json.h"
#include "server/cli/client.h"
#include "server/cli/terminal.h"

namespace weir::cli {

// The structured answer, or nothing after the refusal has been printed. Waits when the limiter asks for it
// (Client::kPatience).
std::optional<Json> ask_tool(Client& client, Terminal& terminal, std::string_view tool, const Json& arguments);

}  // namespace weir::cli
