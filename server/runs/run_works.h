// Everything that agents and runs need, put together for the program: providers, other MCP servers, the directory of tools,
// the way to them, the engines and the job.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/executor.h"
#include "base/timer_queue.h"
#include "jobs/job_runner.h"
#include "server/gate.h"
#include "server/metrics.h"
#include "server/runs/gate_tool_caller.h"
#include "server/runs/run_counts.h"
#include "server/runs/tool_directory.h"
#include "tools/mcp_servers/mcp_server_set.h"
#include "tools/models/configured_providers.h"
#include "tools/runs/run_job.h"
#include "tools/runs/run_services.h"
#include "tools/services.h"

namespace weir::server {

// From the configuration. Not thread-safe: a value.
struct RunConfig {
  tools::runs::RunSettings settings{};
  unsigned at_once = 8;  // runs that this server executes side by side
  tools::models::ProviderTable providers{};
  std::vector<tools::mcp_servers::ServerSpec> mcp_servers{};
};

// What it works with. All must outlive it. Not thread-safe: a set of references.
struct RunWorksParts {
  store::Database& database;
  egress::Resolver& resolver;
  const Clock& clock;
  Random& random;
  std::uint16_t own_port = 0;  // the listener's, which is no provider and no other server
};

// Thread-safe after attach().
class RunWorks {
 public:
  // How often runs whose time in the queue, or for an approval, is over are looked for.
  static constexpr std::chrono::seconds kExpiryInterval{10};

  RunWorks(RunConfig config, const RunWorksParts& parts);
  RunWorks(const RunWorks&) = delete;
  RunWorks& operator=(const RunWorks&) = delete;
  ~RunWorks();

  // For tools::Services; complete after attach().
  [[nodiscard]] const tools::runs::RunServices& services() const { return services_; }
  [[nodiscard]] tools::mcp_servers::McpServerSet& mcp_servers() { return mcp_servers_; }
  [[nodiscard]] const tools::models::ConfiguredProviders& providers() const { return providers_; }
  // Runs jobs only after attach().
  [[nodiscard]] jobs::JobHandler job_handler();
  // Once the tools and the gate are there, before anything runs. All must outlive this object.
  void attach(const tools::Services& services, const tools::Catalog& catalog, Gate& gate);
  void add_readings(Metrics& metrics) const { counts_.add_readings(metrics, database_); }

  // Connects to the other servers, and looks for runs that have expired, on `executor`, from now on.
  void start(TimerQueue& timers, Executor& executor);
  // Before the timers end; after the jobs have.
  void stop();

 private:
  void expire_later();
  void expire();

  const RunConfig config_;
  store::Database& database_;
  tools::models::ConfiguredProviders providers_;
  tools::mcp_servers::McpServerSet mcp_servers_;
  CatalogToolDirectory directory_;
  GateToolCaller caller_;
  RunCounts counts_;
  const tools::runs::RunServices services_;
  tools::runs::Engines engines_;
  std::optional<tools::runs::RunParts> run_parts_;
  const tools::Services* tools_ = nullptr;
  TimerQueue* timers_ = nullptr;
  Executor* executor_ = nullptr;

  // Shared with the expiry that is under way or waits for its time; the last of them lets go.
  struct Expiry {
    std::mutex mutex;           // held while it runs: stop() waits for it
    RunWorks* works = nullptr;  // guarded by mutex; null once stopped
  };
  const std::shared_ptr<Expiry> expiry_ = std::make_shared<Expiry>();
};

}  // namespace weir::server
