#include "server/runs/run_counts.h"

#include <algorithm>
#include <string>

#include "store/runs_store.h"

namespace weir::server {
namespace {

using Kind = Metrics::Kind;

template <typename Names, typename Counts>
void count(const Names& names, Counts& counts, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end())
    counts[static_cast<std::size_t>(found - names.begin())].fetch_add(1, std::memory_order_relaxed);
}

template <typename Names, typename Counts>
std::vector<Sample> samples_of(const Names& names, const Counts& counts, std::string_view label) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < names.size(); ++i) {
    samples.push_back({.labels = metric_label(label, names[i]), .value = static_cast<double>(counts[i].load())});
  }
  return samples;
}

std::vector<Sample> runs_by_status(store::Database& database) {
  std::vector<Sample> samples;
  const auto counts =
      database.read_for([](store::Transaction& transaction) { return store::count_runs_by_status(transaction); });
  if (!counts) return samples;
  for (const std::string_view status : {"queued", "running", "requires_action", "cancelling", "completed", "failed",
                                        "cancelled", "incomplete", "expired"}) {
    const auto found = std::ranges::find(*counts, status, &std::pair<std::string, std::int64_t>::first);
    samples.push_back({.labels = metric_label("status", status),
                       .value = found == counts->end() ? 0.0 : static_cast<double>(found->second)});
  }
  return samples;
}

}  // namespace

void RunCounts::run_ended(std::string_view status) { count(kRunEnds, runs_, status); }

void RunCounts::call_ended(std::string_view end) { count(kCallEnds, calls_, end); }

void RunCounts::step_overhead(std::chrono::nanoseconds took) {
  const std::int64_t us = std::chrono::ceil<std::chrono::microseconds>(took).count();
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(kBucketsUs, us) - kBucketsUs.begin());
  overhead_[bucket].fetch_add(1, std::memory_order_relaxed);
  overhead_ns_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)),
                         std::memory_order_relaxed);
}

std::vector<Sample> RunCounts::overhead() const {
  constexpr double kMicrosecondsPerSecond = 1e6;
  constexpr double kNanosecondsPerSecond = 1e9;
  std::vector<Sample> samples;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < overhead_.size(); ++i) {
    sum += overhead_[i].load();
    const std::string end =
        i < kBucketsUs.size() ? to_text(Json(static_cast<double>(kBucketsUs[i]) / kMicrosecondsPerSecond)) : "+Inf";
    samples.push_back({.labels = metric_label("le", end), .value = static_cast<double>(sum), .suffix = "_bucket"});
  }
  samples.push_back({.value = static_cast<double>(overhead_ns_.load()) / kNanosecondsPerSecond, .suffix = "_sum"});
  samples.push_back({.value = static_cast<double>(sum), .suffix = "_count"});
  return samples;
}

void RunCounts::add_readings(Metrics& metrics, store::Database& database) const {
  metrics.add_reading("weir_runs", Kind::gauge, "Runs in the database, by status.",
                      [&database] { return runs_by_status(database); });
  metrics.add_reading("weir_runs_ended_total", Kind::counter, "Runs that this server ended, by how.",
                      [this] { return samples_of(kRunEnds, runs_, "status"); });
  metrics.add_reading("weir_run_tool_calls_total", Kind::counter, "Tool calls of runs, by how they ended.",
                      [this] { return samples_of(kCallEnds, calls_, "end"); });
  metrics.add_reading("weir_run_step_overhead_seconds", Kind::histogram,
                      "From a tool's answer to the run's next call: what the engine and its records take.",
                      [this] { return overhead(); });
}

}  // namespace weir::server
