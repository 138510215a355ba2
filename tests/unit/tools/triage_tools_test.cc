#include "store/finding_history.h"
#include "tests/unit/tools/tools_fixture.h"
#include "tools/scans/finding_status.h"

namespace weir::tools {
namespace {

class TriageToolsTest : public ToolsTest {
 protected:
  TriageToolsTest() {
    scans_find({"hdr.csp.missing"});
    target_id_ = make_target();
    jobs_->start();
    scan_id_ = scan(target_id_)["id"];
    finding_id_ = call("list_findings", {{"scan_id", scan_id_}})["data"][0]["id"];
  }

  Json with(const std::string& status, Json more = Json::object()) const {
    more["finding_id"] = finding_id_;
    more["status"] = status;
    return more;
  }
  [[nodiscard]] std::string in_a_month() const { return to_rfc3339(clock_.now() + std::chrono::hours{24 * 30}); }

  std::string target_id_;
  std::string scan_id_;
  std::string finding_id_;
};

TEST_F(TriageToolsTest, ADecisionIsStoredWithWhoAndWhyAndTold) {
  const Json changed = call("update_finding_status", with("in_progress", {{"reason", "ticket 7"}}));

  EXPECT_EQ(changed["previous_status"], "open");
  EXPECT_EQ(changed["status"], "in_progress");
  EXPECT_EQ(changed["status_by"], alice_->key_id);
  EXPECT_EQ(changed["changed"], true);
  const Json history = call("get_finding_history", {{"finding_id", finding_id_}});
  ASSERT_EQ(history["data"].size(), 2U);
  EXPECT_TRUE(history["data"][0]["from"].is_null());
  EXPECT_EQ(history["data"][0]["by"], scan_id_);
  EXPECT_EQ(history["data"][1]["to"], "in_progress");
  EXPECT_EQ(history["data"][1]["note"], "ticket 7");
  EXPECT_EQ(history["data"][1]["by"], alice_->key_id);
  EXPECT_EQ(history["scans"][0]["scan_id"], scan_id_);
  const auto events = must(events_->read_after(finding_id_, 0, 10));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "finding.status_changed");
  EXPECT_EQ(events[0].data["from"], "open");
  const Json& schema = streaming::find_event_type("finding.status_changed")->schema;
  EXPECT_TRUE(Schema(schema).violations(events[0].data).empty());
}

TEST_F(TriageToolsTest, ARunIsNamedAsTheOneWhoDecided) {
  CallContext context;
  context.caller = alice_;
  context.surface = Surface::run;
  context.run_id = "run_1";
  const auto change = database_->write_for([&](store::Transaction& transaction) {
    return scans::change_status(*services_, context,
                                must(store::finding_by_id(transaction, alice_->account_id, finding_id_)),
                                {.status = "fixed", .reason = "retested", .until = std::nullopt}, transaction);
  });

  ASSERT_TRUE(change);
  EXPECT_EQ(change->finding.status_by, "run_1");
  EXPECT_TRUE(change->finding.fixed_at);
}

TEST_F(TriageToolsTest, ARepetitionChangesNothing) {
  const Json arguments = with("accepted_risk", {{"reason", "internal only"}, {"until", in_a_month()}});
  call("update_finding_status", arguments);

  const Json again = call("update_finding_status", arguments);

  EXPECT_EQ(again["changed"], false);
  EXPECT_EQ(again["accepted_until"], arguments["until"]);
  EXPECT_EQ(must(events_->read_after(finding_id_, 0, 10)).size(), 1U);
  EXPECT_EQ(call("get_finding_history", {{"finding_id", finding_id_}})["data"].size(), 2U);
}

TEST_F(TriageToolsTest, AnAcceptanceCanBeExtendedAndTakenBack) {
  call("update_finding_status", with("accepted_risk", {{"reason", "internal"}, {"until", in_a_month()}}));
  const std::string later = to_rfc3339(clock_.now() + std::chrono::hours{24 * 60});

  const Json extended =
      call("update_finding_status", with("accepted_risk", {{"reason", "internal"}, {"until", later}}));
  const Json open = call("update_finding_status", with("open"));

  EXPECT_EQ(extended["changed"], true);
  EXPECT_EQ(extended["accepted_until"], later);
  EXPECT_EQ(open["status"], "open");
  EXPECT_TRUE(open["accepted_until"].is_null());
  EXPECT_TRUE(open["status_reason"].is_null());
}

TEST_F(TriageToolsTest, AnAcceptanceAlwaysEnds) {
  const Json accepted = call("update_finding_status", with("accepted_risk", {{"reason", "a test site"}}));
  const Json again = call("update_finding_status", with("accepted_risk", {{"reason", "a test site"}}));

  const auto until = must(parse_rfc3339(accepted["accepted_until"].get<std::string>()));
  EXPECT_GT(until, clock_.now() + scans::kAcceptance - std::chrono::minutes{5});
  EXPECT_EQ(again["changed"], false);
}

TEST_F(TriageToolsTest, SettingAsideNeedsAReasonAndAnEndInTheFuture) {
  const auto field = [&](const Json& arguments) {
    const Error error = refusal("update_finding_status", arguments);
    EXPECT_EQ(error.code, ErrorCode::validation_failed) << error.message;
    return error.fields.empty() ? "" : error.fields[0].field;
  };

  EXPECT_EQ(field(with("false_positive")), "reason");
  EXPECT_EQ(field(with("false_positive", {{"reason", "  "}})), "reason");
  EXPECT_EQ(field(with("accepted_risk", {{"until", in_a_month()}})), "reason");
  EXPECT_EQ(field(with("accepted_risk", {{"reason", "x"}, {"until", "tomorrow"}})), "until");
  EXPECT_EQ(field(with("accepted_risk", {{"reason", "x"}, {"until", "2020-01-01T00:00:00Z"}})), "until");
  EXPECT_EQ(field(with("fixed", {{"until", in_a_month()}})), "until");
  EXPECT_EQ(field(with("gone")), "status");
  EXPECT_EQ(call("get_finding", {{"finding_id", finding_id_}})["status"], "open");
  EXPECT_TRUE(must(events_->read_after(finding_id_, 0, 10)).empty());
}

TEST_F(TriageToolsTest, TheMovesAreThoseOfTheTable) {
  using scans::may_move;
  const std::vector<std::string> statuses = {"open", "in_progress", "fixed", "accepted_risk", "false_positive"};
  std::vector<std::string> refused;
  for (const std::string& from : statuses) {
    for (const std::string& to : statuses) {
      if (!may_move(from, to)) refused.push_back(from + ">" + to);
    }
  }

  EXPECT_EQ(refused,
            (std::vector<std::string>{"fixed>open", "fixed>in_progress", "accepted_risk>in_progress",
                                      "accepted_risk>fixed", "false_positive>in_progress", "false_positive>fixed"}));
}

TEST_F(TriageToolsTest, ARefusedMoveSaysWhichThereAre) {
  call("update_finding_status", with("fixed"));

  const Error error = refusal("update_finding_status", with("open"));

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_NE(error.message.find("accepted_risk, false_positive"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("finding_ids"), std::string::npos) << error.message;
}

TEST_F(TriageToolsTest, ADecisionOutlastsTheNextScan) {
  call("update_finding_status", with("false_positive", {{"reason", "a proxy adds it"}}));
  scan(target_id_);

  const Json finding = call("get_finding", {{"finding_id", finding_id_}});

  EXPECT_EQ(finding["status"], "false_positive");
  EXPECT_EQ(finding["status_reason"], "a proxy adds it");
}

TEST_F(TriageToolsTest, WhatAPersonCalledFixedIsReopenedByTheScanThatSeesIt) {
  call("update_finding_status", with("fixed"));
  const Json again = scan(target_id_);

  EXPECT_EQ(again["counts"]["reopened"], 1);
  EXPECT_EQ(call("get_finding", {{"finding_id", finding_id_}})["status"], "open");
}

TEST_F(TriageToolsTest, AnothersFindingIsNotThere) {
  EXPECT_EQ(call_as(bob_, "update_finding_status", with("fixed")).error().code, ErrorCode::not_found);
  EXPECT_EQ(call_as(bob_, "get_finding_history", {{"finding_id", finding_id_}}).error().code, ErrorCode::not_found);
}

TEST_F(TriageToolsTest, ALongHistoryShowsItsNewestPart) {
  for (int i = 0; i < 4; ++i) call("update_finding_status", with(i % 2 == 0 ? "in_progress" : "open"));

  const Json history = call("get_finding_history", {{"finding_id", finding_id_}, {"limit", 2}});

  ASSERT_EQ(history["data"].size(), 2U);
  EXPECT_EQ(history["data"][1]["to"], "open");
  EXPECT_EQ(history["is_truncated"], true);
  EXPECT_EQ(call("get_finding_history", {{"finding_id", finding_id_}, {"limit", 5}})["is_truncated"], false);
}

}  // namespace
}  // namespace weir::tools
