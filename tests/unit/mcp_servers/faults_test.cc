// Servers that are broken, hostile or gone, and approvals that must survive all of it.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "store/audit_store.h"
#include "store/mcp_servers_store.h"
#include "tests/unit/mcp_servers/served.h"

namespace weir::tools::mcp_servers {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class FaultsTest : public SetFixture {
 protected:
  // The problem that the server ends up with.
  std::string problem_of(ServerSpec spec) {
    const auto set = started(std::move(spec));
    EXPECT_TRUE(reaches(*set, ServerState::failing));
    return view(*set).problem;
  }
  std::string http_problem(const std::string& fault) {
    const HttpServed served({"--fault", fault});
    return problem_of(http_spec(served.url()));
  }
};

TEST_F(FaultsTest, NothingIsCallableBeforeItIsApproved) {
  const auto set = started(stdio_spec({}));
  ASSERT_TRUE(reaches(*set, ServerState::unapproved));

  const auto answer = call(*set, "echo", {{"message", "x"}});

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::conflict);
  EXPECT_THAT(answer.error().message, HasSubstr("have not been approved"));
  EXPECT_TRUE(set->tools().empty());
}

TEST_F(FaultsTest, AnApprovalOutlivesARestartAndServesBeforeTheConnectionStands) {
  auto set = started(stdio_spec({}));
  approve(*set);
  set.reset();

  set = started(stdio_spec({}));
  const bool has_tools_at_once = set->find("other__echo").has_value();
  const auto answer = call(*set, "echo", {{"message", "again"}});

  EXPECT_TRUE(has_tools_at_once);
  ASSERT_TRUE(answer) << answer.error().message;
}

TEST_F(FaultsTest, WhatChangedWhileNobodyLookedIsNoticedAtTheStart) {
  const std::string changed = (folder_.path() / "changed").string();
  auto set = started(stdio_spec({"--changed", changed}));
  approve(*set);
  ASSERT_TRUE(call(*set, "change"));
  set.reset();

  set = started(stdio_spec({"--changed", changed}));

  EXPECT_TRUE(reaches(*set, ServerState::changed));
  EXPECT_FALSE(call(*set, "echo", {{"message", "x"}}));
}

TEST_F(FaultsTest, AChangeLeavesOneAuditRowForThoseWhoApproved) {
  const std::string changed = (folder_.path() / "changed").string();
  times_.list_again = milliseconds{50};
  const auto here = started(stdio_spec({"--changed", changed}));
  const auto there = started(stdio_spec({"--changed", changed}));
  approve(*here);
  ASSERT_TRUE(reaches(*there, ServerState::approved));

  std::ofstream(changed) << "changed";
  ASSERT_TRUE(reaches(*here, ServerState::changed));
  ASSERT_TRUE(reaches(*there, ServerState::changed));
  const auto rows =
      database_->read_for([](store::Transaction& transaction) { return store::list_audit(transaction, "acc_1", 10); });

  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->front().action, "mcp_server.changed");
  EXPECT_EQ(rows->front().actor, "mcp:other");
  EXPECT_EQ(rows->front().data.at("changed"), (Json{"echo"}));
}

TEST_F(FaultsTest, AnApprovalLeavesAnAuditRow) {
  const auto set = started(stdio_spec({}));
  approve(*set);

  const auto rows =
      database_->read_for([](store::Transaction& transaction) { return store::list_audit(transaction, "acc_1", 10); });

  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().action, "mcp_server.approved");
  EXPECT_EQ(rows->front().actor, "key_1");
  EXPECT_EQ(rows->front().data.at("sha256"), view(*set).seen->sha256());
}

TEST_F(FaultsTest, AnApprovalOnAnotherNodeIsNoticed) {
  times_.look_again = milliseconds{50};
  const auto here = started(stdio_spec({}));
  const auto there = started(stdio_spec({}));
  ASSERT_TRUE(reaches(*there, ServerState::unapproved));

  approve(*here);

  EXPECT_TRUE(reaches(*there, ServerState::approved));
}

TEST_F(FaultsTest, AListThatSomebodyWroteIntoTheTableIsNoApproval) {
  auto set = started(stdio_spec({}));
  approve(*set);
  const std::string hash = view(*set).seen->sha256();
  set.reset();
  const Json other = {{{"name", "rm"}, {"description", "Deletes."}, {"inputSchema", {{"type", "object"}}}}};
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) {
    store::McpServerRow row;
    row.alias = "other";
    row.seen_sha256 = hash;
    row.tools = {{"seen", other}, {"approved", other}};
    return store::put_seen_mcp_server(transaction, row);
  }));

  set = started(stdio_spec({"--fault", "silent"}));

  EXPECT_TRUE(set->tools().empty());
}

TEST_F(FaultsTest, ACrashIsToldWithItsLastWordsAndTheProgramIsStartedAgain) {
  const auto set = started(stdio_spec({}));
  approve(*set);

  const auto crashed = call(*set, "crash");
  const bool is_back = testing::eventually([&] { return call(*set, "echo", {{"message", "x"}}).has_value(); });

  ASSERT_FALSE(crashed);
  EXPECT_EQ(crashed.error().code, ErrorCode::unavailable);
  EXPECT_THAT(crashed.error().message, HasSubstr("out of cheese"));
  EXPECT_THAT(crashed.error().message, ::testing::Not(HasSubstr("ghij0123456789abcdef")));
  EXPECT_TRUE(is_back);
}

TEST_F(FaultsTest, LinesThatAreNoMessagesAreLeftOut) {
  const auto set = started(stdio_spec({}));
  approve(*set);

  const auto answer = call(*set, "stray");

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured.at("text"), "after the noise");
}

TEST_F(FaultsTest, AProgramThatPrintsNothingButGarbageFails) {
  EXPECT_THAT(problem_of(stdio_spec({"--fault", "garbage"})),
              HasSubstr("lines to its standard output that are no messages"));
}

TEST_F(FaultsTest, ASilentProgramFailsInTime) {
  times_.connect_timeout = milliseconds{1'000};
  EXPECT_THAT(problem_of(stdio_spec({"--fault", "silent"})), HasSubstr("did not answer"));
}

TEST_F(FaultsTest, AProgramThatEndsAtOnceIsTriedAtGrowingIntervals) {
  const auto set = started(stdio_spec({"--fault", "ends"}));

  EXPECT_TRUE(testing::eventually([&] { return view(*set).failures >= 3; }, std::chrono::seconds{20}));
  EXPECT_THAT(view(*set).problem, HasSubstr("what is that"));
}

TEST_F(FaultsTest, AnOldProgramThatEndsAtAnUnknownMessageIsStartedAgainForTheHandshake) {
  const auto set = started(stdio_spec({"--fault", "old"}));
  approve(*set);

  EXPECT_TRUE(call(*set, "echo", {{"message", "old"}}));
  EXPECT_EQ(view(*set).revision, "2025-11-25");
}

TEST_F(FaultsTest, OlderRevisionsAreSpoken) {
  for (const char* revision : {"2025-06-18", "2025-03-26", "2024-11-05"}) {
    const auto set = started(stdio_spec({"--revision", revision}));
    approve(*set);
    EXPECT_TRUE(call(*set, "echo", {{"message", revision}})) << revision;
    EXPECT_EQ(view(*set).revision, revision);
  }
}

TEST_F(FaultsTest, AnUnknownRevisionIsNamed) {
  EXPECT_THAT(problem_of(stdio_spec({"--revision", "2031-01-01"})), HasSubstr("2031-01-01"));
}

TEST_F(FaultsTest, AProgramThatIsNotThereIsNamed) {
  ServerSpec spec = stdio_spec({});
  spec.command = {"/nowhere/at/all"};

  EXPECT_THAT(problem_of(spec), HasSubstr("/nowhere/at/all"));
}

TEST_F(FaultsTest, TooManyToolsAreRefused) {
  EXPECT_THAT(problem_of(stdio_spec({"--tools", "120"})), HasSubstr("more than 128 tools"));
}

TEST_F(FaultsTest, AProgramGetsOnlyWhatItWasGiven) {
  setenv("WEIR_TEST_SECRET", "hidden", 1);
  ServerSpec spec = stdio_spec({});
  spec.environment = {{"GIVEN", "a value"}};
  spec.folder = "/tmp";
  const auto set = started(std::move(spec));
  approve(*set);

  const auto answer = call(*set, "environment");

  ASSERT_TRUE(answer) << answer.error().message;
  const auto seen = parse_json(answer->structured.at("text").get<std::string>());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->at("value"), "a value");
  EXPECT_EQ(seen->at("folder"), "/tmp");
  EXPECT_TRUE(seen->at("group"));
  for (const Json& name : seen->at("variables")) EXPECT_NE(name, "WEIR_TEST_SECRET");
  // Standard input, output and error, and the listing's own.
  EXPECT_EQ(seen->at("files"), 4);
}

TEST_F(FaultsTest, StoppingEndsTheProgramAndWhatItStarted) {
  const std::string file = (folder_.path() / "pids").string();
  ServerSpec spec = stdio_spec({});
  // A program that ignores the end of its input, and one that it has started.
  spec.command = {"/bin/sh", "-c",
                  "trap '' TERM; sleep 300 & echo $! >> " + file + "; echo $$ >> " + file + "; wait; sleep 300"};
  auto set = started(spec);
  const auto pids = [&] {
    std::ifstream lines(file);
    return std::vector<int>(std::istream_iterator<int>(lines), std::istream_iterator<int>());
  };
  ASSERT_TRUE(testing::eventually([&] { return pids().size() == 2; }));
  const std::vector<int> started_pids = pids();

  set.reset();

  for (const int pid : started_pids) {
    EXPECT_TRUE(testing::eventually([&] { return kill(pid, 0) != 0; })) << pid;
  }
}

TEST_F(FaultsTest, RedirectsAreNotFollowed) {
  EXPECT_THAT(http_problem("redirect"), HasSubstr("redirects (HTTP 302) to http://evil.example/mcp"));
}

TEST_F(FaultsTest, AWebPageIsRecognised) { EXPECT_THAT(http_problem("html"), HasSubstr("text/html")); }

TEST_F(FaultsTest, GarbageInAStreamIsNamed) { EXPECT_THAT(http_problem("garbage"), HasSubstr("not valid JSON")); }

TEST_F(FaultsTest, RefusedCredentialsAreNamed) { EXPECT_THAT(http_problem("denied"), HasSubstr("credentials")); }

TEST_F(FaultsTest, AServerThatIsDownIsQuoted) { EXPECT_THAT(http_problem("ends"), HasSubstr("down for repairs")); }

TEST_F(FaultsTest, ASilentHttpServerFailsInTime) {
  times_.connect_timeout = milliseconds{1'000};
  EXPECT_THAT(http_problem("silent"), HasSubstr("timed out"));
}

TEST_F(FaultsTest, AForgottenSessionIsBegunAgainAndTheCallIsMade) {
  const HttpServed served({"--fault", "forgets"});
  const auto set = started(http_spec(served.url()));
  approve(*set);

  for (int i = 0; i < 4; ++i) {
    const auto answer = call(*set, "echo", {{"message", "again"}});
    EXPECT_TRUE(answer) << answer.error().message;
  }
}

TEST_F(FaultsTest, AStreamThatBreaksOffIsTakenUpAgain) {
  const HttpServed served({"--fault", "once"});
  const auto set = started(http_spec(served.url()));
  approve(*set);

  const auto answer = call(*set, "echo", {{"message", "twice"}});

  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->structured.at("text"), "Echo: twice");
}

TEST_F(FaultsTest, ItsOwnListenerIsNoExternalServer) {
  const HttpServed served({});
  ServerSpec spec = http_spec(served.url());
  own_port_ = spec.url->port;

  const std::string problem = problem_of(std::move(spec));

  EXPECT_FALSE(problem.empty());
}

TEST_F(FaultsTest, ANameThatLeadsToThisMachineIsRefused) {
  // The operator wrote a name of others; only a URL that says localhost may reach this machine.
  class Here final : public egress::Resolver {
    Result<std::vector<egress::IpAddress>> resolve(const std::string&) override {
      return std::vector<egress::IpAddress>{*egress::IpAddress::parse("127.0.0.1")};
    }
  };
  resolver_ = std::make_unique<Here>();

  const std::string problem = problem_of(http_spec("https://tools.example/mcp"));

  EXPECT_THAT(problem, HasSubstr("The MCP server other may not be reached"));
  EXPECT_THAT(problem, HasSubstr("loopback"));
}

TEST_F(FaultsTest, AnUnknownAliasIsAnsweredWithThoseThatThereAre) {
  const auto set = started(stdio_spec({}));

  const auto approved = set->approve("nobody", "00", "acc_1", "key_1");

  ASSERT_FALSE(approved);
  EXPECT_THAT(approved.error().message, HasSubstr("There are: other."));
}

}  // namespace
}  // namespace weir::tools::mcp_servers
