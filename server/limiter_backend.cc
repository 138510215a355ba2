#include "server/limiter_backend.h"

#include <array>
#include <string_view>

#include "base/log.h"

namespace weir::server {
namespace {

using std::chrono::steady_clock;

// What a start waits for a Redis that does not refuse but does not answer either.
constexpr std::chrono::seconds kFirstAnswerMax{1};
constexpr std::chrono::seconds kDoctorMax{2};
constexpr std::array<std::string_view, 1> kPing = {"PING"};

// The first decision loads the script, and opens the breaker if there is no Redis. Its own key, so that no caller's
// budget is touched.
constexpr std::string_view kStartKey = "weir-start";
limits::Quota start_quota() {
  return {.tier = "start",
          .is_unlimited = false,
          .policies = {{.name = "start", .limit = 1'000, .window = std::chrono::seconds{1}}}};
}

}  // namespace

LimiterBackend::LimiterBackend(std::optional<limits::RedisSettings> redis, const limits::FallbackSettings& on_loss,
                               const Clock& clock)
    : local_(std::make_shared<limits::MemoryLimiter>(clock)) {
  if (!redis) return;
  shared_.emplace(*std::move(redis), *local_, on_loss, clock);
  // Waits for the connection; what it says is asked again, and acted on, by the decision.
  const auto answer = shared_->connection.call(kPing, steady_clock::now() + kFirstAnswerMax);
  if (!answer)
    log::warning("redis.away_at_start",
                 {{"server", shared_->connection.settings().shown()}, {"reason", answer.error().cause}});
  const auto budget = shared_->fallback.budget(kStartKey);
  const auto decision = shared_->fallback.acquire(*budget, start_quota(), 1);
  if (!decision) log::warning("limits.refuses_everybody", {{"reason", decision.error().message}});
}

LimiterBackend::~LimiterBackend() {
  if (eviction_) eviction_->stop();
}

void LimiterBackend::evict_idle_with(TimerQueue& timers, Executor& executor) {
  eviction_ = IdleEviction::start(local_, timers, executor);
}

limits::RateLimiter& LimiterBackend::limiter() {
  if (shared_) return shared_->fallback;
  return *local_;
}

Result<void> ask_redis(const limits::RedisSettings& settings) {
  limits::RedisConnection connection(settings);
  const auto answer = connection.call(kPing, steady_clock::now() + kDoctorMax);
  if (!answer)
    return Error(ErrorCode::unavailable, answer.error().cause.empty() ? answer.error().message : answer.error().cause);
  if (answer->kind == limits::RedisReply::Kind::error) return Error(ErrorCode::unavailable, answer->text);
  return {};
}

}  // namespace weir::server
