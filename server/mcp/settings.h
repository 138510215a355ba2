// What the operator may choose about MCP. From the configuration.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::mcp {

// How a tool call over budget is refused: as a result that every model reads, or as HTTP 429 for hosts that want it.
enum class RateLimitStatus : std::uint8_t { result, http };

// Not thread-safe: a value.
struct Settings {
  std::string version = WEIR_VERSION;        // shown in serverInfo
  std::string listen_host = "127.0.0.1";     // always an allowed Host
  std::vector<std::string> allowed_hosts;    // server.allowed_hosts: names without port, beside the local ones
  std::vector<std::string> allowed_origins;  // mcp.allowed_origins: "https://app.example"
  RateLimitStatus rate_limit_status = RateLimitStatus::result;
  std::chrono::milliseconds session_idle{24 * 3'600'000};
  std::chrono::milliseconds progress_interval{250};  // between notifications/progress of one call
  std::size_t body_bytes_max = 1024 * 1024;
};

}  // namespace weir::mcp
