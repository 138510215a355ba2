// A limiter that counts what another one decides, and how long that takes. Around the limiter rather than in the gate,
// so that a decision is counted whoever asks for it.
#pragma once
#include "limits/rate_limiter.h"
#include "server/metrics.h"

namespace weir::server {

// Budgets are the inner limiter's own. A question that costs nothing decides nothing and is not counted. Thread-safe.
class MeasuredLimiter final : public limits::RateLimiter {
 public:
  // Both must outlive the limiter.
  MeasuredLimiter(limits::RateLimiter& inner, Metrics& metrics) : inner_(inner), metrics_(metrics) {}

  std::shared_ptr<limits::KeyBudget> budget(std::string_view key_id) override { return inner_.budget(key_id); }
  Result<limits::Decision> acquire(limits::KeyBudget& budget, const limits::Quota& quota, std::uint32_t cost) override;
  std::optional<Result<limits::Decision>> acquire_or_call(const std::shared_ptr<limits::KeyBudget>& budget,
                                                          const limits::Quota& quota, std::uint32_t cost,
                                                          Decided decided) override;
  void refund(limits::KeyBudget& budget, const limits::Quota& quota, const limits::Decision& decision,
              std::uint32_t cost) override {
    inner_.refund(budget, quota, decision, cost);
  }

 private:
  limits::RateLimiter& inner_;
  Metrics& metrics_;
};

}  // namespace weir::server
