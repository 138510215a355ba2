// Decisions through Redis: what one costs on the server and end to end, and what a full key costs there, beside the
// usual sorted-set log on the same server in the same run. Starts a redis-server of its own.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include "limits/redis_limiter.h"
#include "limits/window_script.h"
#include "tests/support/redis_process.h"

namespace {

using namespace weir;          // NOLINT(google-build-using-namespace)
using namespace weir::limits;  // NOLINT(google-build-using-namespace)

// The log that is commonly written down: one member a unit, scored by its time, made unique by a counter.
constexpr std::string_view kSortedSetLog = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, length = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - length)
local count = redis.call('ZCARD', KEYS[1])
if count >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return {0, 0, oldest[2] + length - now}
end
redis.call('ZADD', KEYS[1], now, time[1] .. time[2] .. '-' .. count)
redis.call('PEXPIRE', KEYS[1], length)
return {1, limit - count - 1, 0}
)lua";

testing::RedisProcess& redis() {
  static testing::RedisProcess process;
  return process;
}

RedisConnection& connection() {
  static RedisConnection shared(redis().settings());
  return shared;
}

const Quota kPro{.tier = "pro", .policies = {{.name = "minute", .limit = 1'000}}};
// Never full, so that every call is an admission.
const Quota kWide{.tier = "wide",
                  .policies = {{.name = "short", .limit = 1'000, .window = std::chrono::milliseconds{5}}}};

// All threads through one connection, each on a key of its own.
void decisions(benchmark::State& state) {
  static const SystemClock clock;
  static RedisLimiter limiter(connection(), clock);
  const auto budget = limiter.budget("key_" + std::to_string(state.thread_index()));
  std::int64_t failed = 0;
  for (auto _ : state) {
    if (!limiter.acquire(*budget, kWide, 1)) ++failed;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["failed"] = static_cast<double>(failed);
}
BENCHMARK(decisions)->Threads(1)->Threads(8)->Threads(32)->Threads(64)->UseRealTime();

void refused_caller_who_loops(benchmark::State& state) {
  const SystemClock clock;
  RedisLimiter limiter(connection(), clock);
  const auto budget = limiter.budget("key_denied");
  if (!limiter.acquire(*budget, kPro, 1'000)) state.SkipWithError("no decision");
  for (auto _ : state) benchmark::DoNotOptimize(limiter.acquire(*budget, kPro, 1));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(refused_caller_who_loops);

// Pipelined as fast as the server takes it; the time is the server's own (INFO commandstats).
double server_us_per_call(const std::vector<std::string>& command, int calls) {
  redis().command({"CONFIG", "RESETSTAT"});
  const std::vector<std::string_view> views(command.begin(), command.end());
  for (int call = 0; call < calls;) {
    if (connection().post(views)) {
      ++call;
    } else {
      std::this_thread::yield();
    }
  }
  const std::vector<std::string_view> ping{"PING"};
  while (!connection().call(ping)) std::this_thread::yield();
  const std::string line = redis().info("commandstats", "cmdstat_evalsha");
  return std::stod(line.substr(line.find("usec_per_call=") + 14));
}

void compare_on_the_server() {
  constexpr int kCallsARound = 10'000;
  constexpr int kRounds = 9;  // taken in turn, so that a neighbour's noise meets both
  const std::string ours = redis().command({"SCRIPT", "LOAD", std::string(window_script())}).text;
  const std::string log = redis().command({"SCRIPT", "LOAD", std::string(kSortedSetLog)}).text;
  const std::string list = "weir:{bench}:minute";
  const std::string set = "log:{bench}:minute";

  std::printf("\nlimit 1 000 in a minute, one key, microseconds of the server per decision, median of 9 rounds\n");
  for (const auto& [what, length] :
       {std::pair{"filling, then refusing", "60000"}, std::pair{"a full window that slides", "20"}}) {
    redis().command({"DEL", list, set});
    std::vector<double> list_us;
    std::vector<double> set_us;
    for (int round = 0; round < kRounds; ++round) {
      list_us.push_back(server_us_per_call({"EVALSHA", ours, "1", list, "1", "1000", length}, kCallsARound));
      set_us.push_back(server_us_per_call({"EVALSHA", log, "1", set, "1000", length}, kCallsARound));
    }
    std::sort(list_us.begin(), list_us.end());
    std::sort(set_us.begin(), set_us.end());
    const double list_median = list_us[kRounds / 2];
    const double set_median = set_us[kRounds / 2];
    std::printf("  %-28s list %6.2f   sorted set %6.2f   ratio %.2f   (least: %.2f, %.2f)\n", what, list_median,
                set_median, list_median / set_median, list_us.front(), set_us.front());
  }
  redis().command({"DEL", list, set});
  server_us_per_call({"EVALSHA", ours, "1", list, "1", "1000", "60000"}, 1'000);
  server_us_per_call({"EVALSHA", log, "1", set, "1000", "60000"}, 1'000);
  const auto list_bytes = redis().number({"MEMORY", "USAGE", list, "SAMPLES", "0"});
  const auto set_bytes = redis().number({"MEMORY", "USAGE", set, "SAMPLES", "0"});
  std::printf("bytes per full key\n  %-28s list %6ld   sorted set %6ld   ratio %.2f\n", "1 000 units", list_bytes,
              set_bytes, static_cast<double>(list_bytes) / static_cast<double>(set_bytes));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  compare_on_the_server();
  benchmark::Shutdown();
}
