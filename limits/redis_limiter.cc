#include "limits/redis_limiter.h"

#include <array>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "limits/deny_cache.h"
#include "limits/window_script.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;

// The answer's numbers: two of the call, three of each policy.
constexpr std::size_t kCallNumbers = 2;
constexpr std::size_t kPolicyNumbers = 3;

// A number as text without an allocation. Not thread-safe: a value.
class Digits {
 public:
  explicit Digits(std::int64_t number)
      : size_(static_cast<std::size_t>(std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr -
                                       text_.data())) {}
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 20> text_{};
  std::size_t size_;
};

// At most: EVAL, the script, the number of keys, a key, a cost, a limit and a length a policy, and a time.
constexpr std::size_t kArgumentsMax = 4 + 4 * kPoliciesMax;

Error not_decided(std::string cause) {
  return Error{ErrorCode::unavailable, "the rate limiter's Redis cannot decide now; try again in a second"}
      .because(std::move(cause))
      .retry_in(std::chrono::seconds{1});
}

// A server that was started again, or a SCRIPT FLUSH.
bool is_script_missing(const Result<RedisReply>& reply) {
  return reply && reply->kind == RedisReply::Kind::error && reply->text.starts_with("NOSCRIPT");
}

// Numbers that a sane server cannot send are an error, not a wrong decision.
Result<Decision> decision_of(const RedisReply& reply, const Quota& quota, UnixMillis now) {
  const std::vector<std::int64_t>& numbers = reply.integers;
  if (numbers.size() != kCallNumbers + kPolicyNumbers * quota.policies.size()) {
    return not_decided("the script answered " + std::to_string(numbers.size()) + " numbers");
  }
  Result<Decision> result{Decision{}};
  Decision& decision = *result;
  decision.tier = quota.tier;
  decision.decided_at = now;
  decision.is_allowed = numbers[0] == 1;
  if (decision.is_allowed) decision.stamp_ms = numbers[1];
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < quota.policies.size(); ++i) {
    const Policy& policy = quota.policies[i];
    const std::int64_t* const of_policy = &numbers[kCallNumbers + kPolicyNumbers * i];
    const auto remaining = static_cast<std::uint32_t>(of_policy[0]);
    const milliseconds retry_in{of_policy[2]};
    if (decision.is_allowed) {
      if (policy.fixed_cost != 0U && remaining < least) {
        least = remaining;
        decision.tightest = i;
      }
    } else if (retry_in > decision.retry_after) {
      decision.retry_after = retry_in;
      decision.tightest = i;
    }
    decision.states.emplace_back(policy.name, policy.limit, policy.window, remaining, now + milliseconds{of_policy[1]});
  }
  return result;
}

}  // namespace

// Thread-safe.
class RedisLimiter::Budget final : public KeyBudget {
 public:
  // The braces are a hash tag: all policies of a key live on one node of a cluster.
  explicit Budget(std::string_view key_id) : prefix_("weir:{" + std::string(key_id) + "}:") {}

  [[nodiscard]] std::string list_of(const Policy& policy) const { return prefix_ + policy.name; }
  DenyCache& refusals() { return refusals_; }
  [[nodiscard]] bool is_idle(std::chrono::steady_clock::time_point now) const { return refusals_.is_empty(now); }

 private:
  const std::string prefix_;
  DenyCache refusals_;
};

// The script's call with its arguments, as Redis reads them. Not thread-safe: a value on the stack.
class RedisLimiter::Question {
 public:
  enum class Script : std::uint8_t {
    digest,
    whole,  // leaves the script there for the next digest
  };

  // `now` is sent to the script if there is one. The quota and the budget must outlive the question.
  Question(const Budget& budget, const Quota& quota, std::uint32_t cost, Script script,
           std::optional<std::int64_t> now) {
    arguments_.push_back(script == Script::digest ? "EVALSHA" : "EVAL");
    arguments_.push_back(script == Script::digest ? window_script_digest() : window_script());
    add_number(static_cast<std::int64_t>(quota.policies.size()));
    for (const Policy& policy : quota.policies) arguments_.push_back(lists_.emplace_back(budget.list_of(policy)));
    for (const Policy& policy : quota.policies) {
      add_number(policy.cost_of(cost));
      add_number(policy.limit);
      add_number(policy.window.count());
    }
    if (now) add_number(*now);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  [[nodiscard]] std::span<const std::string_view> arguments() const { return {arguments_.begin(), arguments_.size()}; }

 private:
  void add_number(std::int64_t number) { arguments_.push_back(numbers_.emplace_back(number).text()); }

  InlineVector<std::string, kPoliciesMax> lists_;
  InlineVector<Digits, 2 + 3 * kPoliciesMax> numbers_;
  InlineVector<std::string_view, kArgumentsMax> arguments_;
};

RedisLimiter::RedisLimiter(RedisConnection& connection, const Clock& clock, ScriptClock script_clock)
    : connection_(connection), clock_(clock), script_clock_(script_clock) {}

RedisLimiter::~RedisLimiter() = default;

std::shared_ptr<KeyBudget> RedisLimiter::budget(std::string_view key_id) {
  return budgets_.get(key_id, clock_.steady_now(), [&] { return std::make_shared<Budget>(key_id); });
}

std::optional<Result<Decision>> RedisLimiter::known(Budget& budget, const Quota& quota, std::uint32_t cost,
                                                    DenyCache::Asked& asked) const {
  CHECK(quota.policies.size() <= kPoliciesMax, "a quota has at most kPoliciesMax policies");
  if (quota.is_unlimited || quota.policies.empty()) {
    Decision decision;
    decision.is_unlimited = quota.is_unlimited;
    decision.tier = quota.tier;
    decision.decided_at = clock_.now();
    return decision;
  }
  asked = {.at = clock_.steady_now(), .answered_at = {}, .version = budget.refusals().version()};
  if (std::optional<Decision> refusal = budget.refusals().find(quota, cost, asked.at)) return *std::move(refusal);
  return std::nullopt;
}

Result<Decision> RedisLimiter::learn(Budget& budget, const Quota& quota, std::uint32_t cost, DenyCache::Asked asked,
                                     Result<RedisReply> reply) const {
  if (!reply) return std::move(reply).error();
  if (reply->kind != RedisReply::Kind::integers) {
    return not_decided(connection_.settings().shown() + ": " + reply->text);
  }
  Result<Decision> decision = decision_of(*reply, quota, clock_.now());
  if (!decision) return decision;
  if (decision->is_allowed) {
    if (cost > 0) budget.refusals().forget();
  } else {
    asked.answered_at = clock_.steady_now();
    budget.refusals().remember(*decision, quota, cost, asked);
  }
  return decision;
}

Result<Decision> RedisLimiter::acquire(KeyBudget& key_budget, const Quota& quota, std::uint32_t cost) {
  auto& budget = static_cast<Budget&>(key_budget);
  DenyCache::Asked asked;
  if (auto decision = known(budget, quota, cost, asked)) return *std::move(decision);
  return learn(budget, quota, cost, asked, ask(budget, quota, cost));
}

std::optional<Result<Decision>> RedisLimiter::acquire_or_call(const std::shared_ptr<KeyBudget>& key_budget,
                                                              const Quota& quota, std::uint32_t cost, Decided decided) {
  // Without a connection, whoever waits keeps to the deadline; the connection's thread would not.
  if (!connection_.is_connected()) return acquire(*key_budget, quota, cost);
  auto& budget = static_cast<Budget&>(*key_budget);
  DenyCache::Asked asked;
  if (auto decision = known(budget, quota, cost, asked)) return decision;

  auto answered = [this, key_budget, &quota, cost, asked, decided = std::move(decided)](Result<RedisReply> reply) {
    auto& of_key = static_cast<Budget&>(*key_budget);
    if (!is_script_missing(reply)) return decided(learn(of_key, quota, cost, asked, std::move(reply)));
    auto again = [this, key_budget, &quota, cost, asked, decided](Result<RedisReply> second) {
      decided(learn(static_cast<Budget&>(*key_budget), quota, cost, asked, std::move(second)));
    };
    const Question question(of_key, quota, cost, Question::Script::whole, now_for_script());
    if (auto sent = connection_.call_back(question.arguments(), std::move(again)); !sent) decided(sent.error());
  };
  const Question question(budget, quota, cost, Question::Script::digest, now_for_script());
  auto sent = connection_.call_back(question.arguments(), std::move(answered));
  if (!sent) return std::move(sent).error();
  return std::nullopt;
}

std::optional<std::int64_t> RedisLimiter::now_for_script() const {
  if (script_clock_ == ScriptClock::server) return std::nullopt;
  return to_unix_ms(clock_.now());
}

Result<RedisReply> RedisLimiter::ask(const Budget& budget, const Quota& quota, std::uint32_t cost) {
  const auto until = std::chrono::steady_clock::now() + connection_.settings().deadline;
  const auto now = now_for_script();
  Result<RedisReply> reply =
      connection_.call(Question(budget, quota, cost, Question::Script::digest, now).arguments(), until);
  if (!is_script_missing(reply)) return reply;
  return connection_.call(Question(budget, quota, cost, Question::Script::whole, now).arguments(), until);
}

void RedisLimiter::refund(KeyBudget& key_budget, const Quota& quota, const Decision& decision, std::uint32_t cost) {
  if (!decision.is_allowed || decision.is_unlimited || cost == 0) return;
  auto& budget = static_cast<Budget&>(key_budget);
  // From the right: the units of this call are the newest with their time, and which of equal ones go is the same.
  const Digits entry(decision.stamp_ms);
  for (const Policy& policy : quota.policies) {
    if (policy.cost_of(cost) == 0) continue;  // to LREM 0 means all
    const Digits count(-static_cast<std::int64_t>(policy.cost_of(cost)));
    const std::string list = budget.list_of(policy);
    const std::array<std::string_view, 4> arguments{"LREM", list, count.text(), entry.text()};
    // Best effort: units of a lost connection stay spent until their window ends.
    if (!connection_.post(arguments)) return;
  }
  budget.refusals().forget();
}

}  // namespace weir::limits
