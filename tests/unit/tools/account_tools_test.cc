#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

using AccountToolsTest = ToolsTest;

TEST_F(AccountToolsTest, TheQuotaSaysWhatIsLeftAndCostsNothing) {
  const auto carol = add_caller("carol", "free");
  must(call_as(carol, "list_targets", Json::object()));

  const Json first = must(call_as(carol, "get_quota", Json::object())).structured;
  const Json second = must(call_as(carol, "get_quota", Json::object())).structured;

  EXPECT_EQ(first["tier"], "free");
  EXPECT_EQ(first["limit"], 100);
  EXPECT_EQ(first["remaining"], 99);
  EXPECT_EQ(second["remaining"], 99);
  EXPECT_EQ(first["costs"]["tools"]["get_quota"], 0);
  EXPECT_EQ(first["scans"]["concurrent_limit"], 1);
  EXPECT_EQ(first["key"]["name"], "carol-key");
}

TEST_F(AccountToolsTest, ItCountsActiveAndStartedScans) {
  call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}});

  const Json quota = call("get_quota", Json::object());

  EXPECT_EQ(quota["scans"]["active"], 1);
  EXPECT_EQ(quota["scans"]["started_24h"], 1);
}

TEST_F(AccountToolsTest, AnUnlimitedTierHasNoNumbers) {
  const Json quota = must(call_as(add_caller("root", "admin"), "get_quota", Json::object())).structured;

  EXPECT_EQ(quota["is_unlimited"], true);
  EXPECT_TRUE(quota["limit"].is_null());
  EXPECT_TRUE(quota["scans"]["concurrent_limit"].is_null());
}

}  // namespace
}  // namespace weir::tools
