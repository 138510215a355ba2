#include "streaming/webhook_schedule.h"

#include "streaming/webhook_attempt.h"
#include "tests/support/fake_random.h"

namespace weir::streaming {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

UnixMillis at(milliseconds since) { return from_unix_ms(1'795'000'000'000) + since; }

class WebhookScheduleTest : public ::testing::Test {
 protected:
  testing::FakeRandom random_;
  WebhookSettings settings_;
  store::WebhookHealth health_;

  static egress::HttpResponse answer(int status, std::string retry_after = "") {
    egress::HttpResponse response;
    response.status = status;
    response.http_version = "1.1";
    if (!retry_after.empty()) response.headers.emplace_back("Retry-After", std::move(retry_after));
    return response;
  }
  JudgedAttempt judge(Result<egress::HttpResponse> response, milliseconds when = 0ms, std::int64_t attempts = 0) {
    store::DeliveryRow delivery;
    delivery.id = "dlv_1";
    delivery.attempts = attempts;
    delivery.round_attempts = attempts;
    return judge_attempt(settings_, delivery, response, {.started_at = at(when), .now = at(when + 10ms)}, health_,
                         random_);
  }
};

TEST_F(WebhookScheduleTest, DelaysGrowAndVaryByAFifth) {
  const std::vector<milliseconds> expected = {5s, 1min, 10min, 1h, 6h, 24h, 24h};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    milliseconds least = milliseconds::max();
    milliseconds most{0};
    for (int round = 0; round < 500; ++round) {
      const auto delay = retry_delay(settings_.retry, static_cast<std::int64_t>(i) + 1, random_);
      ASSERT_TRUE(delay);
      least = std::min(least, *delay);
      most = std::max(most, *delay);
    }
    EXPECT_GE(least, expected[i] * 80 / 100);
    EXPECT_LE(most, expected[i] * 120 / 100);
    EXPECT_GT(most, least);
  }
  EXPECT_FALSE(retry_delay(settings_.retry, 8, random_));
}

TEST_F(WebhookScheduleTest, RetryAfterIsSecondsOrADateAndClamped) {
  const UnixMillis now = *parse_rfc3339("1994-11-06T08:49:07Z");

  EXPECT_EQ(parse_retry_after("30", now), 30s);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), 30s);
  EXPECT_EQ(parse_retry_after("0", now), kRetryAfterMin);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1984 08:49:37 GMT", now), kRetryAfterMin);
  EXPECT_EQ(parse_retry_after("99999999", now), kRetryAfterMax);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", now), kRetryAfterMax);
  EXPECT_FALSE(parse_retry_after("soon", now));
  EXPECT_FALSE(parse_retry_after("", now));
  EXPECT_FALSE(parse_retry_after("Sun, 99 Nov 1994 08:49:37 GMT", now));
}

TEST_F(WebhookScheduleTest, AnyTwoHundredIsDelivered) {
  for (const int status : {200, 201, 204, 299}) {
    const JudgedAttempt judged = judge(answer(status));
    EXPECT_EQ(judged.outcome.delivery.state, "delivered") << status;
    EXPECT_FALSE(judged.outcome.delivery.due_at);
    EXPECT_EQ(health_.failures_in_row, 0);
  }
}

TEST_F(WebhookScheduleTest, AnythingElseIsTriedAgain) {
  for (const int status : {199, 300, 302, 400, 404, 429, 500, 503}) {
    const JudgedAttempt judged = judge(answer(status));
    EXPECT_EQ(judged.outcome.delivery.state, "pending") << status;
    EXPECT_EQ(judged.outcome.attempt.status, status);
    EXPECT_NE(judged.outcome.attempt.error, "");
    EXPECT_TRUE(judged.disable_reason.empty());
  }
  const JudgedAttempt silent = judge(Error(ErrorCode::timed_out, "host timed out"));
  EXPECT_EQ(silent.outcome.delivery.state, "pending");
  EXPECT_EQ(silent.outcome.attempt.error, "host timed out");
  EXPECT_FALSE(silent.outcome.attempt.status);
}

TEST_F(WebhookScheduleTest, AfterTheLastAttemptTheDeliveryHasFailed) {
  const JudgedAttempt judged = judge(answer(500), 0ms, 7);

  EXPECT_EQ(judged.outcome.delivery.state, "failed");
  EXPECT_TRUE(judged.outcome.delivery.finished_at);
  EXPECT_EQ(judged.outcome.delivery.attempts, 8);
}

TEST_F(WebhookScheduleTest, ATestIsTriedOnce) {
  store::DeliveryRow delivery;
  delivery.cause = "test";

  const auto judged =
      judge_attempt(settings_, delivery, answer(500), {.started_at = at(0ms), .now = at(1ms)}, health_, random_);

  EXPECT_EQ(judged.outcome.delivery.state, "failed");
}

TEST_F(WebhookScheduleTest, GoneDisablesTheEndpoint) {
  const JudgedAttempt judged = judge(answer(410));

  EXPECT_EQ(judged.disable_reason, "gone");
  EXPECT_EQ(judged.outcome.delivery.state, "failed");
}

TEST_F(WebhookScheduleTest, RetryAfterHoldsTheDeliveryAndTheEndpoint) {
  for (const int status : {429, 503}) {
    health_ = {};
    const JudgedAttempt judged = judge(answer(status, "120"));
    EXPECT_EQ(judged.outcome.delivery.due_at, at(120s + 10ms));
    EXPECT_EQ(health_.paused_until, at(120s + 10ms));
  }
  health_ = {};
  judge(answer(500, "120"));
  EXPECT_EQ(health_.paused_until, UnixMillis{});
}

TEST_F(WebhookScheduleTest, TenFailuresInARowPauseUntilTheNextTry) {
  for (int i = 0; i < 9; ++i) judge(answer(500));
  EXPECT_EQ(health_.paused_until, UnixMillis{});
  EXPECT_EQ(deliveries_at_once(health_, settings_.retry, 4), 4U);

  const JudgedAttempt tenth = judge(answer(500));

  EXPECT_EQ(health_.paused_until, tenth.outcome.delivery.due_at);
  EXPECT_EQ(deliveries_at_once(health_, settings_.retry, 4), 1U);
  judge(answer(200));
  EXPECT_EQ(health_.paused_until, UnixMillis{});
  EXPECT_EQ(deliveries_at_once(health_, settings_.retry, 4), 4U);
}

TEST_F(WebhookScheduleTest, FiveDaysOfNothingButFailuresDisable) {
  judge(answer(500), 0ms);
  EXPECT_TRUE(judge(answer(500), 119h).disable_reason.empty());
  EXPECT_EQ(judge(answer(500), 120h).disable_reason, "failing");

  judge(answer(200), 121h);
  EXPECT_TRUE(judge(answer(500), 122h).disable_reason.empty());
}

TEST_F(WebhookScheduleTest, WhatAReceiverWroteBecomesText) {
  egress::HttpResponse response = answer(500);
  response.body = std::string("a\0b\xFF", 4);

  const JudgedAttempt judged = judge(response);

  EXPECT_EQ(judged.outcome.attempt.response_body, "ab\xEF\xBF\xBD");
  EXPECT_EQ(judged.outcome.attempt.response_head, "HTTP/1.1 500");
}

}  // namespace
}  // namespace weir::streaming
