#include "server/usage_counter.h"

#include <pthread.h>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "base/log.h"

namespace weir::server {
namespace {

// Rows of one transaction: some 20 ms of the database's writer, which calls wait for as well.
constexpr std::size_t kRowsPerWrite = 500;
// How often aged counts are moved, and how many minutes of them at most: after a long stop it takes several rounds.
constexpr int kFoldEveryFlushes = 60;
constexpr int kFoldsMax = 120;

}  // namespace

std::size_t UsageCounter::HashOfPair::operator()(const PairView& pair) const {
  const std::hash<std::string_view> hash;
  constexpr std::size_t kOdd = 0x9E3779B97F4A7C15ULL;  // spreads what the two hashes share (2^64 / golden ratio)
  return hash(pair.key_id) ^ (hash(pair.tool) * kOdd) ^ static_cast<std::size_t>(pair.minute_ms);
}

UsageCounter::UsageCounter(store::Database& database, const Clock& clock)
    : database_(database), clock_(clock), thread_([this](const std::stop_token& stop) { run(stop); }) {
  pthread_setname_np(thread_.native_handle(), "weir-usage");
}

UsageCounter::~UsageCounter() { stop(); }

void UsageCounter::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  if (auto written = flush(); !written) {
    log::error("usage.lost_at_stop", {{"message", written.error().message}, {"cause", written.error().cause}});
  }
}

void UsageCounter::count(const tools::Caller& caller, std::string_view tool, CallOutcome outcome) {
  const std::int64_t now_ms = to_unix_ms(clock_.now());
  add({caller.key_id, tool, now_ms - now_ms % store::kUsageMinute.count()}, caller.account_id,
      outcome == CallOutcome::admitted ? store::UsageTotals{.admitted = 1, .refused = 0}
                                       : store::UsageTotals{.admitted = 0, .refused = 1});
}

void UsageCounter::add(const PairView& pair, std::string_view account_id, const store::UsageTotals& calls) {
  // By the key alone, so that the keys of a busy server do not meet at one lock.
  const std::size_t shard = std::hash<std::string_view>()(pair.key_id) % kShards;
  const bool is_counted = shards_[shard].with([&](Waiting& waiting) {
    auto found = waiting.find(pair);
    if (found == waiting.end()) {
      if (waiting.size() >= kWaitingPerShardMax) return false;
      found = waiting
                  .emplace(Pair{std::string(pair.key_id), std::string(pair.tool), pair.minute_ms},
                           Count{std::string(account_id), {}})
                  .first;
    }
    found->second.calls.admitted += calls.admitted;
    found->second.calls.refused += calls.refused;
    return true;
  });
  if (!is_counted) lost_.fetch_add(calls.admitted + calls.refused, std::memory_order_relaxed);
}

std::vector<store::UsageRow> UsageCounter::take_all() {
  std::vector<store::UsageRow> rows;
  for (Guarded<Waiting>& guarded : shards_) {
    Waiting taken;
    guarded.with([&](Waiting& waiting) { taken.swap(waiting); });
    for (auto& [pair, count] : taken) {
      rows.push_back({.account_id = std::move(count.account_id),
                      .key_id = pair.key_id,
                      .tool = pair.tool,
                      .minute = from_unix_ms(pair.minute_ms),
                      .calls = count.calls});
    }
  }
  return rows;
}

Result<void> UsageCounter::flush() {
  const std::lock_guard lock(flushing_);
  const std::vector<store::UsageRow> rows = take_all();
  for (std::size_t first = 0; first < rows.size(); first += kRowsPerWrite) {
    const auto batch = std::span(rows).subspan(first, std::min(kRowsPerWrite, rows.size() - first));
    auto written = database_.write([&](store::Transaction& transaction) -> Result<void> {
      for (const store::UsageRow& row : batch) {
        if (auto added = store::add_usage(transaction, row); !added) return added;
      }
      return {};
    });
    if (written) continue;
    for (const store::UsageRow& row : std::span(rows).subspan(first)) {
      add({row.key_id, row.tool, to_unix_ms(row.minute)}, row.account_id, row.calls);
    }
    return written;
  }
  return {};
}

void UsageCounter::fold(const std::stop_token& stop) {
  for (int i = 0; i < kFoldsMax && !stop.stop_requested(); ++i) {
    const auto folded = database_.write_for(
        [this](store::Transaction& transaction) { return store::fold_usage(transaction, clock_.now()); });
    if (!folded) {
      log::warning("usage.not_folded", {{"message", folded.error().message}, {"cause", folded.error().cause}});
      return;
    }
    if (!*folded) return;
  }
}

void UsageCounter::run(const std::stop_token& stop) {
  bool is_failing = false;
  std::int64_t lost_before = 0;
  int until_fold = 0;  // at once: what aged while the server was stopped
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(pause_mutex_);
      pause_.wait_for(lock, stop, kFlushEvery, [] { return false; });
    }
    if (stop.stop_requested()) return;  // stop() writes the rest
    const auto written = flush();
    // Once per change, not once per second.
    if (!written && !is_failing) {
      log::warning("usage.not_written", {{"message", written.error().message}, {"cause", written.error().cause}});
    }
    is_failing = !written;
    if (lost() != lost_before) log::warning("usage.not_counted", {{"calls", lost() - lost_before}});
    lost_before = lost();
    if (--until_fold > 0) continue;
    until_fold = kFoldEveryFlushes;
    fold(stop);
  }
}

}  // namespace weir::server
