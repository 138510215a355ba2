#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "server/cli/commands.h"
#include "server/cli/server_options.h"
#include "server/limiter_backend.h"
#include "store/database.h"
#include "tools/models/provider_check.h"

namespace weir::cli {
namespace {

constexpr std::size_t kProblemShown = 1'000;

// Prints one finding of the doctor a line. Not thread-safe: owned by run_doctor.
class Findings {
 public:
  explicit Findings(Terminal& terminal) : terminal_(terminal) {}

  void good(const std::string& what) { terminal_.line(terminal_.paint(Colour::green, "ok    ") + what); }
  void bad(const std::string& what, const std::string& advice) {
    terminal_.line(terminal_.paint(Colour::red, "wrong ") + what);
    terminal_.line("      " + advice);
    ++bad_;
  }
  // Nothing that has to be put right.
  void note(const std::string& what, const std::string& advice) {
    terminal_.line(terminal_.paint(Colour::yellow, "note  ") + what);
    if (!advice.empty()) terminal_.line("      " + advice);
  }
  [[nodiscard]] int bad_count() const { return bad_; }

 private:
  Terminal& terminal_;
  int bad_ = 0;
};

void look_at_postgres(const store::PostgresSettings& postgres, Findings& findings) {
  store::DatabaseSettings settings;
  settings.postgres = postgres;
  settings.readers = 1;
  auto opened = store::Database::open(settings);
  if (opened) {
    findings.good("The database at " + postgres.shown() + " answers and is of this version.");
  } else {
    findings.bad("The database at " + postgres.shown() + " cannot be used.",
                 opened.error().message + ". Is it started, is store.url right, does the role own the database?");
  }
}

void look_at_data_folder(const std::string& dir, Findings& findings) {
  namespace fs = std::filesystem;
  struct stat info {};
  if (stat(dir.c_str(), &info) != 0) {
    findings.bad("There is no data folder " + dir + ".",
                 "Start the server once (weir serve --data " + dir + "), or name the folder with --data.");
    return;
  }
  if ((info.st_mode & 0077) != 0) {
    findings.bad("The data folder " + dir + " can be read by others.", "Close it: chmod 700 " + dir);
  } else {
    findings.good("The data folder " + dir + " belongs to its owner alone.");
  }
  const fs::path key = fs::path(dir) / kAdminKeyFile;
  if (stat(key.c_str(), &info) == 0 && (info.st_mode & 0077) != 0) {
    findings.bad("The admin key " + key.string() + " can be read by others.", "Close it: chmod 600 " + key.string());
  }
  const fs::path database = fs::path(dir) / "weir.db";
  if (!fs::exists(database)) {
    findings.bad("There is no database in " + dir + ".", "Start the server once: weir serve --data " + dir);
    return;
  }
  store::DatabaseSettings settings;
  settings.path = database.string();
  auto opened = store::Database::open(settings);
  if (opened) {
    findings.good("The database " + database.string() + " opens and is of this version.");
  } else {
    findings.bad("The database " + database.string() + " cannot be used.", opened.error().message);
  }
}

// Only administrators see them; another key's doctor has nothing to say of them.
void look_at_mcp_servers(Client& client, Findings& findings) {
  auto answer = client.get("/v1/mcp-servers");
  if (!answer || answer->status != 200) return;
  const auto body = parse_json(answer->body);
  const Json* const servers = body ? find_member(*body, "data") : nullptr;
  if (servers == nullptr || !servers->is_array()) return;
  for (const Json& server : *servers) {
    const std::string alias = string_or(server, "alias", "");
    const std::string state = string_or(server, "state", "");
    const std::string look = "Look at them, then approve them: weir mcp-servers show " + alias;
    if (state == "approved") {
      findings.good("The MCP server " + alias + " answers, and its tools are approved.");
    } else if (state == "unapproved") {
      findings.bad("The tools of the MCP server " + alias + " are not approved, so no agent can have them.", look);
    } else if (state == "changed") {
      findings.bad(
          "The tools of the MCP server " + alias + " have changed since they were approved, so none is called.", look);
    } else if (state == "failing") {
      findings.bad(
          printable(string_or(server, "problem", "The MCP server " + alias + " cannot be used."), kProblemShown),
          "It is tried again at growing intervals; its settings are mcp_servers." + alias + ".*");
    } else {
      findings.good("The MCP server " + alias + " is being connected to.");
    }
  }
}

void look_at_server(Client& client, Findings& findings) {
  auto health = client.get("/healthz");
  if (!health) {
    findings.bad("No server answers at " + client.url() + ".",
                 health.error().message + " Start it with weir serve, or name another with --url.");
    return;
  }
  if (health->status != 200) {
    findings.bad(client.url() + "/healthz answers HTTP " + std::to_string(health->status) + ".",
                 "Is this a Weir server? Its log says why it is not healthy.");
    return;
  }
  findings.good("A server answers at " + client.url() + ".");
  auto quota = client.call_tool("get_quota", Json::object());
  if (!quota) {
    findings.bad("The key is refused.", quota.error().message);
  } else {
    findings.good("The key is accepted; its tier is " + string_or(quota->structured, "tier", "unknown") + ".");
    look_at_mcp_servers(client, findings);
  }
}

void look_at_redis(const limits::RedisSettings& settings, Findings& findings) {
  if (auto asked = server::ask_redis(settings); !asked) {
    findings.bad(
        "The Redis at " + settings.shown() + " does not answer: " + printable(asked.error().message) + ".",
        "Until it does, limits.on_redis_loss decides. Is it started, is redis.url right, does the password fit?");
  } else {
    findings.good("The Redis at " + settings.shown() + " answers.");
  }
}

// From here, with the variables of this process: the server's may differ.
void look_at_providers(const tools::models::ProviderTable& table, Findings& findings) {
  using tools::models::CheckStep;
  if (table.empty()) return;
  const std::unique_ptr<egress::Resolver> resolver = egress::system_resolver();
  const SystemClock clock;
  SystemRandom random;
  const tools::models::ConfiguredProviders providers(
      table, 0, {*resolver, clock, random, [](const char* name) { return std::getenv(name); }});
  for (const auto& [name, settings] : table) {
    const auto checked = check_provider(providers, name, {}, {});
    CHECK(checked.has_value(), "the provider stands in the table");
    for (const CheckStep& step : checked->steps) {
      const std::string what = "Model provider " + name + ": " + step.message;
      switch (step.status) {
        case CheckStep::Status::ok: findings.good(what); break;
        case CheckStep::Status::warning: findings.note(what, step.advice); break;
        case CheckStep::Status::failed:
          findings.bad(what,
                       step.advice.empty() ? "docs/providers.md says how each kind of server is set up." : step.advice);
          break;
      }
    }
  }
}

}  // namespace

int run_doctor(const DoctorOptions& options, Terminal& terminal) {
  Findings findings(terminal);
  if (options.postgres) {
    look_at_postgres(*options.postgres, findings);
  } else {
    look_at_data_folder(options.server.data_dir, findings);
  }
  if (options.redis) look_at_redis(*options.redis, findings);
  auto client = client_for(options.server);
  if (!client) {
    findings.bad("The server's URL is not one.", client.error().message);
  } else {
    look_at_server(**client, findings);
  }
  look_at_providers(options.providers, findings);
  const int bad = findings.bad_count();
  terminal.line("");
  terminal.line(bad == 0 ? "Nothing is wrong."
                         : std::to_string(bad) + (bad == 1 ? " thing is" : " things are") + " wrong.");
  return bad == 0 ? kExitOk : kExitGateFailed;
}

}  // namespace weir::cli
