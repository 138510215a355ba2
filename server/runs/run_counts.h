// What is counted about runs, and how /metrics shows it.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "server/metrics.h"
#include "store/database.h"
#include "tools/runs/run_services.h"

namespace weir::server {

// Thread-safe.
class RunCounts final : public tools::runs::RunMeter {
 public:
  static constexpr std::array<std::string_view, 5> kRunEnds = {"completed", "failed", "cancelled", "incomplete",
                                                               "expired"};
  static constexpr std::array<std::string_view, 5> kCallEnds = {"completed", "failed", "denied", "timed_out",
                                                                "skipped"};
  // Upper ends of the histogram's buckets, in microseconds; the last one is open.
  static constexpr std::array<std::int64_t, 15> kBucketsUs = {
      100, 250, 500, 1'000, 1'500, 2'000, 3'000, 4'000, 5'000, 7'500, 10'000, 15'000, 25'000, 50'000, 250'000};

  void run_ended(std::string_view status) override;
  void call_ended(std::string_view end) override;
  void step_overhead(std::chrono::nanoseconds took) override;

  // weir_runs, weir_runs_ended_total, weir_run_tool_calls_total, weir_run_step_overhead_seconds. Both must outlive the
  // metrics' last text.
  void add_readings(Metrics& metrics, store::Database& database) const;

 private:
  [[nodiscard]] std::vector<Sample> overhead() const;

  std::array<std::atomic<std::uint64_t>, kRunEnds.size()> runs_{};
  std::array<std::atomic<std::uint64_t>, kCallEnds.size()> calls_{};
  std::array<std::atomic<std::uint64_t>, kBucketsUs.size() + 1> overhead_{};
  std::atomic<std::uint64_t> overhead_ns_{0};
};

}  // namespace weir::server
