// Approvals and what others wrote.
#include "tests/unit/playbook/playbook_lab.h"

namespace weir::tools::runs::testing {
namespace {

using OnError = agents::Step::OnError;

TEST(PlaybookPeopleTest, ApproveAlwaysMustAsk) {
  PlaybookLab lab;
  lab.step("a").approve = agents::Step::Approve::always;

  EXPECT_EQ(lab.run().kind, Kind::requires_action);
  EXPECT_TRUE(lab.wish("a").must_ask);
  EXPECT_TRUE(lab.effects.empty());
}

TEST(PlaybookPeopleTest, OtherBranchesGoOnUntilNothingElseCan) {
  PlaybookLab lab;
  lab.step("ask").approve = agents::Step::Approve::always;
  lab.step("after_ask");
  lab.step("free").needs = {};
  lab.step("after_free").needs = {"free"};
  lab.step("both").needs = {"ask", "free"};

  EXPECT_EQ(lab.run().kind, Kind::requires_action);
  EXPECT_EQ(lab.status_of("after_free"), "completed");
  EXPECT_EQ(lab.status_of("ask"), "begun");
  EXPECT_EQ(lab.status_of("after_ask"), "");
  EXPECT_EQ(lab.status_of("both"), "");
}

TEST(PlaybookPeopleTest, AfterApprovalTheRunGoesOnAndRepeatsNothing) {
  PlaybookLab lab;
  lab.step("first", "once");
  lab.step("ask", "once").approve = agents::Step::Approve::always;
  lab.step("last", "once");
  ASSERT_EQ(lab.run().kind, Kind::requires_action);
  ASSERT_EQ(lab.run().kind, Kind::requires_action) << "nobody has decided";

  lab.approve("ask");
  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::completed) << outcome.message;
  EXPECT_EQ(lab.effects, (std::multiset<std::string>{"ask", "first", "last"}));
  EXPECT_EQ(lab.events,
            (std::vector<std::string>{"begin first", "end first", "begin ask", "end ask", "begin last", "end last"}));
}

TEST(PlaybookPeopleTest, ADenialIsTheStepsFailure) {
  PlaybookLab lab;
  lab.step("ask").approve = agents::Step::Approve::always;
  lab.step("after");
  lab.run();

  lab.deny("ask");
  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.code, "denied_by_person");
  EXPECT_EQ(outcome.message, "step ask: no, thanks");
}

TEST(PlaybookPeopleTest, ADenialUnderContinueGoesOn) {
  PlaybookLab lab;
  lab.step("ask").approve = agents::Step::Approve::always;
  lab.steps().back().on_error = OnError::carry_on;
  lab.step("after", "read", {{"why", "${steps.ask.error.message}"}});
  lab.run();

  lab.deny("ask");

  EXPECT_EQ(lab.run().kind, Kind::completed);
  EXPECT_EQ(lab.wish("after").arguments.at("why"), "no, thanks");
}

TEST(PlaybookPeopleTest, EachItemIsDecidedAndOthersGoOn) {
  PlaybookLab lab;
  lab.agent.limits.max_parallel = 1;
  lab.step("each", "once").for_each = "[1, 2, 3]";
  lab.asks = [](const CallWish& wish) { return wish.key != "each[1]"; };

  ASSERT_EQ(lab.run().kind, Kind::requires_action);
  EXPECT_EQ(lab.effects, (std::multiset<std::string>{"each[1]"})) << "what waits takes no place";
  lab.approve("each[0]");
  ASSERT_EQ(lab.run().kind, Kind::requires_action);
  lab.approve("each[2]");
  ASSERT_EQ(lab.run().kind, Kind::completed);

  EXPECT_EQ(lab.effects, (std::multiset<std::string>{"each[0]", "each[1]", "each[2]"}));
}

TEST(PlaybookPeopleTest, AFailureElsewhereDoesNotWaitForADecision) {
  PlaybookLab lab;
  lab.step("ask").approve = agents::Step::Approve::always;
  lab.step("bad").needs = {};
  lab.answer = [](const CallWish&) { return CallOutcome{.key = "", .end = End::failed, .text = "broken"}; };

  const EngineOutcome outcome = lab.run();

  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.message, "step bad: broken");
  EXPECT_EQ(lab.status_of("ask"), "skipped");
}

TEST(PlaybookPeopleTest, ACallIsInfluencedIfAnArgumentReadsWhatOthersWrote) {
  PlaybookLab lab;
  lab.answer = [](const CallWish& wish) {
    return CallOutcome{.key = "", .result = {{"list", {"x"}}, {"id", 1}}, .is_tainted = wish.key == "page"};
  };
  lab.step("page");
  lab.step("clean");
  lab.step("reads", "read", {{"x", "${steps.page.result.id}"}});
  lab.step("status", "read", {{"x", "${steps.page.status}"}});
  lab.step("of_clean", "read", {{"x", "${steps.clean.result.id}"}});
  lab.step("decides", "read").when = "steps.page.result.id == 1";
  lab.step("item", "read", {{"x", "${item}"}}).for_each = "${steps.page.result.list}";
  lab.step("index", "read", {{"x", "${index}"}}).for_each = "${steps.page.result.list}";
  lab.step("onward", "read", {{"x", "${steps.reads.result.id}"}});

  ASSERT_EQ(lab.run().kind, Kind::completed);

  const std::map<std::string, bool> expected{{"page", false},   {"clean", false},    {"reads", true},
                                             {"status", false}, {"of_clean", false}, {"decides", false},
                                             {"item[0]", true}, {"index[0]", false}, {"onward", true}};
  for (const auto& [key, is_influenced] : expected) EXPECT_EQ(lab.wish(key).is_influenced, is_influenced) << key;
  EXPECT_TRUE(lab.step_records.at("page")->is_tainted);
  EXPECT_FALSE(lab.step_records.at("clean")->is_tainted);
  EXPECT_TRUE(lab.step_records.at("reads")->is_tainted) << "a tool may answer with what it was given";
}

TEST(PlaybookPeopleTest, InfluenceOutlivesTheProcess) {
  PlaybookLab lab;
  lab.answer = [](const CallWish& wish) {
    return CallOutcome{.key = "", .result = {{"id", 1}}, .is_tainted = wish.key == "page"};
  };
  lab.step("page");
  lab.step("ask", "read").approve = agents::Step::Approve::always;
  lab.step("reads", "read", {{"x", "${steps.page.result.id}"}});
  lab.run();

  lab.approve("ask");
  lab.run();

  EXPECT_TRUE(lab.wish("reads").is_influenced);
}

}  // namespace
}  // namespace weir::tools::runs::testing
