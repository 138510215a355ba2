// x-mcp-header (MCP 2026-07-28): properties of a tool's input that a client repeats as HTTP headers, so that what
// stands between can route by them. A schema that marks them wrongly makes its tool unusable. Pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::mcp_servers {

// Where in the arguments, and which header. Not thread-safe: a value.
struct ParamHeader {
  std::vector<std::string> path;  // names of nested properties
  std::string header;             // "Mcp-Param-Region"
};
using ParamHeaders = std::vector<ParamHeader>;
inline constexpr std::size_t kParamHeadersMax = 16;

// Returns validation_failed if a mark is no token of RFC 9110, stands twice, or on a property that is not a text, a
// whole number or a truth value.
Result<ParamHeaders> param_headers(const Json& input_schema);
// The headers of one call; properties that are absent or null have none.
std::vector<std::pair<std::string, std::string>> header_lines(const ParamHeaders& headers, const Json& arguments);
// As it is if it is visible ASCII without outer spaces, else =?base64?...?=.
std::string header_value(std::string_view text);

}  // namespace weir::tools::mcp_servers
