#include "server/rest/routes.h"

#include "tests/unit/tools/tools_fixture.h"

namespace weir::rest {
namespace {

class RoutesTest : public tools::ToolsTest {
 protected:
  RouteTable table_{*catalog_};
};

TEST_F(RoutesTest, PlaceholdersTakeOneSegment) {
  const auto match = table_.find("GET", "/v1/scans/scn_1");

  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->name, "get_scan");
  EXPECT_EQ(match.parameters, (PathParameters{{"scan_id", "scn_1"}}));
  EXPECT_EQ(table_.find("GET", "/v1/scans/scn_1/x").route, nullptr);
  EXPECT_EQ(table_.find("GET", "/v1/scans/").route, nullptr);
}

TEST_F(RoutesTest, ExactSegmentsWinOverPlaceholders) {
  EXPECT_EQ(table_.find("GET", "/v1/scans/estimate").route->name, "estimate_scan");
}

TEST_F(RoutesTest, HeadIsServedAsGet) { EXPECT_EQ(table_.find("HEAD", "/v1/targets").route->name, "list_targets"); }

TEST_F(RoutesTest, AWrongMethodLearnsTheRightOnes) {
  const auto match = table_.find("PUT", "/v1/targets");

  EXPECT_EQ(match.route, nullptr);
  EXPECT_THAT(match.allowed_methods, ::testing::ElementsAre("GET", "HEAD", "POST"));
}

TEST_F(RoutesTest, AMistypedPathLearnsTheNearestOne) {
  EXPECT_EQ(table_.nearest_to("GET", "/v1/scan"), "GET /v1/scans");
  EXPECT_EQ(table_.nearest_to("GET", "/v1/targts"), "GET /v1/targets");
}

TEST_F(RoutesTest, EveryToolHasItsRoute) {
  std::set<std::string> names;
  for (const Route& route : table_.routes()) names.insert(route.name);

  for (const tools::Tool& tool : catalog_->tools()) {
    // Its route streams as well, so it is written by hand.
    EXPECT_TRUE(names.contains(tool.name == "list_events" ? "GET /v1/events" : tool.name)) << tool.name;
  }
}

}  // namespace
}  // namespace weir::rest
