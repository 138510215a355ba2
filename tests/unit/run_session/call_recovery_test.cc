// A run that is taken up again: after a restart, after a decision. Nothing is made twice.
#include "tests/unit/run_session/run_lab.h"

namespace weir::tools::runs {
namespace {

using agents::AgentKind;
using CallRecoveryTest = RunLab;

void decide(store::ToolCallRow& row, const std::string& decision) {
  row.approval["decision"] = decision;
  row.approval["decided_by"] = "key_2";
  row.status = decision == "allow" ? "pending" : "denied";
}

TEST_F(CallRecoveryTest, ACallThatHasEndedIsAnsweredFromTheRecord) {
  const std::string id = running();
  Json first;
  {
    Stint stint(*this, id);
    first = stint.call("scan", "get_scan").result;
  }
  const auto events = types(id);
  Stint again(*this, id);

  const CallOutcome outcome = again.call("scan", "get_scan");

  EXPECT_EQ(outcome.result, first);
  EXPECT_TRUE(outcome.is_recorded);
  EXPECT_EQ(caller_.made().size(), 1U);
  EXPECT_EQ(types(id), events);
}

TEST_F(CallRecoveryTest, ACallOfADeadProcessIsMadeAgainUnderItsIdIfItsToolMayBeRepeated) {
  const std::string id = running();
  {
    Stint stint(*this, id);
    caller_.answers("create_scan", LabCaller::never);
    CallWish wish;
    wish.key = "scan";
    wish.tool = "create_scan";
    must(stint.session.start_call(std::move(wish)));
  }
  caller_.answers_in_turn("create_scan", {answer({{"id", "scn_1"}})});
  Stint again(*this, id);

  const CallOutcome outcome = again.call("scan", "create_scan");

  EXPECT_EQ(outcome.end, End::completed);
  ASSERT_EQ(caller_.made().size(), 2U);
  EXPECT_EQ(caller_.made()[0].tool_call_id, caller_.made()[1].tool_call_id);
  EXPECT_EQ(calls(id).size(), 1U);
  EXPECT_EQ(calls(id).back().attempts, 2);
}

TEST_F(CallRecoveryTest, ACallOfADeadProcessThatMustNotBeRepeatedIsInterruptedEachTimeItIsAskedFor) {
  const std::string id = running();
  {
    Stint stint(*this, id);
    caller_.answers("bump", LabCaller::never);
    CallWish wish;
    wish.key = "b";
    wish.tool = "bump";
    must(stint.session.start_call(std::move(wish)));
  }
  for (int i = 0; i < 2; ++i) {
    Stint again(*this, id);
    const CallOutcome outcome = again.call("b", "bump");
    EXPECT_EQ(outcome.end, End::interrupted);
    EXPECT_EQ(outcome.error_code, "server_restarted");
  }
  EXPECT_EQ(caller_.made().size(), 1U);
  EXPECT_EQ(calls(id).back().status, "failed");
}

TEST_F(CallRecoveryTest, ACallThatTheRateLimitHadRefusedWasNotMadeAndIsMadeNow) {
  const std::string id = running();
  {
    Stint stint(*this, id);
    caller_.answers("bump", [](const ToolInvocation&, const ToolCaller::Callbacks& callbacks) {
      callbacks.done(Error(ErrorCode::rate_limit_exceeded, "Later.").retry_in(std::chrono::seconds{60}));
    });
    CallWish wish;
    wish.key = "b";
    wish.tool = "bump";
    must(stint.session.start_call(std::move(wish)));
    EXPECT_FALSE(stint.session.next_call(clock_.steady_now() + std::chrono::milliseconds{20}).has_value());
    EXPECT_EQ(calls(id).back().status, "pending");
  }
  caller_.answers_in_turn("bump", {answer(Json::object())});
  Stint again(*this, id);

  EXPECT_EQ(again.call("b", "bump").end, End::completed);
}

TEST_F(CallRecoveryTest, ACallThatWaitedForAPlaceIsMadeOnce) {
  const std::string id =
      running(AgentKind::playbook, {}, [](agents::AgentDefinition& agent) { agent.limits.max_parallel = 1; });
  {
    Stint stint(*this, id);
    caller_.answers("get_scan", LabCaller::never);
    for (const char* key : {"a", "b"}) {
      CallWish wish;
      wish.key = key;
      wish.tool = key == std::string("a") ? "get_scan" : "bump";
      must(stint.session.start_call(std::move(wish)));
    }
  }
  caller_.answers_in_turn("get_scan", {answer(Json::object())});
  Stint again(*this, id);

  EXPECT_EQ(again.call("b", "bump").end, End::completed);
  EXPECT_EQ(caller_.count("bump"), 1U);
}

TEST_F(CallRecoveryTest, WhatAPersonHasNotDecidedStillWaits) {
  const std::string id = running(AgentKind::model);
  { Stint(*this, id).call("a", "create_scan"); }
  Stint again(*this, id);

  EXPECT_EQ(again.call("a", "create_scan").end, End::awaiting_approval);
  EXPECT_TRUE(caller_.made().empty());
}

TEST_F(CallRecoveryTest, WhatAPersonAllowedIsMadeWithTheArgumentsThatTheySaw) {
  const std::string id = running(AgentKind::model);
  { Stint(*this, id).call("a", "create_scan", {{"target_id", "tgt_1"}}); }
  update_call(id, [](store::ToolCallRow& row) { decide(row, "allow"); });
  Stint again(*this, id);

  // What the engine says now does not count.
  const CallOutcome outcome = again.call("a", "create_scan", {{"target_id", "tgt_other"}});

  EXPECT_EQ(outcome.end, End::completed);
  ASSERT_EQ(caller_.made().size(), 1U);
  EXPECT_EQ(caller_.made()[0].arguments["target_id"], "tgt_1");
}

TEST_F(CallRecoveryTest, WhatAPersonEditedIsMadeAsEdited) {
  const std::string id = running(AgentKind::model);
  { Stint(*this, id).call("a", "create_scan", {{"target_id", "tgt_1"}}); }
  update_call(id, [](store::ToolCallRow& row) {
    decide(row, "allow");
    row.approval["edited_arguments"] = {{"target_id", "tgt_2"}};
    row.approval["edited_arguments_sha256"] = arguments_hash({{"target_id", "tgt_2"}});
  });
  Stint again(*this, id);

  EXPECT_EQ(again.call("a", "create_scan", {{"target_id", "tgt_1"}}).end, End::completed);
  EXPECT_EQ(caller_.made().at(0).arguments["target_id"], "tgt_2");
}

TEST_F(CallRecoveryTest, ArgumentsThatAreNotTheApprovedOnesAreNotExecuted) {
  const std::string id = running(AgentKind::model);
  { Stint(*this, id).call("a", "create_scan", {{"target_id", "tgt_1"}}); }
  update_call(id, [](store::ToolCallRow& row) {
    decide(row, "allow");
    row.approval["edited_arguments"] = {{"target_id", "tgt_evil"}};
    row.approval["edited_arguments_sha256"] = arguments_hash({{"target_id", "tgt_2"}});
  });
  Stint again(*this, id);

  const CallOutcome outcome = again.call("a", "create_scan", {{"target_id", "tgt_1"}});

  EXPECT_EQ(outcome.end, End::failed);
  EXPECT_EQ(outcome.error_code, "conflict");
  EXPECT_TRUE(caller_.made().empty());
}

TEST_F(CallRecoveryTest, WhatAPersonDeniedIsNotMadeAndTheReasonIsHeard) {
  const std::string id = running(AgentKind::model);
  { Stint(*this, id).call("a", "create_scan"); }
  update_call(id, [](store::ToolCallRow& row) {
    decide(row, "deny");
    row.approval["deny_reason"] = "Not on a Friday.";
  });
  Stint again(*this, id);

  const CallOutcome outcome = again.call("a", "create_scan");

  EXPECT_EQ(outcome.end, End::denied);
  EXPECT_NE(outcome.text.find("Not on a Friday."), std::string::npos);
  EXPECT_TRUE(caller_.made().empty());
}

TEST_F(CallRecoveryTest, AnApprovedToolThatIsGoneFails) {
  const std::string id = running(AgentKind::model);
  directory_.add("gone", {.is_read_only = false});
  const std::string run = running(AgentKind::model, {{.name = "gone", .policy = agents::Policy::ask}});
  { Stint(*this, run).call("a", "gone"); }
  update_call(run, [](store::ToolCallRow& row) { decide(row, "allow"); });
  directory_ = LabDirectory();
  Stint again(*this, run);

  EXPECT_EQ(again.call("a", "gone").error_code, "not_found");
}

}  // namespace
}  // namespace weir::tools::runs
