#include "tests/unit/runs/runs_fixture.h"

namespace weir::tools::runs {
namespace {

using ::testing::HasSubstr;

class RunDecisionsTest : public RunToolsTest {
 protected:
  RunDecisionsTest() {
    add_agent("triage", model());
    run_ = started("triage");
    first_ = ask(run_, "one");
    second_ = ask(run_, "two", {{"finding_id", "fnd_2"}, {"status", "fixed"}});
    hold(run_, {first_, second_});
    jobs_before_ = queued_jobs(run_).size();
  }
  [[nodiscard]] std::vector<store::AuditRow> audit() {
    return must(
        database_->read_for([&](store::Transaction& t) { return store::list_audit(t, alice_->account_id, 10); }));
  }

  std::string run_;
  std::string first_;
  std::string second_;
  std::size_t jobs_before_ = 0;
};

TEST_F(RunDecisionsTest, ARunSaysWhatItWaitsForAndWhoDecides) {
  const auto result = call_as(alice_, "get_run", {{"run_id", run_}});

  ASSERT_TRUE(result);
  const Json& action = result->structured["required_action"];
  EXPECT_EQ(action["tool_call_ids"], (Json{first_, second_}));
  ASSERT_EQ(action["calls"].size(), 2U);
  EXPECT_EQ(action["calls"][0]["arguments"]["finding_id"], "fnd_1");
  EXPECT_EQ(action["calls"][0]["arguments_sha256"], call_row(run_, first_).arguments_sha256);
  EXPECT_THAT(result->summary, HasSubstr(first_));
  EXPECT_THAT(result->summary, HasSubstr("do not decide for them"));
  EXPECT_TRUE(result->structured["next_poll_s"].is_null());
}

TEST_F(RunDecisionsTest, ARunGoesOnOnceEveryCallIsDecided) {
  const Json half = respond(run_, {decision(run_, first_, "allow")});
  EXPECT_EQ(half["status"], "requires_action");
  EXPECT_EQ(half["required_action"]["tool_call_ids"], (Json{second_}));
  EXPECT_EQ(queued_jobs(run_).size(), jobs_before_);

  Json deny = decision(run_, second_, "deny");
  deny["reason"] = "It is not fixed.";
  const Json all = respond(run_, {deny});

  EXPECT_EQ(all["status"], "queued");
  EXPECT_TRUE(all["required_action"].is_null());
  EXPECT_EQ(queued_jobs(run_).size(), jobs_before_ + 1);
  const store::ToolCallRow allowed = call_row(run_, first_);
  const store::ToolCallRow denied = call_row(run_, second_);
  EXPECT_EQ(state_of(allowed), CallState::approved);
  EXPECT_TRUE(is_as_approved(allowed));
  EXPECT_EQ(allowed.approval["decided_by"], alice_->key_id);
  EXPECT_EQ(denied.status, "denied");
  EXPECT_THAT(outcome_of(denied).text, HasSubstr("It is not fixed."));
  EXPECT_EQ(event_types(run_), (std::vector<std::string>{"run.queued", "tool_call.approved", "run.requires_action",
                                                         "tool_call.denied", "run.status"}));
}

TEST_F(RunDecisionsTest, EachDecisionIsInTheAudit) {
  respond(run_, {decision(run_, first_, "allow"), decision(run_, second_, "deny")});

  const auto rows = audit();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].action, "run.tool_approved");
  EXPECT_EQ(rows[1].subject, first_);
  EXPECT_EQ(rows[1].actor, alice_->key_id);
  EXPECT_EQ(rows[1].data["arguments_sha256"], call_row(run_, first_).arguments_sha256);
  EXPECT_EQ(rows[0].action, "run.tool_denied");
}

TEST_F(RunDecisionsTest, AnotherHashIsRefusedAndThenNothingIsDecided) {
  Json wrong = decision(run_, second_, "allow");
  wrong["arguments_sha256"] = std::string(64, 'a');

  const Error error = respond_refused(run_, {decision(run_, first_, "allow"), wrong});

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr(call_row(run_, second_).arguments_sha256));
  EXPECT_EQ(call_row(run_, first_).status, "awaiting_approval");
  EXPECT_TRUE(audit().empty());
  EXPECT_EQ(stored(run_).status, "requires_action");
}

TEST_F(RunDecisionsTest, ADecisionWithoutAHashIsNone) {
  const Error error = respond_refused(run_, {Json{{"tool_call_id", first_}, {"decision", "allow"}}});

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
}

TEST_F(RunDecisionsTest, EditedArgumentsAreWhatIsExecutedUnderAHashOfTheirOwn) {
  Json edit = decision(run_, first_, "allow");
  edit["edited_arguments"] = {{"finding_id", "fnd_1"}, {"status", "fixed"}};

  respond(run_, {edit, decision(run_, second_, "deny")});

  const store::ToolCallRow call = call_row(run_, first_);
  EXPECT_EQ(arguments_to_make(call)["status"], "fixed");
  EXPECT_EQ(call.arguments["status"], "accepted_risk");
  EXPECT_EQ(call.approval["edited_arguments_sha256"], arguments_hash(edit["edited_arguments"]));
  EXPECT_TRUE(is_as_approved(call));
}

TEST_F(RunDecisionsTest, EditedArgumentsThatChangeNothingAreNoEdit) {
  Json same = decision(run_, first_, "allow");
  same["edited_arguments"] = call_row(run_, first_).arguments;

  respond(run_, {same});

  EXPECT_FALSE(call_row(run_, first_).approval.contains("edited_arguments"));
}

TEST_F(RunDecisionsTest, EditedArgumentsMustFitTheTool) {
  Json edit = decision(run_, first_, "allow");
  edit["edited_arguments"] = {{"finding_id", "fnd_1"}, {"status", "gone"}};

  const Error wrong = respond_refused(run_, {edit});
  EXPECT_EQ(wrong.code, ErrorCode::validation_failed);
  EXPECT_EQ(wrong.fields.at(0).field, "decisions[0].edited_arguments.status");
  Json denied = edit;
  denied["decision"] = "deny";
  EXPECT_EQ(respond_refused(run_, {denied}).fields.at(0).field, "decisions[0].edited_arguments");
  directory_.clear();
  EXPECT_EQ(respond_refused(run_, {edit}).code, ErrorCode::conflict);
  EXPECT_EQ(call_row(run_, first_).status, "awaiting_approval");
}

TEST_F(RunDecisionsTest, ACallIsDecidedOnce) {
  const Json allow = decision(run_, first_, "allow");
  EXPECT_EQ(respond_refused(run_, {allow, allow}).code, ErrorCode::validation_failed);
  respond(run_, {allow});

  const Error again = respond_refused(run_, {decision(run_, first_, "deny")});

  EXPECT_EQ(again.code, ErrorCode::conflict);
  EXPECT_THAT(again.message, HasSubstr("allowed by " + alice_->key_id));
  EXPECT_EQ(call_row(run_, first_).status, "pending");
}

TEST_F(RunDecisionsTest, OfARunThatIsStillRunningTheDecisionIsKept) {
  change_run(run_, [](store::RunRow& run) { run.status = "running"; });

  const Json run = respond(run_, {decision(run_, first_, "allow"), decision(run_, second_, "allow")});

  EXPECT_EQ(run["status"], "running");
  EXPECT_EQ(call_row(run_, first_).status, "pending");
  EXPECT_EQ(queued_jobs(run_).size(), jobs_before_);
}

TEST_F(RunDecisionsTest, OthersAndCallsOfOtherRunsAreNotFound) {
  const Json arguments = {{"run_id", run_}, {"decisions", Json::array({decision(run_, first_, "allow")})}};
  EXPECT_EQ(refusal_for(bob_, "respond_run", arguments).code, ErrorCode::not_found);

  const std::string other = started("triage");
  const std::string elsewhere = ask(other);
  EXPECT_EQ(respond_refused(run_, {decision(other, elsewhere, "allow")}).code, ErrorCode::not_found);
}

TEST_F(RunDecisionsTest, ARunThatDoesNotWaitCannotBeDecidedAbout) {
  change_run(run_, [](store::RunRow& run) { run.status = "completed"; });

  const Error error = respond_refused(run_, {decision(run_, first_, "allow")});

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("completed"));
}

TEST_F(RunDecisionsTest, AnExpiredRunCannotBeDecidedAbout) {
  change_run(run_, [&](store::RunRow& run) { run.deadline_at = clock_.now() - std::chrono::seconds{1}; });

  const Error error = respond_refused(run_, {decision(run_, first_, "allow")});

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("expired"));
  EXPECT_EQ(stored(run_).status, "expired");
  EXPECT_EQ(call_row(run_, first_).status, "skipped");
}

TEST_F(RunDecisionsTest, NoRunDecidesWhateverItsKeyMayDo) {
  const Json arguments = {{"run_id", run_}, {"decisions", Json::array({decision(run_, first_, "allow")})}};

  EXPECT_EQ(refusal_in_run("respond_run", arguments).code, ErrorCode::forbidden);

  EXPECT_EQ(call_row(run_, first_).status, "awaiting_approval");
  const Tool* tool = catalog_->find("respond_run");
  EXPECT_EQ(tool->scope, Scope::runs_approve);
  EXPECT_TRUE(tool->annotations.is_destructive);
  const std::vector<std::string> broad = {"read", "write"};
  EXPECT_FALSE(Scopes::parse(broad)->allows(Scope::runs_approve)) << "the shorthands must not let a key approve";
}

}  // namespace
}  // namespace weir::tools::runs
