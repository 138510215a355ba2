#include "server/mcp_offers/run_resources.h"

#include "server/mcp_offers/joined_resources.h"
#include "server/mcp_offers/scan_resources.h"
#include "tests/unit/mcp_offers/run_world.h"

namespace weir::mcp_offers::testing {
namespace {

class RunResourcesTest : public RunWorld {
 protected:
  ScanResources scans_view_{catalog_, *hub_, timers_};
  RunResources runs_view_{catalog_, *hub_, timers_};
  JoinedResources joined_{scans_view_, runs_view_, RunResources::kPrefix};
};

TEST_F(RunResourcesTest, ARunIsReadByItsUri) {
  runs_["run_1"] = run("run_1", "completed");

  const auto content = joined_.read(context(), "weir://runs/run_1");

  ASSERT_TRUE(content);
  const auto json = parse_json(content->at(0).bytes);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["status"], "completed");
  EXPECT_EQ(joined_.scope_of("weir://runs/run_1"), tools::Scope::runs_read);
  EXPECT_EQ(joined_.read(context(), "weir://runs/run_2").error().code, ErrorCode::not_found);
}

TEST_F(RunResourcesTest, TheListGoesOnWithRuns) {
  runs_["run_1"] = run("run_1", "completed");
  runs_["run_2"] = run("run_2", "running");

  std::vector<std::string> uris;
  std::string cursor;
  for (int page = 0; page < 10; ++page) {
    const auto listed = joined_.list(context(), cursor);
    ASSERT_TRUE(listed) << listed.error().message;
    for (const auto& item : listed->items) uris.push_back(item.uri);
    if (!listed->next_cursor) break;
    cursor = *listed->next_cursor;
  }

  EXPECT_EQ(uris, (std::vector<std::string>{"weir://checks/cookie.secure", "weir://runs/run_1", "weir://runs/run_2"}));
}

TEST_F(RunResourcesTest, AKeyThatMayNotReadRunsSeesNone) {
  runs_["run_1"] = run("run_1", "completed");

  EXPECT_TRUE(runs_view_.list(context({"targets:read"}), "")->items.empty());
  EXPECT_TRUE(runs_view_.complete(context({"targets:read"}), "weir://runs/{run_id}", {"run_id", "run"})->empty());
  EXPECT_EQ(runs_view_.watch(context({"targets:read"}), "weir://runs/run_1", [] {}), nullptr);
}

TEST_F(RunResourcesTest, IdsAreCompleted) {
  runs_["run_1"] = run("run_1", "completed");
  runs_["run_20"] = run("run_20", "completed");

  EXPECT_EQ(*joined_.complete(context(), "weir://runs/{run_id}", {"run_id", "run_2"}),
            std::vector<std::string>{"run_20"});
}

}  // namespace
}  // namespace weir::mcp_offers::testing
