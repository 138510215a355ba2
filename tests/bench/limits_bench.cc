// What one decision of the in-process limiter costs: on a hot key, refused, over many keys; and the bytes of a key.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "limits/memory_limiter.h"
#include "limits/tiers.h"
#include "server/measured_limiter.h"

namespace weir::limits {
namespace {

constexpr int kManyKeys = 100'000;

Quota quota_of(std::uint32_t limit) {
  return {.tier = "free", .is_unlimited = false, .policies = {{.name = "minute", .limit = limit}}};
}

// A clock that costs nothing and runs fast enough that every call is admitted.
class FastClock final : public Clock {
 public:
  [[nodiscard]] UnixMillis now() const override { return from_unix_ms(1'795'000'000'000 + ms_); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const override {
    ms_ += 70;  // below 1 000 calls a minute
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds{ms_}};
  }

 private:
  mutable std::int64_t ms_ = 1'000'000;
};

void read_the_clock(benchmark::State& state) {
  const SystemClock clock;
  for (auto _ : state) benchmark::DoNotOptimize(clock.steady_now());
}
BENCHMARK(read_the_clock);

void hot_key_admitted(benchmark::State& state) {
  const FastClock fast;
  const SystemClock system;  // read as well, so that the figure includes what a real decision pays
  MemoryLimiter limiter(fast);
  const auto budget = limiter.budget("key_hot");
  const Quota quota = quota_of(1'000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(system.steady_now());
    auto decision = limiter.acquire(*budget, quota, 1);
    if (!decision->is_allowed) state.SkipWithError("was refused");
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(hot_key_admitted);

// What /metrics adds to each decision.
void hot_key_admitted_and_counted(benchmark::State& state) {
  const FastClock fast;
  const SystemClock system;
  MemoryLimiter inner(fast);
  server::Metrics metrics({"admin", "custom", "free", "pro", "standard", "starter"});
  server::MeasuredLimiter limiter(inner, metrics);
  const auto budget = limiter.budget("key_hot");
  const Quota quota = quota_of(1'000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(system.steady_now());
    auto decision = limiter.acquire(*budget, quota, 1);
    if (!decision->is_allowed) state.SkipWithError("was refused");
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(hot_key_admitted_and_counted);

void hot_key_refused(benchmark::State& state) {
  const SystemClock clock;
  MemoryLimiter limiter(clock);
  const auto budget = limiter.budget("key_hot");
  const Quota quota = quota_of(1'000);
  for (int call = 0; call < 1'000; ++call) (void)limiter.acquire(*budget, quota, 1);
  for (auto _ : state) {
    auto decision = limiter.acquire(*budget, quota, 1);
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(hot_key_refused);

void hot_key_from_two_threads(benchmark::State& state) {
  static const SystemClock clock;
  static MemoryLimiter limiter(clock);
  const auto budget = limiter.budget("key_hot");
  const Quota quota = quota_of(1'000);
  for (auto _ : state) {
    auto decision = limiter.acquire(*budget, quota, 1);
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(hot_key_from_two_threads)->Threads(2);

void over_many_keys(benchmark::State& state) {
  const SystemClock clock;
  MemoryLimiter limiter(clock);
  const Quota quota = quota_of(100);
  std::vector<std::shared_ptr<KeyBudget>> budgets;
  budgets.reserve(kManyKeys);
  for (int key = 0; key < kManyKeys; ++key) budgets.push_back(limiter.budget("key_" + std::to_string(key)));
  std::mt19937 random(1);
  std::vector<std::uint32_t> order(1 << 16);
  for (std::uint32_t& index : order) index = static_cast<std::uint32_t>(random() % kManyKeys);
  std::size_t next = 0;
  for (auto _ : state) {
    auto decision = limiter.acquire(*budgets[order[next++ & 0xFFFFU]], quota, 1);
    benchmark::DoNotOptimize(decision);
  }
}
BENCHMARK(over_many_keys);

void bytes_of_a_key(benchmark::State& state) {
  const SystemClock clock;
  const auto limit = static_cast<std::uint32_t>(state.range(0));
  const Quota quota = quota_of(limit);
  std::size_t bytes = 0;
  for (auto _ : state) {
    MemoryLimiter limiter(clock);
    const auto budget = limiter.budget("key_a");
    for (std::uint32_t call = 0; call < limit; ++call) (void)limiter.acquire(*budget, quota, 1);
    bytes = MemoryLimiter::bytes_of(*budget);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(bytes_of_a_key)->Arg(1)->Arg(100)->Arg(1'000);

}  // namespace
}  // namespace weir::limits

BENCHMARK_MAIN();
