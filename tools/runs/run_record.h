// The stored run while it is executed: each change of it and the event that tells of it in one transaction, which first
// proves that the run is still this process's.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/job_context.h"
#include "store/runs_store.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/run_parts.h"
#include "tools/runs/run_stop.h"

namespace weir::tools::runs {

// Adds an event of the run to `transaction`.
Result<void> tell_of_run(streaming::EventLog& events, store::Transaction& transaction, const store::RunRow& run,
                         std::string type, Json data);
// {status, agent_id, agent, version} of run.* events.
Json run_event(const store::RunRow& run);

// Not thread-safe: owned by the run's thread.
class RunRecord {
 public:
  // All must outlive the record. `run` is as it was stored when this stint of it began.
  RunRecord(const RunParts& parts, jobs::JobContext& job, RunStop& stop, store::RunRow run,
            agents::AgentDefinition agent);

  [[nodiscard]] const store::RunRow& row() const { return row_; }
  [[nodiscard]] const agents::AgentDefinition& agent() const { return agent_; }
  // The agent's, narrowed by whoever created the run.
  [[nodiscard]] const agents::RunLimits& limits() const { return limits_; }

  // An error stops the run (records_failed): it is taken up again where the records end.
  Result<void> write(const std::function<Result<void>(store::Transaction&)>& body);
  // An event of the run, alone in its write.
  Result<void> write_event(std::string type, Json data);
  // Adds `body` to the next write: what nothing outside depends on yet, in one transaction instead of several.
  void defer(std::function<Result<void>(store::Transaction&)> body) { deferred_.push_back(std::move(body)); }
  // Writes what was deferred. Before anything is waited for.
  Result<void> flush();
  // Adds an event of the run to the write under way: inside a body of write() or defer().
  void tell(std::string type, Json data);
  // What the run has used, and whether it is tainted: row() says so at once, the records with the next write.
  void change_use(const std::function<void(store::RunRow&)>& edit);
  // Reads the run, lets `edit` change it and stores it, with the time that it has been active. Inside a body of write().
  // Returns conflict if it has ended meanwhile.
  Result<void> change(store::Transaction& transaction, const std::function<void(store::RunRow&)>& edit);

  // How long the run has worked, without what was spent waiting for people.
  [[nodiscard]] std::chrono::milliseconds active_time() const;

 private:
  const RunParts& parts_;
  jobs::JobContext& job_;
  RunStop& stop_;
  store::RunRow row_;
  const agents::AgentDefinition agent_;
  const agents::RunLimits limits_;
  const std::chrono::milliseconds active_before_;
  const std::chrono::steady_clock::time_point began_;
  Result<void> write_use(store::Transaction& transaction);

  std::vector<std::function<Result<void>(store::Transaction&)>> deferred_;  // few: the engine waits after them
  std::vector<streaming::EventDraft> told_;                                 // in the write under way
  bool is_use_changed_ = false;
};

}  // namespace weir::tools::runs
