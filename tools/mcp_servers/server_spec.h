// What an operator says of one MCP server of others whose tools agents may use: where it is, what it is given, how
// long it may take. Only the configuration makes these; no caller can. agents-and-runs.md section 6.5.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "egress/ip_address.h"
#include "egress/url.h"

namespace weir::tools::mcp_servers {

// Each server has threads of its own (server_link.h).
inline constexpr std::size_t kServersMax = 16;
inline constexpr std::size_t kCallsAtOnceMax = 4;
// Calls of one server that wait for one of those; more are refused.
inline constexpr std::size_t kCallsWaitingMax = 64;
inline constexpr std::chrono::seconds kCallTimeoutDefault{30};
inline constexpr std::chrono::seconds kCallTimeoutMax{600};
inline constexpr std::size_t kArgumentsBytesMax = 256 * 1024;
// One message of a server, read whole before it is understood.
inline constexpr std::size_t kMessageBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kToolsMax = 128;
// Of what models and people are shown; the pin covers the whole.
inline constexpr std::size_t kDescriptionBytesMax = 2 * 1024;
inline constexpr std::size_t kSchemaBytesMax = 32 * 1024;
inline constexpr std::size_t kResultBytesMax = 64 * 1024;

// One server. Not thread-safe: a value.
struct ServerSpec {
  std::string alias;  // tools are named <alias>__<tool>
  // Streamable HTTP, if `command` is empty.
  std::optional<egress::Url> url;
  std::vector<std::pair<std::string, std::string>> headers;  // secrets already put in
  std::vector<egress::AddressRange> allow_private;           // where the URL's host may be, besides the public internet
  std::string ca_file;                                       // PEM roots in place of the system's
  // stdio: an absolute path and its arguments, never a shell.
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;  // all that the process gets, besides kPlainEnvironment
  std::string folder;                                            // to start in; "" : /
  std::chrono::milliseconds timeout = kCallTimeoutDefault;       // of one call
  std::vector<std::string> secrets{};                            // what ${env:} and ${file:} stood for: never shown

  [[nodiscard]] bool is_stdio() const { return !command.empty(); }
  // For people, logs and models: a server may repeat what it was given.
  [[nodiscard]] std::string without_secrets(std::string text) const;
  // For people: the URL, or the command's path. Without headers, arguments and environment, which may hold secrets.
  [[nodiscard]] std::string endpoint() const { return is_stdio() ? command.front() : (url ? url->to_text() : ""); }
};

// ^[a-z][a-z0-9_]{0,30}$, and no "__", which separates it from the tool's name.
bool is_alias(std::string_view text);
// What cannot work or must not be: two transports or none, a relative command, a header that would not arrive as given,
// plain HTTP to another machine. Returns validation_failed that says what to write instead, without the alias.
Result<void> check_spec(const ServerSpec& spec);

}  // namespace weir::tools::mcp_servers
