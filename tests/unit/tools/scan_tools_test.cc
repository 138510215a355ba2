#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

using ScanToolsTest = ToolsTest;

TEST_F(ScanToolsTest, StartsAScanAndSaysWhereItGoesOn) {
  const std::string target_id = make_target();

  const Json scan = call("create_scan", {{"target_id", target_id}, {"profile", "passive"}});

  EXPECT_EQ(scan["status"], "queued");
  EXPECT_EQ(scan["trigger"], "mcp");
  EXPECT_EQ(scan["next_poll_s"], 2);
  EXPECT_EQ(scan["links"]["events"], "/v1/scans/" + scan["id"].get<std::string>() + "/events");
  EXPECT_EQ(event_types(scan["id"]), std::vector<std::string>{"scan.queued"});
}

TEST_F(ScanToolsTest, FindsTheTargetByItsUrl) {
  const std::string target_id = make_target("http://localhost:7/");

  EXPECT_EQ(call("create_scan", {{"url", "HTTP://localhost:7"}, {"profile", "passive"}})["target_id"], target_id);
  const Error unknown = refusal("create_scan", {{"url", "http://localhost:8/"}});
  EXPECT_EQ(unknown.code, ErrorCode::not_found);
  EXPECT_NE(unknown.message.find("create_target"), std::string::npos);
  EXPECT_NE(unknown.message.find(target_id), std::string::npos);
}

TEST_F(ScanToolsTest, NeedsExactlyOneWayToNameTheTarget) {
  const std::string target_id = make_target();

  EXPECT_EQ(refusal("create_scan", Json::object()).fields[0].field, "target_id");
  EXPECT_EQ(refusal("create_scan", {{"target_id", target_id}, {"url", "http://127.0.0.1:9/"}}).code,
            ErrorCode::validation_failed);
}

TEST_F(ScanToolsTest, ChecksAreReadAgainstTheCatalogue) {
  const std::string target_id = make_target();

  const Error unknown =
      refusal("create_scan", {{"target_id", target_id}, {"profile", "custom"}, {"checks", {"hdr.csp.mising"}}});
  EXPECT_EQ(unknown.fields[0].field, "checks[0]");
  EXPECT_NE(unknown.message.find("did you mean hdr.csp.missing?"), std::string::npos) << unknown.message;
  EXPECT_EQ(refusal("create_scan", {{"target_id", target_id}, {"profile", "custom"}}).fields[0].field, "checks");
  EXPECT_EQ(call("create_scan", {{"target_id", target_id}, {"profile", "custom"}, {"checks", {"cookies"}}})["checks"],
            Json({"cookies"}));
}

TEST_F(ScanToolsTest, ASecondScanOfATargetIsRefusedNamingTheFirst) {
  const std::string target_id = make_target();
  const std::string scan_id = call("create_scan", {{"target_id", target_id}, {"profile", "passive"}})["id"];

  const Error error = refusal("create_scan", {{"target_id", target_id}, {"profile", "passive"}});

  EXPECT_EQ(error.code, ErrorCode::target_busy);
  EXPECT_NE(error.message.find(scan_id), std::string::npos);
  EXPECT_TRUE(error.retry_after.has_value());
  EXPECT_EQ(call("list_scans", Json::object())["data"].size(), 1U);
}

TEST_F(ScanToolsTest, TheTierBoundsScansAtOnceAndNamesWhatRuns) {
  const auto carol = add_caller("carol", "free");
  const auto start = [&](int port) {
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
    must(call_as(carol, "create_target", {{"url", url}, {"attest", true}}));
    return call_as(carol, "create_scan", {{"url", url}, {"profile", "passive"}});
  };
  const std::string first = must(start(1)).structured["id"];

  const Error error = start(2).error();

  EXPECT_EQ(error.code, ErrorCode::concurrency_limit);
  EXPECT_NE(error.message.find(first), std::string::npos);
  EXPECT_TRUE(error.retry_after.has_value());
}

TEST_F(ScanToolsTest, TheTierBoundsScansInADayAndSaysWhenTheNextMayStart) {
  const auto dave = add_caller("dave", "free");
  must(call_as(dave, "create_target", {{"url", "http://127.0.0.1:1/"}, {"attest", true}}));
  const auto start = [&] {
    return call_as(dave, "create_scan", {{"url", "http://127.0.0.1:1/"}, {"profile", "passive"}});
  };
  const auto daily = tiers_.find("free")->daily_scans;
  const Result<void> filled = database_->write([&](store::Transaction& transaction) -> Result<void> {
    for (std::uint32_t i = 0; i < daily; ++i) {
      store::ScanRow scan;
      scan.id = ids_.make("scn");
      scan.account_id = dave->account_id;
      scan.target_id = must(store::target_by_url(transaction, dave->account_id, "http://127.0.0.1:1/"))->id;
      scan.profile = "passive";
      scan.status = "completed";
      scan.queued_at = clock_.now() - std::chrono::hours{23};
      if (auto stored = store::insert_scan(transaction, scan); !stored) return stored;
    }
    return {};
  });
  ASSERT_TRUE(filled);

  const Error error = start().error();

  EXPECT_EQ(error.code, ErrorCode::rate_limit_exceeded);
  ASSERT_TRUE(error.retry_after.has_value());
  EXPECT_NEAR(std::chrono::duration<double>(*error.retry_after).count(), 3'600, 60);
}

TEST_F(ScanToolsTest, AHostRestsBetweenScansButLoopbackDoesNot) {
  const std::string target_id =
      string_or(call("create_target", {{"url", "http://public.example/"}, {"attest", true}}), "id", "");
  jobs_->start();
  scan(target_id);

  const Error error = refusal("create_scan", {{"target_id", target_id}, {"profile", "passive"}});
  const std::string local = make_target();
  scan(local);

  EXPECT_EQ(error.code, ErrorCode::target_busy);
  EXPECT_NE(error.message.find("rests for 60 seconds"), std::string::npos);
  EXPECT_EQ(scan(local)["status"], "completed");
}

TEST_F(ScanToolsTest, ARepeatedCreationStartsOneScan) {
  const std::string target_id = make_target();
  const Json arguments = {{"target_id", target_id}, {"profile", "passive"}};

  const auto first = call_as(alice_, "create_scan", arguments, "key-1");
  const auto again = call_as(alice_, "create_scan", arguments, "key-1");
  Json other = arguments;
  other["profile"] = "quick";
  const auto mismatch = call_as(alice_, "create_scan", other, "key-1");

  EXPECT_TRUE(again->is_replayed);
  EXPECT_EQ(again->structured, first->structured);
  EXPECT_EQ(mismatch.error().code, ErrorCode::idempotency_mismatch);
  EXPECT_EQ(call("list_scans", Json::object())["data"].size(), 1U);
}

TEST_F(ScanToolsTest, ARefusedCreationDoesNotUseUpItsToken) {
  const std::string target_id = make_target();
  const std::string running = call("create_scan", {{"target_id", target_id}, {"profile", "passive"}})["id"];
  const Json arguments = {{"target_id", target_id}, {"profile", "passive"}, {"client_token", "later"}};
  EXPECT_EQ(refusal("create_scan", arguments).code, ErrorCode::target_busy);
  call("cancel_scan", {{"scan_id", running}});

  EXPECT_FALSE(call_as(alice_, "create_scan", arguments)->is_replayed);
}

TEST_F(ScanToolsTest, WaitingAnswersWhenTheScanHasEnded) {
  const std::string target_id = make_target();
  jobs_->start();

  const Json scan = call("create_scan", {{"target_id", target_id}, {"profile", "passive"}, {"wait_seconds", 20}});

  EXPECT_EQ(scan["status"], "completed");
  EXPECT_TRUE(scan["next_poll_s"].is_null());
}

TEST_F(ScanToolsTest, WaitingAnswersAtItsDeadlineWithWhereTheScanStands) {
  const std::string target_id = make_target();

  const Json scan = call("create_scan", {{"target_id", target_id}, {"profile", "passive"}, {"wait_seconds", 1}});

  EXPECT_EQ(scan["status"], "queued");
}

TEST_F(ScanToolsTest, ListsByTargetAndStatusPageByPage) {
  const std::string one = make_target("http://127.0.0.1:1/");
  const std::string two = make_target("http://127.0.0.1:2/");
  call("create_scan", {{"target_id", one}, {"profile", "passive"}});
  call("cancel_scan", {{"scan_id", call("create_scan", {{"target_id", two}, {"profile", "passive"}})["id"]}});

  EXPECT_EQ(call("list_scans", {{"target_id", one}})["data"][0]["target_id"], one);
  EXPECT_EQ(call("list_scans", {{"status", "cancelled"}})["data"][0]["target_id"], two);
  const Json page = call("list_scans", {{"limit", 1}});
  EXPECT_EQ(page["data"][0]["target_id"], two);
  EXPECT_EQ(call("list_scans", {{"limit", 1}, {"cursor", page["next_cursor"]}})["data"][0]["target_id"], one);
}

TEST_F(ScanToolsTest, EstimatesWithoutStartingAnything) {
  const std::string target_id = make_target();

  const Json estimate = call("estimate_scan", {{"target_id", target_id}, {"profile", "passive"}});

  EXPECT_EQ(estimate["http_requests_max"], 20);
  EXPECT_EQ(estimate["allowed"], true);
  EXPECT_GT(estimate["checks"].get<int>(), 10);
  EXPECT_TRUE(call("estimate_scan", Json::object())["allowed"].is_null());
  EXPECT_EQ(call("list_scans", Json::object())["data"].size(), 0U);
}

}  // namespace
}  // namespace weir::tools
