#include "server/pacing.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/guarded.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;
using TimePoint = std::chrono::steady_clock::time_point;

// The limiter counts in whole milliseconds, rounded so that it never admits too early.
constexpr milliseconds kRounding{1};
// A timer that fires a moment early must not spin.
constexpr milliseconds kLeastDelay{1};

const limits::Quota& quota_of(const tools::Caller& caller, limits::CallKind kind) {
  return kind == limits::CallKind::scan ? caller.scan_quota : caller.quota;
}

Error stopping() {
  return Error(ErrorCode::unavailable, "The server is stopping. Try again shortly.").retry_in(std::chrono::seconds{1});
}

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

}  // namespace

class Pacing::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const PacingSettings& settings, limits::RateLimiter& limiter, const Clock& clock, TimerQueue& timers,
       Executor& executor)
      : settings_(settings), limiter_(limiter), clock_(clock), timers_(timers), executor_(executor) {}

  Result<limits::Decision> decide(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost);
  std::shared_ptr<tools::PendingCall> admit(Spending spending, milliseconds wait, Done done, Moved moved);
  void leave(limits::KeyBudget* budget, std::uint64_t id);
  void renew_with(Renew renew) { renew_ = std::move(renew); }
  void proceed_if(const std::function<bool(const tools::Caller&)>& concerns);
  void stop();

  [[nodiscard]] std::size_t held() const { return held_.load(std::memory_order_relaxed); }
  [[nodiscard]] const PacingSettings& settings() const { return settings_; }

 private:
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
    TimerQueue::Id timer = 0;   // 0: none set
    bool is_turning = false;    // one thread decides; others only say that there is news
    bool has_news = false;
  };
  struct State {
    std::unordered_map<limits::KeyBudget*, Queue> queues;  // a queue is there while calls are held
    std::uint64_t next_id = 1;
    bool is_stopped = false;
  };
  class Ticket;
  class Asking;

  [[nodiscard]] bool is_held_up(limits::KeyBudget* budget) const;
  [[nodiscard]] Ahead ahead_of_newcomer(limits::KeyBudget* budget) const;
  Result<limits::Decision> ask(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost);
  std::shared_ptr<tools::PendingCall> go_or_join(Spending spending, milliseconds patience, Done done, Moved moved,
                                                 Result<limits::Decision> decision);
  Result<limits::Decision> refusal_behind(const Ahead& ahead, const tools::Caller& caller, limits::CallKind kind,
                                          std::uint32_t cost);
  void expect(limits::KeyBudget* budget, std::uint64_t id, TimePoint at);
  std::optional<Entry> take(limits::KeyBudget* budget, std::uint64_t id);
  void turn(limits::KeyBudget* budget);
  bool turn_once(limits::KeyBudget* budget);
  std::optional<Error> renew_front(limits::KeyBudget* budget, std::uint64_t id, Spending& front);
  bool refuse_late(limits::KeyBudget* budget, std::uint64_t front, const limits::Decision& refusal);
  void set_timer(limits::KeyBudget* budget, milliseconds delay);
  void post_turn(limits::KeyBudget* budget);
  void tell_places(limits::KeyBudget* budget);
  void finish(Entry entry, Result<limits::Decision> decision);

  const PacingSettings settings_;
  limits::RateLimiter& limiter_;
  const Clock& clock_;
  TimerQueue& timers_;
  Executor& executor_;
  Renew renew_;  // constant after the first call; empty: callers stay as they came
  std::atomic<std::size_t> held_{0};  // so that nobody pays for queues while there are none
  Guarded<State> state_;
};

// A place in a queue. Immutable.
class Pacing::Core::Ticket final : public tools::PendingCall {
 public:
  Ticket(std::weak_ptr<Core> core, std::shared_ptr<limits::KeyBudget> budget, std::uint64_t id)
      : core_(std::move(core)), budget_(std::move(budget)), id_(id) {}
  ~Ticket() override {
    if (const auto core = core_.lock()) core->leave(budget_.get(), id_);
  }

 private:
  const std::weak_ptr<Core> core_;
  const std::shared_ptr<limits::KeyBudget> budget_;
  const std::uint64_t id_;
};

// A call whose decision is under way: its place is not known yet. Thread-safe.
class Pacing::Core::Asking final : public tools::PendingCall {
 public:
  // What is decided and who waits for it. Shared by the limiter's thread, the executor and whoever may leave.
  struct Question {
    Spending spending;
    milliseconds patience;
    Done done;
    Result<limits::Decision> decision{limits::Decision{}};
    struct Place {
      std::shared_ptr<tools::PendingCall> ticket;
      bool is_left = false;
    };
    Guarded<Place> place{};
  };

  explicit Asking(std::shared_ptr<Question> question) : question_(std::move(question)) {}
  ~Asking() override {
    // The ticket goes outside the lock: leaving a queue takes others.
    const auto ticket = question_->place.with([](Question::Place& place) {
      place.is_left = true;
      return std::move(place.ticket);
    });
  }

  // On the executor, once `question.decision` is there.
  static void decided(Core& core, Question& question) {
    auto ticket = core.go_or_join(std::move(question.spending), question.patience, std::move(question.done), {},
                                  std::move(question.decision));
    question.place.with([&](Question::Place& place) {
      if (!place.is_left) place.ticket.swap(ticket);
    });
  }

 private:
  const std::shared_ptr<Question> question_;
};

bool Pacing::Core::is_held_up(limits::KeyBudget* budget) const {
  if (held() == 0) return false;
  return state_.with([&](const State& state) { return state.queues.contains(budget); });
}

Ahead Pacing::Core::ahead_of_newcomer(limits::KeyBudget* budget) const {
  return state_.with([&](const State& state) {
    Ahead ahead;
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return ahead;
    for (const Entry& entry : found->second.entries) ahead.add(entry.spending, entry.expected);
    return ahead;
  });
}

Result<limits::Decision> Pacing::Core::ask(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost) {
  return limiter_.acquire(*caller.budget, quota_of(caller, kind), cost);
}

// When the units of all who come before and of this call would be admitted together: the log of a window answers that
// as it answers any cost, exactly, since none of them leaves the window before the last one enters it. Beyond the limit
// that is not so: then the first of those before must have come and left.
Result<limits::Decision> Pacing::Core::refusal_behind(const Ahead& ahead, const tools::Caller& caller,
                                                      limits::CallKind kind, std::uint32_t cost) {
  limits::Quota quota = quota_of(caller, kind);
  const std::uint32_t total = ahead.units + cost;
  std::optional<std::size_t> overfull;
  for (std::size_t i = 0; i < quota.policies.size(); ++i) {
    limits::Policy& policy = quota.policies[i];
    if (policy.fixed_cost.value_or(0) > 0) *policy.fixed_cost += ahead.scans;
    if (!policy.fixed_cost && total > policy.limit && cost <= policy.limit) overfull = i;
  }
  Result<limits::Decision> decision = limiter_.acquire(*caller.budget, quota, overfull ? 0 : total);
  if (!decision || decision->is_unlimited) return decision;
  if (overfull) {
    const limits::Policy& policy = quota.policies[*overfull];
    const TimePoint now = clock_.steady_now();
    std::uint32_t behind = ahead.units;
    TimePoint cleared = now;
    for (const auto& [units, at] : ahead.expected) {
      if (behind + cost <= policy.limit) break;
      behind -= units;
      cleared = std::max(cleared, at);
    }
    decision->tightest = *overfull;
    decision->retry_after = std::chrono::ceil<milliseconds>(cleared - now) + policy.window;
  } else if (decision->is_allowed) {
    // Slots freed since those before were last asked about (or the tier was raised, through another node): they get
    // them, in order and at once, and this one is next.
    limiter_.refund(*caller.budget, quota, *decision, total);
    decision->retry_after = kLeastDelay;
    post_turn(caller.budget.get());
  }
  decision->is_allowed = false;
  if (!decision->states.empty()) {
    limits::PolicyState& shown = decision->states[decision->tightest];
    // What is left is promised to those before, so nothing is free for a newcomer until then.
    shown.remaining -= std::min(shown.remaining, ahead.units);
    shown.reset_at = std::max(shown.reset_at, decision->decided_at + decision->retry_after);
  }
  return decision;
}

Result<limits::Decision> Pacing::Core::decide(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost) {
  if (cost > 0 && is_held_up(caller.budget.get())) {
    if (const Ahead ahead = ahead_of_newcomer(caller.budget.get()); ahead.calls > 0) {
      return refusal_behind(ahead, caller, kind, cost);
    }
  }
  return ask(caller, kind, cost);
}

std::shared_ptr<tools::PendingCall> Pacing::Core::admit(Spending spending, milliseconds wait, Done done, Moved moved) {
  const std::shared_ptr<const tools::Caller> caller = spending.caller;
  limits::KeyBudget* const budget = caller->budget.get();
  const milliseconds patience = std::max(std::min<milliseconds>(wait, settings_.wait_max), kRounding);
  if (moved || (spending.cost > 0 && is_held_up(budget))) {
    Result<limits::Decision> decision = decide(*caller, spending.kind, spending.cost);
    return go_or_join(std::move(spending), patience, std::move(done), std::move(moved), std::move(decision));
  }
  const limits::CallKind kind = spending.kind;
  const std::uint32_t cost = spending.cost;
  auto question = std::make_shared<Asking::Question>(std::move(spending), patience, std::move(done));
  auto decision = limiter_.acquire_or_call(
      caller->budget, quota_of(*caller, kind), cost,
      [weak = weak_from_this(), question](Result<limits::Decision> late) {
        const auto core = weak.lock();
        if (core == nullptr) {
          question->done = nullptr;  // nobody is answered any more; it may hold its own place
          return;
        }
        question->decision = std::move(late);
        const bool is_taken = core->executor_.post([weak, question] {
          if (const auto still_there = weak.lock()) Asking::decided(*still_there, *question);
        });
        if (!is_taken) question->done(stopping());
      });
  if (!decision) return std::make_shared<Asking>(std::move(question));
  return go_or_join(std::move(question->spending), patience, std::move(question->done), {}, *std::move(decision));
}

std::shared_ptr<tools::PendingCall> Pacing::Core::go_or_join(Spending spending, milliseconds patience, Done done,
                                                             Moved moved, Result<limits::Decision> decision) {
  const std::shared_ptr<const tools::Caller> caller = spending.caller;
  limits::KeyBudget* const budget = caller->budget.get();
  if (!decision || decision->is_allowed || decision->retry_after > patience) {
    done(std::move(decision));
    return nullptr;
  }

  // Joins first and asks again then: whoever comes later finds this call before it.
  const TimePoint now = clock_.steady_now();
  const limits::CallKind kind = spending.kind;
  const std::uint32_t cost = spending.cost;
  Ahead ahead;
  std::uint64_t id = 0;
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    const std::size_t waiting = found == state.queues.end() ? 0 : found->second.entries.size();
    if (state.is_stopped || waiting >= settings_.held_per_key_max || held() >= settings_.held_max) return;
    Queue& queue = state.queues[budget];
    for (const Entry& entry : queue.entries) ahead.add(entry.spending, entry.expected);
    id = state.next_id++;
    queue.entries.push_back(Entry{.id = id, .spending = std::move(spending), .deadline = now + patience,
                                  .expected = now + decision->retry_after, .done = std::move(done),
                                  .moved = std::move(moved)});
    ++held_;
  });
  if (id == 0) {
    done(std::move(decision));
    return nullptr;
  }
  auto ticket = std::make_shared<Ticket>(weak_from_this(), caller->budget, id);
  if (ahead.calls > 0) {
    decision = refusal_behind(ahead, *caller, kind, cost);
    if (!decision || decision->retry_after > patience) {
      if (auto entry = take(budget, id)) {
        entry->done(std::move(decision));
        return nullptr;
      }
      return ticket;  // decided meanwhile
    }
    expect(budget, id, now + decision->retry_after);
  }
  if (ahead.calls == 0) set_timer(budget, decision->retry_after);
  tell_places(budget);
  return ticket;
}

void Pacing::Core::expect(limits::KeyBudget* budget, std::uint64_t id, TimePoint at) {
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return;
    const auto entry = std::ranges::find(found->second.entries, id, &Entry::id);
    if (entry != found->second.entries.end()) entry->expected = at;
  });
}

// The entry leaves its queue; nothing if it has left.
std::optional<Pacing::Core::Entry> Pacing::Core::take(limits::KeyBudget* budget, std::uint64_t id) {
  TimerQueue::Id idle_timer = 0;
  std::optional<Entry> taken;
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return;
    Queue& queue = found->second;
    const auto entry = std::ranges::find(queue.entries, id, &Entry::id);
    if (entry == queue.entries.end()) return;
    taken = std::move(*entry);
    queue.entries.erase(entry);
    --held_;
    if (!queue.entries.empty() || queue.is_turning) return;
    idle_timer = queue.timer;
    state.queues.erase(found);
  });
  if (idle_timer != 0) timers_.cancel(idle_timer);
  return taken;
}

void Pacing::Core::leave(limits::KeyBudget* budget, std::uint64_t id) {
  // The one behind may be cheaper, so it is asked about at once.
  if (take(budget, id) && is_held_up(budget)) post_turn(budget);
}

// Decides from the front until one has to wait.
void Pacing::Core::turn(limits::KeyBudget* budget) {
  const bool is_mine = state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return false;
    found->second.has_news = true;
    return !std::exchange(found->second.is_turning, true);
  });
  if (!is_mine) return;
  while (turn_once(budget)) {
  }
}

// False: the turn is over. At most as many rounds as calls are held, and one for each that left meanwhile.
bool Pacing::Core::turn_once(limits::KeyBudget* budget) {
  std::optional<Spending> front;
  std::uint64_t id = 0;
  TimerQueue::Id idle_timer = 0;
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return;
    Queue& queue = found->second;
    queue.has_news = false;
    if (queue.entries.empty()) {
      idle_timer = queue.timer;
      state.queues.erase(found);
      return;
    }
    front = queue.entries.front().spending;
    id = queue.entries.front().id;
  });
  if (idle_timer != 0) timers_.cancel(idle_timer);
  if (!front) return false;

  Result<limits::Decision> decision = limits::Decision{};
  if (auto gone = renew_front(budget, id, *front)) {
    decision = *std::move(gone);
  } else {
    decision = ask(*front->caller, front->kind, front->cost);
  }
  if (!decision || decision->is_allowed) {
    if (auto entry = take(budget, id)) {
      finish(*std::move(entry), std::move(decision));
    } else if (decision) {
      limiter_.refund(*front->caller->budget, quota_of(*front->caller, front->kind), *decision, front->cost);
    }
    return true;
  }
  if (refuse_late(budget, id, *decision)) return true;
  set_timer(budget, decision->retry_after);
  const bool is_over = state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return true;
    if (found->second.has_news || found->second.entries.empty()) return false;
    found->second.is_turning = false;
    return true;
  });
  if (is_over) tell_places(budget);
  return !is_over;
}

// A key that was revoked or given another limit while its call was held is what it is now. Why the call cannot proceed,
// if so.
std::optional<Error> Pacing::Core::renew_front(limits::KeyBudget* budget, std::uint64_t id, Spending& front) {
  if (!renew_) return std::nullopt;
  auto renewed = renew_(*front.caller);
  if (!renewed) return std::move(renewed).error();
  if ((*renewed)->budget.get() != budget) return std::nullopt;
  front.caller = *renewed;
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return;
    const auto entry = std::ranges::find(found->second.entries, id, &Entry::id);
    if (entry != found->second.entries.end()) entry->spending.caller.swap(*renewed);
  });
  return std::nullopt;
}

// Refuses the calls whose slot cannot come in time any more: somebody else took it, as another node may. True if the
// front was one of them.
bool Pacing::Core::refuse_late(limits::KeyBudget* budget, std::uint64_t front, const limits::Decision& refusal) {
  const TimePoint next = clock_.steady_now() + refusal.retry_after;
  std::vector<std::pair<Entry, Ahead>> late;
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return;
    Ahead ahead;
    auto& entries = found->second.entries;
    for (auto entry = entries.begin(); entry != entries.end();) {
      if (entry->deadline + kRounding >= next) {
        ahead.add(entry->spending, entry->expected);
        ++entry;
        continue;
      }
      late.emplace_back(std::move(*entry), ahead);
      entry = entries.erase(entry);
      --held_;
    }
  });
  bool is_front_late = false;
  for (auto& [entry, ahead] : late) {
    if (entry.id == front) is_front_late = true;
    Result<limits::Decision> told = refusal;
    if (ahead.calls > 0) told = refusal_behind(ahead, *entry.spending.caller, entry.spending.kind, entry.spending.cost);
    finish(std::move(entry), std::move(told));
  }
  return is_front_late;
}

void Pacing::Core::set_timer(limits::KeyBudget* budget, milliseconds delay) {
  // A delay and not a time: the clock of a test is not the timer's.
  const auto at = std::chrono::steady_clock::now() + std::max(delay, kLeastDelay);
  TimerQueue::Id useless = timers_.at(at, [weak = weak_from_this(), budget] {
    if (const auto core = weak.lock()) core->post_turn(budget);
  });
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found != state.queues.end()) std::swap(found->second.timer, useless);
  });
  if (useless != 0) timers_.cancel(useless);
}

void Pacing::Core::post_turn(limits::KeyBudget* budget) {
  // A stopping executor answers nothing any more; stop() has refused what was held, or will.
  executor_.post([weak = weak_from_this(), budget] {
    if (const auto core = weak.lock()) core->turn(budget);
  });
}

void Pacing::Core::tell_places(limits::KeyBudget* budget) {
  std::vector<std::pair<Moved, Place>> told;
  const TimePoint now = clock_.steady_now();
  state_.with([&](State& state) {
    const auto found = state.queues.find(budget);
    if (found == state.queues.end()) return;
    std::size_t ahead = 0;
    for (const Entry& entry : found->second.entries) {
      const auto about = std::chrono::ceil<milliseconds>(std::max(entry.expected - now, TimePoint::duration{0}));
      if (entry.moved) told.emplace_back(entry.moved, Place{ahead, about});
      ++ahead;
    }
  });
  for (const auto& [moved, place] : told) moved(place);
}

void Pacing::Core::finish(Entry entry, Result<limits::Decision> decision) {
  // Elsewhere, so that a slow call does not keep those behind it from theirs.
  const auto work = std::make_shared<std::pair<Entry, Result<limits::Decision>>>(std::move(entry), std::move(decision));
  const auto run = [work] { work->first.done(std::move(work->second)); };
  if (!executor_.post(run)) run();
}

void Pacing::Core::proceed_if(const std::function<bool(const tools::Caller&)>& concerns) {
  if (held() == 0) return;
  std::vector<std::pair<limits::KeyBudget*, std::shared_ptr<const tools::Caller>>> fronts;
  state_.with([&](State& state) {
    for (const auto& [budget, queue] : state.queues) {
      if (!queue.entries.empty()) fronts.emplace_back(budget, queue.entries.front().spending.caller);
    }
  });
  // Whoever holds the caller holds its budget.
  std::erase_if(fronts, [&](const auto& front) { return !concerns(*front.second); });
  for (const auto& [budget, caller] : fronts) turn(budget);
}

void Pacing::Core::stop() {
  std::unordered_map<limits::KeyBudget*, Queue> queues;
  state_.with([&](State& state) {
    state.is_stopped = true;
    queues.swap(state.queues);
    held_ = 0;
  });
  for (auto& [budget, queue] : queues) {
    if (queue.timer != 0) timers_.cancel(queue.timer);
    for (Entry& entry : queue.entries) {
      entry.done(stopping());
    }
  }
}

Pacing::Pacing(const PacingSettings& settings, limits::RateLimiter& limiter, const Clock& clock, TimerQueue& timers,
               Executor& executor)
    : core_(std::make_shared<Core>(settings, limiter, clock, timers, executor)) {}

Pacing::~Pacing() { stop(); }

Result<limits::Decision> Pacing::decide(const tools::Caller& caller, limits::CallKind kind, std::uint32_t cost) {
  return core_->decide(caller, kind, cost);
}

std::shared_ptr<tools::PendingCall> Pacing::admit(Spending spending, milliseconds wait, Done done, Moved moved) {
  return core_->admit(std::move(spending), wait, std::move(done), std::move(moved));
}

void Pacing::renew_with(Renew renew) { core_->renew_with(std::move(renew)); }

void Pacing::proceed() {
  core_->proceed_if([](const tools::Caller&) { return true; });
}

void Pacing::proceed_if(const std::function<bool(const tools::Caller&)>& concerns) { core_->proceed_if(concerns); }

void Pacing::stop() { core_->stop(); }

std::size_t Pacing::held() const { return core_->held(); }

std::chrono::seconds Pacing::wait_max() const { return core_->settings().wait_max; }

}  // namespace weir::server
