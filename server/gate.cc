#include "server/gate.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/gate_state.h"
#include "store/scan_pace.h"
#include "tools/scans/day_quota.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;

limits::CallKind kind_of(const CallSpec& call) {
  return call.starts_scan ? limits::CallKind::scan : limits::CallKind::any;
}

const limits::Quota& quota_of(const tools::Caller& caller, const CallSpec& call) {
  return call.starts_scan ? caller.scan_quota : caller.quota;
}

// The limiter counts in whole milliseconds, rounded up, so one that is asked right after it admitted may tell a delay
// of the window and 1 ms: "Retry-After: 61" for a minute. The window is enough: Pacing holds a call that is early by
// that millisecond.
void drop_rounding(limits::Decision& decision) {
  const limits::PolicyState* const shown = decision.shown();
  if (decision.is_allowed || shown == nullptr) return;
  if (decision.retry_after == shown->window + milliseconds{1}) decision.retry_after = shown->window;
}

}  // namespace

CallEnd end_of(const Result<tools::ToolResult>& result) {
  if (!result) return result.error().code == ErrorCode::internal ? CallEnd::failed_inside : CallEnd::changed_nothing;
  return result->is_replayed ? CallEnd::changed_nothing : CallEnd::served;
}

Gate::Gate(const GateSettings& settings, store::Database& database, limits::RateLimiter& limiter,
           const limits::Tiers& tiers, const Clock& clock, IdGenerator& ids, UsageCounter* usage)
    : state_(std::make_unique<State>(settings, database, limiter, tiers, clock, ids, usage)) {}

Gate::~Gate() = default;

std::optional<Error> Gate::State::missing_scope(const tools::Caller& caller, const CallSpec& call) const {
  if (caller.scopes.allows(call.scope)) return std::nullopt;
  count(caller, call, CallOutcome::refused);
  const std::string needed(tools::to_string(call.scope));
  std::string present;
  for (const std::string& name : caller.scopes.names()) present += (present.empty() ? "" : ", ") + name;
  return Error(ErrorCode::insufficient_scope,
               printable(call.name) + " needs the scope " + needed + "; this " +
                   (is_subject(caller) ? "token has " : "key has ") + (present.empty() ? "none" : present) +
                   (is_subject(caller) && tokens != nullptr
                        ? ". Ask " + tokens->issuer() + " for a token with it."
                        : ". Use a key with it, or create one with: weir keys create --account " + caller.account_name +
                              " --scopes " + needed))
      .with_field("scope", needed);
}

Result<limits::Decision> Gate::State::decided(const tools::Caller& caller, const CallSpec& call,
                                              Result<limits::Decision> decision) const {
  count(caller, call, decision && decision->is_allowed ? CallOutcome::admitted : CallOutcome::refused);
  if (!decision) return decision;
  if (!decision->is_allowed && decision->shown() != nullptr && decision->shown()->name == limits::kScansDay) {
    show_day(caller, *decision);
  }
  drop_rounding(*decision);
  return decision;
}

void Gate::State::show_day(const tools::Caller& caller, limits::Decision& decision) const {
  limits::PolicyState* const day = tools::scans::day_of(decision);
  const auto policy = std::ranges::find(caller.scan_quota.policies, limits::kScansDay, &limits::Policy::name);
  if (day == nullptr || policy == caller.scan_quota.policies.end()) return;
  const auto stored = database.read_for([&](store::Transaction& transaction) {
    return store::scans_of_day(transaction, caller.account_id, policy->limit, tools::scans::kDailyQuotaWindow,
                               clock.now());
  });
  if (!stored) return;  // what the limiter knows is shown
  tools::scans::show_stored_day(*day, *stored);
  const auto index = static_cast<std::size_t>(day - decision.states.begin());
  if (decision.is_allowed) {
    // The day and the minute: the tighter one is shown.
    for (std::size_t i = 0; i < decision.states.size(); ++i) {
      if (decision.states[i].remaining < decision.states[decision.tightest].remaining) decision.tightest = i;
    }
  } else if (decision.tightest == index) {
    decision.retry_after =
        std::max(decision.retry_after, std::chrono::ceil<milliseconds>(day->reset_at - decision.decided_at));
  }
}

Result<limits::Decision> Gate::admit(const tools::Caller& caller, const CallSpec& call) {
  State& state = *state_;
  if (auto missing = state.missing_scope(caller, call)) return *std::move(missing);
  return state.decided(caller, call,
                       state.pacing != nullptr
                           ? state.pacing->decide(caller, kind_of(call), call.cost)
                           : state.limiter.acquire(*caller.budget, quota_of(caller, call), call.cost));
}

void Gate::hold_calls(Pacing& pacing) {
  state_->pacing = &pacing;
  pacing.renew_with([state = state_.get()](const tools::Caller& caller) { return state->renewed(caller); });
}

std::chrono::seconds Gate::wait_max() const {
  if (state_->pacing == nullptr) return std::chrono::seconds{0};
  return std::chrono::duration_cast<std::chrono::seconds>(state_->pacing->wait_max());
}

std::shared_ptr<tools::PendingCall> Gate::admit_or_hold(std::shared_ptr<const tools::Caller> caller,
                                                        const CallSpec& call, milliseconds wait, Pacing::Done done,
                                                        Pacing::Moved moved) {
  if (state_->pacing == nullptr) {
    done(admit(*caller, call));
    return nullptr;
  }
  if (auto missing = state_->missing_scope(*caller, call)) {
    done(*std::move(missing));
    return nullptr;
  }
  Pacing::Spending spending{.caller = caller, .kind = kind_of(call), .cost = call.cost};
  return state_->pacing->admit(
      std::move(spending), wait,
      [this, caller = std::move(caller), call, done = std::move(done)](Result<limits::Decision> decision) {
        done(state_->decided(*caller, call, std::move(decision)));
      },
      std::move(moved));
}

void Gate::refund(const tools::Caller& caller, const CallSpec& call, const limits::Decision& decision) {
  state_->limiter.refund(*caller.budget, quota_of(caller, call), decision, call.cost);
}

void Gate::settle(const tools::Caller& caller, const CallSpec& call, CallEnd end, limits::Decision& decision) {
  if (!decision.is_allowed || decision.is_unlimited || call.cost == 0) return;
  if (end != CallEnd::failed_inside && !call.starts_scan) return;
  if (end == CallEnd::served) return state_->show_day(caller, decision);
  if (end == CallEnd::failed_inside) {
    refund(caller, call, decision);
  } else {
    limits::Quota day = caller.scan_quota;
    std::erase_if(day.policies, [](const limits::Policy& policy) { return policy.name != limits::kScansDay; });
    state_->limiter.refund(*caller.budget, day, decision, call.cost);
  }
  if (auto now = state_->limiter.acquire(*caller.budget, quota_of(caller, call), 0)) decision = *std::move(now);
  if (call.starts_scan) state_->show_day(caller, decision);
}

std::size_t Gate::guarded_addresses() const { return state_->guard.size(); }

void Gate::forget_key(std::string_view key_id) {
  state_->keys.forget_key(key_id);
  state_->owners.forget_key(key_id);
  if (state_->pacing == nullptr) return;
  state_->pacing->proceed_if([key_id](const tools::Caller& caller) { return caller.key_id == key_id; });
}

void Gate::forget_account(std::string_view account_id) {
  state_->keys.forget_account(account_id);
  state_->owners.forget_account(account_id);
  if (state_->pacing == nullptr) return;
  state_->pacing->proceed_if([account_id](const tools::Caller& caller) { return caller.account_id == account_id; });
}

}  // namespace weir::server
