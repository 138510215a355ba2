// Turns: the calls of one key's queue, decided from the front, in order, when their slots free.
#include <algorithm>
#include <utility>

#include "server/pacing_core.h"

namespace weir::server {

using std::chrono::milliseconds;

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
  while (turn_once(budget)) {}
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
      give_back(*front, *decision);
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

}  // namespace weir::server
