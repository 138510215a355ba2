// `Prefer: wait` over real HTTP and in real time, with windows that are short enough to wait for.
#include "server/pacing.h"
#include "server/rest/preference.h"
#include "tests/unit/rest/rest_fixture.h"

namespace weir::rest {
namespace {

using std::chrono::seconds;

seconds wait_in(std::vector<std::string> values) {
  http::Headers headers;
  for (std::string& value : values) headers.add("Prefer", std::move(value));
  return preferred_wait(headers);
}

TEST(PreferenceTest, ReadsWaitAmongOtherPreferences) {
  EXPECT_EQ(wait_in({"wait=10"}), seconds{10});
  EXPECT_EQ(wait_in({"respond-async, Wait = \"7\"; foo=bar"}), seconds{7});
  EXPECT_EQ(wait_in({"respond-async", "wait=3"}), seconds{3});
}

TEST(PreferenceTest, TheFirstOneCounts) { EXPECT_EQ(wait_in({"wait=4, wait=9"}), seconds{4}); }

TEST(PreferenceTest, WhatIsNotUnderstoodIsNoPreference) {
  for (const char* value : {"", "wait", "wait=", "wait=soon", "wait=-3", "wait=1.5", "waiting=9"}) {
    EXPECT_EQ(wait_in({value}), seconds{0}) << value;
  }
}

class HeldCallsTest : public RestTest {
 protected:
  HeldCallsTest() {
    gate_->hold_calls(pacing_);
    free_key_ = add_key(add_caller("carol", "free")->account_id, {"read", "write"});
  }
  // Before the first call.
  void limit_to(std::uint32_t units, std::chrono::milliseconds window) {
    limits::Tier tier{.name = "free"};
    tier.units_per_minute = units;
    tier.window = window;
    tiers_ = limits::Tiers({{"free", tier}});
  }
  Answer ask(const std::string& lines = "") {
    return ask_with("Authorization: Bearer " + free_key_ + "\r\n" + lines, "GET", "/v1/scans");
  }
  void use_up(int units) {
    for (int i = 0; i < units; ++i) ASSERT_EQ(ask().status, 200) << i;
  }

  server::Pacing pacing_{{}, limiter_, clock_, timers_, executor_};
  std::string free_key_;
};

TEST_F(HeldCallsTest, SaysThatThePreferenceWasApplied) {
  EXPECT_EQ(ask("Prefer: wait=5\r\n").header("Preference-Applied"), "wait=5");
  EXPECT_EQ(ask("Prefer: wait=5000\r\n").header("Preference-Applied"), "wait=30");
  EXPECT_EQ(ask().header("Preference-Applied"), "");
}

TEST_F(HeldCallsTest, RefusesAtOnceWhatCannotComeInTime) {
  limit_to(3, seconds{60});
  use_up(3);

  const Answer refused = ask("Prefer: wait=5\r\n");

  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Preference-Applied"), "wait=5");
  EXPECT_NE(refused.header("Retry-After"), "");
  EXPECT_EQ(refused.json()["error"], "rate_limit_exceeded");
  EXPECT_EQ(pacing_.held(), 0U);
}

TEST_F(HeldCallsTest, AnswersAHeldCallWhenItsSlotFrees) {
  limit_to(3, seconds{1});
  use_up(3);

  const Answer held = ask("Prefer: wait=5\r\n");

  EXPECT_EQ(held.status, 200);
  EXPECT_EQ(held.header("Preference-Applied"), "wait=5");
  EXPECT_EQ(pacing_.held(), 0U);
}

TEST_F(HeldCallsTest, AClientThatLeavesLeavesTheQueue) {
  limit_to(1, seconds{20});
  use_up(1);
  http::RawClient client(server_->port());
  client.send("GET /v1/scans HTTP/1.1\r\nHost: weir.test\r\nAuthorization: Bearer " + free_key_ +
              "\r\nPrefer: wait=30\r\n\r\n");
  ASSERT_TRUE(weir::testing::eventually([&] { return pacing_.held() == 1; }));

  client.close();

  EXPECT_TRUE(weir::testing::eventually([&] { return pacing_.held() == 0; }));
}

}  // namespace
}  // namespace weir::rest
