// The commands that talk to a running server, as any client would. Each returns an exit code of terminal.h.
#pragma once
#include <optional>
#include <string>

#include "limits/redis_settings.h"
#include "server/cli/terminal.h"
#include "server/config.h"
#include "store/postgres_settings.h"

namespace weir::cli {

// Where the server is and how to be let in: flags, then WEIR_URL and WEIR_KEY, then the data folder's own server and
// admin key.
struct ServerOptions {
  std::string url;
  std::string key;
  std::string data_dir = "./weir-data";
};

struct CallOptions {
  ServerOptions server;
  std::string tool;  // empty: list the tools
  std::string arguments = "{}";
};
int run_call(const CallOptions& options, Terminal& terminal);

struct ScanOptions {
  ServerOptions server;
  std::string target_url;
  bool is_self = false;  // scan the server itself; target_url does not matter then
  std::string profile = "passive";
  std::string fail_on;      // a severity; empty: findings do not fail the command
  std::string attest;       // why this target may be scanned; needed the first time for other machines
  std::string report_path;  // markdown is written here
  bool as_json = false;
};
int run_scan(const ScanOptions& options, Terminal& terminal);

struct EventsOptions {
  ServerOptions server;
  bool follows = false;  // stay and show what happens
  std::string types;     // patterns, comma-separated; empty: all
  std::string resource;  // only events of this one
  std::string after;     // a position; empty: from the oldest, or from now on if it follows
};
int run_events(const EventsOptions& options, Terminal& terminal);

struct StdioOptions {
  ServerOptions server;  // with a URL a bridge to that server, without one the data folder is served
};
// Speaks JSON-RPC with the host that started it, on standard input and output, until the input ends or SIGTERM.
int run_stdio(const StdioOptions& options, const server::Config& config);

struct DoctorOptions {
  ServerOptions server;
  std::optional<limits::RedisSettings> redis;         // of the server's configuration
  std::optional<store::PostgresSettings> postgres{};  // the same
  tools::models::ProviderTable providers{};           // the same; each is asked one small question
};
int run_doctor(const DoctorOptions& options, Terminal& terminal);

}  // namespace weir::cli
