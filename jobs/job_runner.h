// Runs long work from the database's queue: claims with a lease, renews it, honours deadlines and cancellation,
// and takes up what a killed process left behind.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "jobs/job_context.h"
#include "store/database.h"

namespace weir::jobs {

struct JobRunnerSettings {
  unsigned runners = 2;                            // of each kind that does not say its own number
  std::chrono::milliseconds lease{15'000};         // renewed each third of it
  std::chrono::milliseconds stop_timeout{10'000};  // how long running work may take to notice a stop
  std::int64_t attempts_max = 3;                   // a job that killed the process this often is given up
  // alone: no other process works on this queue, so start() takes up at once whatever is marked as running. shared:
  // leases of others are waited for.
  enum class Queue : std::uint8_t { alone, shared } queue = Queue::alone;
};

// How a job's work ended. `retry` puts it back into the queue (a shutdown, a busy resource).
struct JobOutcome {
  enum class Kind : std::uint8_t { finished, retry } kind = Kind::finished;
  std::chrono::milliseconds delay{0};
};

// The work of one kind of job.
struct JobHandler {
  // Runs on a runner's thread; must look at the stop token at least each 250 ms and leave the resource in a
  // stated condition (its own terminal event written) when it returns `finished`.
  std::function<JobOutcome(JobContext&)> run;
  // Called instead of run() when the attempts are used up: must end the resource with a stated reason.
  std::function<void(JobContext&)> give_up;
  // Threads that do this kind of work and no other, so that work that waits for another kind (a run for its scans) never
  // holds the thread that the other needs. Nothing: JobRunnerSettings::runners. 0: other nodes do it.
  std::optional<unsigned> runners{};
};

// Thread-safe.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  // All must outlive the runner. `kinds` maps job kinds to their work.
  static std::unique_ptr<JobRunner> create(const JobRunnerSettings& settings, store::Database& database,
                                           const Clock& clock, IdGenerator& ids,
                                           std::map<std::string, JobHandler> kinds);

  // Starts the threads; also takes up jobs whose lease has ended, or all running ones of a process before this one.
  virtual void start() = 0;
  // Adds a job in `transaction`; runners are woken when it commits. Returns the job's id.
  virtual Result<std::string> enqueue(store::Transaction& transaction, store::JobRow job) = 0;
  // Asks the job of a resource to stop, in `transaction`; a running one notices when it commits. A queued one is left to
  // the caller, who ends the resource in the same transaction.
  virtual Result<void> cancel(store::Transaction& transaction, std::string_view resource_id) = 0;
  // For work that was put back with a delay because a place was taken, when `places` have become free: makes the oldest
  // such jobs of the account due when `transaction` commits.
  virtual Result<void> make_due(store::Transaction& transaction, std::string_view kind, std::string_view account_id,
                                std::int64_t places = 1) = 0;
  // Running work is asked to stop and put back; then the threads end. Blocks up to `stop_timeout`; work that has not
  // noticed by then is logged, and the destructor waits for it (its lease lets another process take it up).
  virtual void stop() = 0;
  [[nodiscard]] virtual std::size_t running() const = 0;
};

}  // namespace weir::jobs
