// The queues behind Pacing: who is held for which key, whose turn it is, and what a newcomer is told. Private to
// pacing.cc (arrivals) and pacing_queue.cc (turns).
#pragma once
#include <atomic>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "server/pacing.h"

namespace weir::server {

// Thread-safe. Shared by its owner with timers and tasks that are on their way; they hold it weakly.
class Pacing::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const PacingSettings& settings, limits::RateLimiter& limiter, const Clock& clock, TimerQueue& timers,
       Executor& executor)
      : settings_(settings), limiter_(limiter), clock_(clock), timers_(timers), executor_(executor) {}

  Result<limits::Decision> decide(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost);
  std::shared_ptr<tools::PendingCall> admit(Spending spending, std::chrono::milliseconds wait, Done done, Moved moved);
  void leave(limits::KeyBudget* budget, std::uint64_t id);
  void renew_with(Renew renew) { renew_ = std::move(renew); }
  void proceed_if(const std::function<bool(const tools::Caller&)>& concerns);
  void stop();

  [[nodiscard]] std::size_t held() const { return held_.load(std::memory_order_relaxed); }
  [[nodiscard]] const PacingSettings& settings() const { return settings_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  // The limiter counts in whole milliseconds, rounded so that it never admits too early.
  static constexpr std::chrono::milliseconds kRounding{1};
  // A timer that fires a moment early must not spin.
  static constexpr std::chrono::milliseconds kLeastDelay{1};

  // What the calls before one another will have spent.
  struct Ahead {
    std::size_t calls = 0;
    std::uint32_t units = 0;
    std::uint32_t scans = 0;
    std::vector<std::pair<std::uint32_t, TimePoint>> expected;  // what each will spend, and when

    void add(const Pacing::Spending& spending, TimePoint at) {
      ++calls;
      expected.emplace_back(spending.cost, at);
      units += spending.cost;
      if (spending.kind == limits::CallKind::scan) ++scans;
    }
  };

  struct Entry {
    std::uint64_t id = 0;
    Spending spending;
    TimePoint deadline;
    TimePoint expected;
    Done done;
    Moved moved;
  };
  struct Queue {
    std::list<Entry> entries;
    TimerQueue::Id timer = 0;  // 0: none set
    bool is_turning = false;   // one thread decides; others only say that there is news
    bool has_news = false;
  };
  struct State {
    std::unordered_map<limits::KeyBudget*, Queue> queues;  // a queue is there while calls are held
    std::uint64_t next_id = 1;
    bool is_stopped = false;
  };

  static const limits::Quota& quota_of(const tools::Caller& caller, limits::CallKind kind) {
    return kind == limits::CallKind::scan ? caller.scan_quota : caller.quota;
  }
  static Error stopping();

  class Ticket;
  class Asking;

  [[nodiscard]] bool is_held_up(limits::KeyBudget* budget) const;
  [[nodiscard]] Ahead ahead_of_newcomer(limits::KeyBudget* budget) const;
  Result<limits::Decision> ask(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost);
  // What a decision spent that nobody uses. Nothing if it refused.
  void give_back(const Spending& spending, const limits::Decision& decision);
  std::shared_ptr<tools::PendingCall> go_or_join(Spending spending, std::chrono::milliseconds patience, Done done,
                                                 Moved moved, Result<limits::Decision> decision);
  Result<limits::Decision> refusal_behind(const Ahead& ahead, const tools::Caller& caller, limits::CallKind kind,
                                          std::uint32_t cost);
  void expect(limits::KeyBudget* budget, std::uint64_t id, TimePoint at);
  std::optional<Entry> take(limits::KeyBudget* budget, std::uint64_t id);
  void turn(limits::KeyBudget* budget);
  bool turn_once(limits::KeyBudget* budget);
  std::optional<Error> renew_front(limits::KeyBudget* budget, std::uint64_t id, Spending& front);
  bool refuse_late(limits::KeyBudget* budget, std::uint64_t front, const limits::Decision& refusal);
  void set_timer(limits::KeyBudget* budget, std::chrono::milliseconds delay);
  void post_turn(limits::KeyBudget* budget);
  void tell_places(limits::KeyBudget* budget);
  void finish(Entry entry, Result<limits::Decision> decision);

  const PacingSettings settings_;
  limits::RateLimiter& limiter_;
  const Clock& clock_;
  TimerQueue& timers_;
  Executor& executor_;
  Renew renew_;                       // constant after the first call; empty: callers stay as they came
  std::atomic<std::size_t> held_{0};  // so that nobody pays for queues while there are none
  Guarded<State> state_;
};

}  // namespace weir::server
