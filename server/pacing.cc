// Arrivals: what is decided at once, what is asked elsewhere, who joins a queue, what a newcomer is told.
#include "server/pacing.h"

#include <algorithm>
#include <utility>

#include "server/pacing_core.h"

namespace weir::server {

using std::chrono::milliseconds;

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

Error Pacing::Core::stopping() {
  return Error(ErrorCode::unavailable, "The server is stopping. Try again shortly.").retry_in(std::chrono::seconds{1});
}

bool Pacing::Core::is_held_up(limits::KeyBudget* budget) const {
  if (held() == 0) return false;
  return state_.with([&](const State& state) { return state.queues.contains(budget); });
}

Pacing::Core::Ahead Pacing::Core::ahead_of_newcomer(limits::KeyBudget* budget) const {
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

void Pacing::Core::give_back(const Spending& spending, const limits::Decision& decision) {
  limiter_.refund(*spending.caller->budget, quota_of(*spending.caller, spending.kind), decision, spending.cost);
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
  auto decision =
      limiter_.acquire_or_call(caller->budget, quota_of(*caller, kind), cost,
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
                                 if (is_taken) return;
                                 // Nobody will serve it, so it has cost nothing.
                                 if (question->decision) core->give_back(question->spending, *question->decision);
                                 std::exchange(question->done, nullptr)(stopping());  // it may hold its own place
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
    queue.entries.push_back(Entry{.id = id,
                                  .spending = std::move(spending),
                                  .deadline = now + patience,
                                  .expected = now + decision->retry_after,
                                  .done = std::move(done),
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
