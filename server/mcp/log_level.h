// The levels of notifications/message: RFC 5424 §6.2.1 in the words of MCP. Pure.
#pragma once
#include <string_view>

namespace weir::mcp {

bool is_log_level(std::string_view name);
// True if a line of `level` is to be sent to whom asked for `least`; "" asked for nothing.
bool is_wanted(std::string_view level, std::string_view least);

}  // namespace weir::mcp
