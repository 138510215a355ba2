#include "server/cli/event_path.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

TEST(EventPathTest, ScansAndRunsHaveARouteOfTheirOwn) {
  EXPECT_EQ(event_path({.resource = "scn_1", .types = "", .after = "0"}), "/v1/scans/scn_1/events?after=0&limit=500");
  EXPECT_EQ(event_path({.resource = "run_1", .types = "run.*,tool_call.*", .after = ""}),
            "/v1/runs/run_1/events?types=run.*,tool_call.*&limit=500");
  EXPECT_EQ(event_path({.resource = "fnd_1", .types = "", .after = ""}), "/v1/events?resource=fnd_1&limit=500");
  EXPECT_EQ(event_path({.resource = "", .types = "", .after = ""}), "/v1/events?limit=500");
}

TEST(EventPathTest, WhatACallerTypesCannotLeaveItsPlace) {
  EXPECT_EQ(event_path({.resource = "scn_1/../../x?a=b&c", .types = "", .after = "1&limit=9"}),
            "/v1/scans/scn_1%2F..%2F..%2Fx%3Fa%3Db%26c/events?after=1%26limit%3D9&limit=500");
}

TEST(EventPathTest, AStreamIsOverWithItsLastEventOrASnapshotOfWhatHasEnded) {
  const auto snapshot = [](const std::string& id, const std::string& status) {
    return Json{{"data", {{"id", id}, {"status", status}}}};
  };

  EXPECT_TRUE(is_last_frame("run.completed", Json::object()));
  EXPECT_TRUE(is_last_frame("scan.timed_out", Json::object()));
  EXPECT_FALSE(is_last_frame("step.completed", Json::object()));
  EXPECT_TRUE(is_last_frame("snapshot", snapshot("run_1", "expired")));
  EXPECT_FALSE(is_last_frame("snapshot", snapshot("run_1", "requires_action")));
  EXPECT_TRUE(is_last_frame("snapshot", snapshot("scn_1", "completed")));
  EXPECT_FALSE(is_last_frame("snapshot", Json::object()));
}

}  // namespace
}  // namespace weir::cli
