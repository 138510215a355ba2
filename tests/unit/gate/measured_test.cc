#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "limits/memory_limiter.h"
#include "server/measured_exchange.h"
#include "server/measured_limiter.h"
#include "tests/support/fake_clock.h"

namespace weir::server {
namespace {

using ::testing::HasSubstr;

// An exchange whose client is there or gone. Not thread-safe: owned by a test.
class PlainExchange final : public http::Exchange {
 public:
  explicit PlainExchange(bool is_there) : is_there_(is_there) {}
  [[nodiscard]] const http::Request& request() const override { return request_; }
  bool reply(http::Response) override { return std::exchange(is_there_, false); }
  std::shared_ptr<http::SseStream> start_stream(http::Response) override { return nullptr; }
  void on_departed(std::function<void()>) override {}

 private:
  http::Request request_;
  bool is_there_;
};

TEST(MeasuredExchangeTest, CountsTheAnswerThatWasSentAndNoOther) {
  Metrics metrics({});
  const auto route = metrics.add_route("GET", "/v1/targets");
  MeasuredExchange exchange(std::make_shared<PlainExchange>(true), metrics, route);
  MeasuredExchange gone(std::make_shared<PlainExchange>(false), metrics, route);
  http::Response response;
  response.status = 201;

  EXPECT_TRUE(exchange.reply(response));
  EXPECT_FALSE(exchange.reply(response));
  EXPECT_FALSE(gone.reply(response));

  EXPECT_THAT(metrics.text(), HasSubstr("{method=\"GET\",route=\"/v1/targets\",status=\"201\"} 1\n"));
}

TEST(MeasuredLimiterTest, CountsWhatTheInnerLimiterDecidesAboutCallsThatCost) {
  const testing::FakeClock clock;
  limits::MemoryLimiter inner(clock);
  Metrics metrics({"free"});
  MeasuredLimiter limiter(inner, metrics);
  const auto budget = limiter.budget("key_a");
  const limits::Quota quota{.tier = "free", .is_unlimited = false, .policies = {{.name = "minute", .limit = 1}}};

  EXPECT_TRUE(limiter.acquire(*budget, quota, 1)->is_allowed);
  EXPECT_FALSE(limiter.acquire(*budget, quota, 1)->is_allowed);
  EXPECT_TRUE(limiter.acquire(*budget, quota, 0)->is_allowed);

  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("{tier=\"free\",outcome=\"admitted\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("{tier=\"free\",outcome=\"refused\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_count 2\n"));
}

}  // namespace
}  // namespace weir::server
