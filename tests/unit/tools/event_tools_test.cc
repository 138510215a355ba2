#include "tools/events/event_tools.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/tools/tools_fixture.h"
#include "tools/events/event_reference.h"
#include "tools/schema.h"

namespace weir::tools {
namespace {

class EventToolsTest : public ToolsTest {
 protected:
  static std::vector<std::string> types(const Json& page) {
    std::vector<std::string> names;
    for (const Json& event : page["data"]) names.push_back(event["type"]);
    return names;
  }
};

TEST_F(EventToolsTest, PagesOfTheAccountJoinWithoutARepeat) {
  jobs_->start();
  scan(make_target());
  const Json all = call("list_events", {{"limit", 200}});

  std::vector<std::string> joined;
  Json page = call("list_events", {{"limit", 2}});
  for (int i = 0; i < 100; ++i) {
    for (const std::string& type : types(page)) joined.push_back(type);
    if (page["next_after"].is_null()) break;
    page = call("list_events", {{"limit", 2}, {"after", page["next_after"]}});
  }

  EXPECT_EQ(joined, types(all));
  EXPECT_THAT(joined, ::testing::Contains("scan.completed"));
  EXPECT_TRUE(call("list_events", {{"after", all["last_seq"]}})["data"].empty());
}

TEST_F(EventToolsTest, TypesAndAScanNarrowTheList) {
  jobs_->start();
  const std::string target = make_target();
  const std::string first = scan(target)["id"];
  const std::string second = scan(target)["id"];

  EXPECT_EQ(types(call("list_events", {{"types", {"scan.completed"}}})),
            (std::vector<std::string>{"scan.completed", "scan.completed"}));
  const Json of_second = call("list_events", {{"scan_id", second}});
  for (const Json& event : of_second["data"]) EXPECT_EQ(event["resource"], second);
  EXPECT_EQ(refusal("list_events", {{"types", {"scam.*"}}}).code, ErrorCode::validation_failed);
  EXPECT_EQ(call_as(bob_, "list_events", {{"scan_id", first}}).error().code, ErrorCode::not_found);
  EXPECT_EQ(must(call_as(bob_, "list_events", Json::object())).structured["data"].size(), 0U);
}

TEST_F(EventToolsTest, APositionOfAnotherLogIsAGap) {
  jobs_->start();
  scan(make_target());

  const Json page = call("list_events", {{"after", "elsewhere-a7"}});

  EXPECT_EQ(page["gap"]["requested"], "elsewhere-a7");
  EXPECT_FALSE(page["data"].empty());
}

// What the table of event types promises is what scans publish.
TEST_F(EventToolsTest, EveryPublishedPayloadFitsItsSchema) {
  jobs_->start();
  const std::string target = make_target();
  scan(target);
  scans_do(
      [this](const scans::ScanPlan&, scans::ScanObserver& observer, std::stop_token) -> Result<scans::ScanOutcome> {
        observer.phase_started({.phase = "http", .checks_total = 1});
        observer.progressed({.phase = "http", .checks_total = 1});
        return outcome_with({"hdr.csp.missing"});
      });
  scan(target);
  scans_do([](const scans::ScanPlan&, scans::ScanObserver&, std::stop_token) -> Result<scans::ScanOutcome> {
    return Error(ErrorCode::unavailable, "no");
  });
  scan(target);

  std::set<std::string> seen;
  const Json page = call("list_events", {{"limit", 200}});
  for (const Json& event : page["data"]) {
    const auto* type = streaming::find_event_type(event["type"].get<std::string>());
    ASSERT_NE(type, nullptr) << event["type"];
    seen.insert(type->name);
    const auto violations = Schema(type->schema).violations(event["data"]);
    for (const FieldError& violation : violations) {
      ADD_FAILURE() << type->name << ": " << violation.field << " " << violation.message;
    }
  }

  for (const char* type :
       {"scan.queued", "scan.started", "scan.phase", "scan.completed", "scan.failed", "finding.new"}) {
    EXPECT_TRUE(seen.contains(type)) << type;
  }
}

// UPDATE_GOLDEN=1 rewrites the page.
TEST(EventReferenceTest, TheCommittedPageIsTheTablesProjection) {
  const char* const root = std::getenv("WEIR_SOURCE_DIR");
  ASSERT_NE(root, nullptr) << "run with ctest, or set WEIR_SOURCE_DIR";
  const std::filesystem::path page = std::filesystem::path(root) / "docs/reference/events.md";
  const std::string rendered = event_reference(streaming::event_types());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(page) << rendered;

  std::ifstream file(page);
  std::stringstream committed;
  committed << file.rdbuf();

  EXPECT_TRUE(committed.str() == rendered)
      << "docs/reference/events.md is out of date: run the test with UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace weir::tools
