// Counts what the gate admits and refuses, by key and tool, and writes the counts in batches on its own thread, so that
// no call waits for the database. A clean stop loses none, a kill at most what came since the last batch.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "store/database.h"
#include "store/usage_store.h"
#include "tools/call_context.h"

namespace weir::server {

enum class CallOutcome : std::uint8_t { admitted, refused };

// Holds at most kShards * kWaitingPerShardMax counts (one for each key, tool and minute that is not written yet: a
// second's worth, more while the database does not answer); beyond, calls of further ones are not counted, which is
// logged. Thread-safe.
class UsageCounter {
 public:
  static constexpr std::chrono::milliseconds kFlushEvery{1'000};
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kWaitingPerShardMax = 1'024;

  // Both must outlive this object.
  UsageCounter(store::Database& database, const Clock& clock);
  ~UsageCounter();
  UsageCounter(const UsageCounter&) = delete;
  UsageCounter& operator=(const UsageCounter&) = delete;

  // Never blocks for the database.
  void count(const tools::Caller& caller, std::string_view tool, CallOutcome outcome);

  // Writes what has been counted so far; what could not be written stays counted. Blocks for the database.
  Result<void> flush();

  // Writes everything and ends the thread; what is counted afterwards is lost. Called by the destructor.
  void stop();

  // Calls that were not counted because there was no room.
  [[nodiscard]] std::int64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  struct PairView {
    std::string_view key_id;
    std::string_view tool;
    std::int64_t minute_ms = 0;
  };
  struct Pair {
    std::string key_id;
    std::string tool;
    std::int64_t minute_ms = 0;
    operator PairView() const { return {key_id, tool, minute_ms}; }  // NOLINT(google-explicit-constructor)
  };
  struct HashOfPair {
    using is_transparent = void;
    std::size_t operator()(const PairView& pair) const;
  };
  struct EqualPairs {
    using is_transparent = void;
    bool operator()(const PairView& left, const PairView& right) const {
      return left.minute_ms == right.minute_ms && left.key_id == right.key_id && left.tool == right.tool;
    }
  };
  struct Count {
    std::string account_id;
    store::UsageTotals calls;
  };
  using Waiting = std::unordered_map<Pair, Count, HashOfPair, EqualPairs>;

  void add(const PairView& pair, std::string_view account_id, const store::UsageTotals& calls);
  std::vector<store::UsageRow> take_all();
  void fold(const std::stop_token& stop);
  void run(const std::stop_token& stop);

  store::Database& database_;
  const Clock& clock_;
  std::array<Guarded<Waiting>, kShards> shards_;
  std::atomic<std::int64_t> lost_{0};
  std::mutex flushing_;  // one batch at a time; held while the database writes
  std::mutex pause_mutex_;
  std::condition_variable_any pause_;  // nobody notifies it: it ends by time or by stopping
  std::jthread thread_;                // waits kFlushEvery, woken by stopping; touches the counts and the database
};

}  // namespace weir::server
