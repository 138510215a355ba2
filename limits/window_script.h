// window.lua, compiled in: no file is needed at run time.
#pragma once
#include <string_view>

namespace weir::limits {

std::string_view window_script();
// Its SHA-1 in hex, the name by which Redis knows a script that it has seen.
std::string_view window_script_digest();

}  // namespace weir::limits
