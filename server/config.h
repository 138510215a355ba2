// Everything an operator can set, from one table: a TOML file, WEIR_* variables and flags, in this order, later ones
// winning. An unknown or bad setting stops the start with a line that names it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "egress/address_policy.h"
#include "limits/fallback_limiter.h"
#include "limits/redis_settings.h"
#include "limits/tiers.h"
#include "server/auth/settings.h"
#include "server/gate.h"
#include "server/http/server.h"
#include "server/mcp_server_config.h"
#include "server/pacing.h"
#include "server/provider_config.h"
#include "server/webhook_delivery.h"
#include "store/database.h"
#include "streaming/event_retention.h"
#include "tools/runs/run_services.h"

namespace weir::server {

// Not thread-safe: a value.
struct Config {
  std::string data_dir = "./weir-data";
  http::ServerSettings http;
  std::string public_url;                  // "": http://HOST:PORT of the listener
  std::vector<std::string> allowed_hosts;  // Host values besides the listener's own names
  store::DatabaseSettings store;           // its path follows from data_dir
  GateSettings gate;
  auth::Settings auth;
  PacingSettings pacing;
  std::optional<limits::RedisSettings> redis;  // nothing: windows live in this process
  std::chrono::milliseconds redis_deadline{25};
  limits::FallbackSettings redis_loss;
  enum class MetricsAccess : std::uint8_t { admin, open } metrics_access = MetricsAccess::admin;
  std::map<std::string, limits::Tier, std::less<>> tiers;
  std::map<std::string, std::uint32_t, std::less<>> costs;  // tool name to units
  std::vector<std::string> mcp_allowed_origins;
  enum class RateLimitStatus : std::uint8_t { result, http } mcp_rate_limit_status = RateLimitStatus::result;
  std::chrono::milliseconds mcp_session_idle{24 * 3'600 * 1'000};
  enum class Loopback : std::uint8_t { automatic, allowed, refused } scans_allow_loopback = Loopback::automatic;
  std::vector<egress::AddressRange> scans_allow_private;
  unsigned scans_at_once = 2;
  std::chrono::seconds scans_deadline{600};
  std::chrono::seconds scans_cooldown{60};
  tools::runs::RunSettings runs;
  unsigned runs_at_once = 8;
  streaming::RetentionSettings events;
  std::chrono::seconds stream_lifetime{0};  // 0: a stream may stay open for ever
  WebhookConfig webhooks;
  tools::models::ProviderTable providers;
  McpServerTable mcp_servers;
  log::Level log_level = log::Level::info;
  enum class LogFormat : std::uint8_t { automatic, text, json } log_format = LogFormat::automatic;

  Config();

  // True if everybody who can reach the listener is on this machine.
  [[nodiscard]] bool listens_on_loopback() const;
  // scans.allow_loopback, with `auto` resolved.
  [[nodiscard]] bool may_scan_loopback() const;
};

// One row of the table. `set` takes the setting's text form and says what is wrong with it.
// Immutable.
struct Setting {
  std::string_view name;    // "server.listen"; the variable is WEIR_SERVER_LISTEN
  std::string_view type;    // "integer", "text", "list", ... for the reference
  std::string_view bounds;  // "1 to 256", "" if any
  std::string_view description;
  Result<void> (*set)(Config& config, std::string_view text);
  std::string (*show)(const Config& config);
};
std::span<const Setting> settings();

// What was given on the command line: --config, --listen, --data and any number of --set NAME=VALUE.
struct ConfigSources {
  std::optional<std::string> file;
  std::vector<std::pair<std::string, std::string>> flags;  // setting name to value
  std::function<const char*(const char*)> environment;     // getenv, or a test's
  std::vector<std::string> environment_names;              // every WEIR_* name that is set
};

// Returns validation_failed with a message that names the setting, where it came from, what it was and what is
// expected.
Result<Config> load_config(const ConfigSources& sources);

// Projections of the table: weir.example.toml and docs/reference/configuration.md.
std::string example_toml();
std::string configuration_reference();

// "127.0.0.1:8080", "[::1]:8080", ":8080", "localhost:0".
Result<std::pair<std::string, std::uint16_t>> parse_listen(std::string_view text);

}  // namespace weir::server
