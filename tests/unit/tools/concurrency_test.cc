#include "tools/concurrency.h"

#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const UnixMillis kNow = from_unix_ms(1'795'000'000'000);

store::Lease begun(seconds ago, seconds deadline_in = seconds{600}) {
  return {.id = "scn_1", .status = "running", .started_at = kNow - ago, .deadline_at = kNow + deadline_in};
}

TEST(TimeUntilFreeTest, IsWhatTheUsualTimeLeavesOfTheOneThatEndsFirst) {
  EXPECT_EQ(time_until_free({begun(seconds{4}), begun(seconds{1})}, 2, seconds{10}, kNow), seconds{6});
}

TEST(TimeUntilFreeTest, WhatIsQueuedTakesItsWholeTime) {
  const store::Lease queued{
      .id = "scn_1", .status = "queued", .started_at = std::nullopt, .deadline_at = kNow + seconds{600}};

  EXPECT_EQ(time_until_free({queued}, 1, seconds{10}, kNow), seconds{10});
}

TEST(TimeUntilFreeTest, WhatTakesLongerThanUsualIsGivenHalfAsLongAgain) {
  EXPECT_EQ(time_until_free({begun(seconds{30})}, 1, seconds{10}, kNow), seconds{5});
}

TEST(TimeUntilFreeTest, NeverPassesADeadlineNorIsLessThanASecond) {
  EXPECT_EQ(time_until_free({begun(seconds{1}, seconds{3})}, 1, seconds{100}, kNow), seconds{3});
  EXPECT_EQ(time_until_free({begun(seconds{1}, seconds{-5})}, 1, seconds{100}, kNow), seconds{1});
  EXPECT_EQ(time_until_free({begun(seconds{9})}, 1, milliseconds{9'500}, kNow), seconds{1});
}

TEST(TimeUntilFreeTest, AfterASmallerTierMoreThanOneHasToEnd) {
  EXPECT_EQ(time_until_free({begun(seconds{9}), begun(seconds{5}), begun(seconds{1})}, 2, seconds{10}, kNow),
            seconds{5});
}

using ConcurrencyTest = ToolsTest;

TEST_F(ConcurrencyTest, ARefusedScanIsToldWhatRunsForHowLongAndWhenAPlaceIsFree) {
  const auto carol = add_caller("carol", "free");
  const auto start = [&](int port) {
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
    must(call_as(carol, "create_target", {{"url", url}, {"attest", true}}));
    return call_as(carol, "create_scan", {{"url", url}, {"profile", "passive"}});
  };
  const std::string first = must(start(1)).structured["id"];

  const Error error = start(2).error();

  EXPECT_EQ(error.code, ErrorCode::concurrency_limit);
  EXPECT_NE(error.message.find("runs 1 scan at once, and 1 is active: " + first + " (queued)"), std::string::npos)
      << error.message;
  EXPECT_NE(error.message.find("free in about 15 seconds"), std::string::npos) << error.message;
  EXPECT_EQ(error.retry_after, seconds{15});
}

TEST_F(ConcurrencyTest, APlaceThatADeadProcessHeldIsFreeAgain) {
  const auto carol = add_caller("carol", "free");
  must(call_as(carol, "create_target", {{"url", "http://127.0.0.1:1/"}, {"attest", true}}));
  must(call_as(carol, "create_target", {{"url", "http://127.0.0.1:2/"}, {"attest", true}}));
  const std::string lost =
      must(call_as(carol, "create_scan", {{"url", "http://127.0.0.1:1/"}, {"profile", "passive"}})).structured["id"];
  const Result<void> aged = database_->write([&](store::Transaction& transaction) -> Result<void> {
    auto done = transaction.execute("UPDATE scans SET deadline_at = 1 WHERE id = :1", {lost});
    if (!done) return std::move(done).error();
    return {};
  });
  ASSERT_TRUE(aged);

  EXPECT_TRUE(call_as(carol, "create_scan", {{"url", "http://127.0.0.1:2/"}, {"profile", "passive"}}));
}

TEST_F(ConcurrencyTest, TheQuotaShowsTheDayOfTheAccountAndNotOfTheKey) {
  const auto dave = add_caller("dave", "free");
  must(call_as(dave, "create_target", {{"url", "http://127.0.0.1:1/"}, {"attest", true}}));
  // As another key of the account would: this key's window knows nothing of it.
  must(call_as(dave, "create_scan", {{"url", "http://127.0.0.1:1/"}, {"profile", "passive"}}));

  const Json quota = must(call_as(dave, "get_quota", Json::object())).structured;

  EXPECT_EQ(quota["policies"][1]["name"], "scans-day");
  EXPECT_EQ(quota["policies"][1]["remaining"], 49);
  EXPECT_EQ(quota["scans"]["started_24h"], 1);
}

}  // namespace
}  // namespace weir::tools
