// Whether a run may go on: its owner's key, its agent, its time. Asked before it begins, and each second while it runs.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/guarded.h"
#include "store/database.h"
#include "store/runs_store.h"
#include "tools/access.h"
#include "tools/runs/run_stop.h"

namespace weir::tools::runs {

// How the run's owner and its agent stand. Not thread-safe: a value.
struct Standing {
  RunStopReason stop = RunStopReason::none;  // key_revoked, agent_disabled: the run must not go on
  std::string message;
  Scopes scopes;     // of the owner
  std::string tier;  // of the account
};
Result<Standing> standing_of(store::Transaction& transaction, const store::RunRow& run, UnixMillis now);

// The scopes that the owner's key has; a token's subject, whose row has none, has those that its token had when it created
// the run.
Scopes owner_scopes(const std::vector<std::string>& of_key, const store::RunRow& run);

// Requests the stop of one run when its standing or its time ends. Thread-safe.
class RunWatch {
 public:
  // A key that is revoked stops its runs within this time.
  static constexpr std::chrono::milliseconds kInterval{900};

  // All must outlive the watch. `standing` is what the run began with, `deadline` the end of its time.
  RunWatch(store::Database& database, const Clock& clock, store::RunRow run, Standing standing,
           std::chrono::steady_clock::time_point deadline, RunStop& stop);
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  [[nodiscard]] Scopes scopes() const {
    return scopes_.with([](const Scopes& scopes) { return scopes; });
  }
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const { return deadline_; }

 private:
  void keep_watch(const std::stop_token& stop);
  void look();

  store::Database& database_;
  const Clock& clock_;
  const store::RunRow run_;
  const std::chrono::steady_clock::time_point deadline_;
  RunStop& stop_;
  Guarded<Scopes> scopes_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace weir::tools::runs
