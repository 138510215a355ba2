// What the tests of held calls share: a clock that they move, and work that runs when they say so.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "limits/memory_limiter.h"
#include "server/pacing.h"
#include "tests/support/fake_clock.h"

namespace weir::server::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Runs what is posted when the test says so. Thread-safe: a timer of 1 ms may fire in real time, too.
class QueuedExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override {
    if (is_full) return false;
    queue_.with([&](auto& queue) { queue.push_back(std::move(work)); });
    return true;
  }
  void run_all() {
    while (auto work = next()) work();
  }

  bool is_full = false;

 private:
  std::function<void()> next() {
    return queue_.with([](auto& queue) {
      if (queue.empty()) return std::function<void()>();
      auto work = std::move(queue.front());
      queue.pop_front();
      return work;
    });
  }

  Guarded<std::deque<std::function<void()>>> queue_;
};

// One held or decided call. Not thread-safe: owned by a test.
struct Asked {
  std::optional<Result<limits::Decision>> answer;
  std::vector<Place> places;
  std::shared_ptr<tools::PendingCall> place;

  [[nodiscard]] bool is_admitted() const { return answer && *answer && (*answer)->is_allowed; }
  [[nodiscard]] bool is_refused() const { return answer && *answer && !(*answer)->is_allowed; }
  [[nodiscard]] milliseconds retry_after() const { return is_refused() ? (*answer)->retry_after : milliseconds{-1}; }
};

class PacingTest : public ::testing::Test {
 protected:
  std::shared_ptr<const tools::Caller> caller_with(std::uint32_t limit, const std::string& key = "key_one") {
    auto caller = std::make_shared<tools::Caller>();
    caller->key_id = key;
    caller->tier = "free";
    caller->quota = {.tier = "free", .policies = {{.name = "minute", .limit = limit, .window = seconds{10}}}};
    caller->scan_quota = caller->quota;
    caller->scan_quota.policies.push_back(
        {.name = std::string(limits::kScansDay), .limit = 2, .window = std::chrono::hours{24}, .fixed_cost = 1});
    caller->budget = limiter_.budget(key);
    return caller;
  }
  std::shared_ptr<Asked> ask(const std::shared_ptr<const tools::Caller>& caller, milliseconds wait,
                             std::uint32_t cost = 1, limits::CallKind kind = limits::CallKind::any) {
    auto asked = std::make_shared<Asked>();
    const std::size_t number = asked_++;
    asked->place = pacing_.admit(
        {.caller = caller, .kind = kind, .cost = cost}, wait,
        [this, asked = asked.get(), number](Result<limits::Decision> decision) {
          EXPECT_FALSE(asked->answer.has_value()) << "answered twice";
          if (decision && decision->is_allowed) admitted_.push_back(number);
          asked->answer = std::move(decision);
        },
        [asked = asked.get()](const Place& place) { asked->places.push_back(place); });
    return asked;
  }
  void advance(milliseconds by) {
    clock_.advance(by);
    pacing_.proceed();
    executor_.run_all();
  }

  weir::testing::FakeClock clock_;
  limits::MemoryLimiter limiter_{clock_};
  TimerQueue timers_;
  QueuedExecutor executor_;
  std::size_t asked_ = 0;
  std::vector<std::size_t> admitted_;  // numbers, in the order of admission
  Pacing pacing_{{.held_per_key_max = 4, .held_max = 6}, limiter_, clock_, timers_, executor_};
};

}  // namespace weir::server::testing
