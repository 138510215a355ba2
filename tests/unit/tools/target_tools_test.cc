#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

using TargetToolsTest = ToolsTest;

TEST_F(TargetToolsTest, RegistersALoopbackTargetThatMayBeScannedWithEveryProfile) {
  const Json target = call("create_target", {{"url", "http://LOCALHOST:9000"},
                                             {"attest", "I own this machine"},
                                             {"name", "mine"},
                                             {"tags", {"dev"}},
                                             {"expected_ports", {443, 80, 80}}});

  EXPECT_EQ(target["url"], "http://localhost:9000/");
  EXPECT_EQ(target["visibility"], "loopback");
  EXPECT_EQ(target["attestation"]["text"], "I own this machine");
  EXPECT_EQ(target["attestation"]["by"], alice_->key_id);
  EXPECT_EQ(target["verification"]["state"], "verified");
  EXPECT_EQ(target["allowed_profiles"], Json({"passive", "quick", "full", "custom"}));
  EXPECT_EQ(target["expected_ports"], Json({80, 443}));
  EXPECT_EQ(target["is_self"], false);
  EXPECT_TRUE(target["is_new"]);
}

TEST_F(TargetToolsTest, TheSameUrlAgainIsTheSameTarget) {
  const Json first = call("create_target", {{"url", "http://localhost:9000/"}, {"attest", true}});
  const Json second = call("create_target", {{"url", "HTTP://Localhost:9000"}, {"attest", true}});

  EXPECT_EQ(second["id"], first["id"]);
  EXPECT_FALSE(second["is_new"]);
  EXPECT_EQ(call("list_targets", Json::object())["data"].size(), 1U);
}

TEST_F(TargetToolsTest, AnotherAccountMayRegisterTheSameUrl) {
  const std::string id = make_target();

  EXPECT_NE(call_as(bob_, "create_target", {{"url", "http://127.0.0.1:9/"}, {"attest", true}})->structured["id"], id);
}

TEST_F(TargetToolsTest, TheServersOwnAddressIsMarkedAsSelfUnderAnyLoopbackName) {
  EXPECT_TRUE(call("create_target", {{"url", "http://127.0.0.1:8080/"}, {"attest", true}})["is_self"]);
  EXPECT_TRUE(call("create_target", {{"url", "http://localhost:8080/"}, {"attest", true}})["is_self"]);
}

TEST_F(TargetToolsTest, WithoutAnAttestationNothingIsRegistered) {
  for (const Json& attest : {Json(false), Json("   ")}) {
    const Error error = refusal("create_target", {{"url", "http://localhost/"}, {"attest", attest}});
    EXPECT_EQ(error.code, ErrorCode::validation_failed);
    EXPECT_EQ(error.fields[0].field, "attest");
  }
  EXPECT_EQ(refusal("create_target", {{"url", "http://localhost/"}}).fields[0].field, "attest");
  EXPECT_EQ(call("list_targets", Json::object())["data"].size(), 0U);
}

TEST_F(TargetToolsTest, DangerousAddressesAreRefused) {
  for (const char* url : {"http://169.254.169.254/", "http://sneaky.example/", "http://10.0.0.1/", "http://[fe80::1]/",
                          "http://metadata.google.internal/"}) {
    EXPECT_EQ(refusal("create_target", {{"url", url}, {"attest", true}}).code, ErrorCode::address_not_allowed) << url;
  }
  for (const char* url :
       {"http://0x7f.1/", "http://2130706433/", "ftp://localhost/", "http://user:pw@localhost/", "localhost"}) {
    const Error error = refusal("create_target", {{"url", url}, {"attest", true}});
    EXPECT_EQ(error.code, ErrorCode::validation_failed) << url;
    ASSERT_FALSE(error.fields.empty()) << url;
    EXPECT_EQ(error.fields[0].field, "url");
  }
}

TEST_F(TargetToolsTest, ANameThatDoesNotResolveIsRefusedWithAdvice) {
  const Error error = refusal("create_target", {{"url", "http://no.such.example/"}, {"attest", true}});

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  EXPECT_NE(error.message.find("does not resolve"), std::string::npos);
}

TEST_F(TargetToolsTest, ScopeHostsAreBareNames) {
  const Error error =
      refusal("create_target",
              {{"url", "http://localhost/"}, {"attest", true}, {"scope_hosts", {"www.example.com", "http://x/"}}});
  EXPECT_EQ(error.fields[0].field, "scope_hosts[1]");
  EXPECT_EQ(call("create_target", {{"url", "http://localhost/"},
                                   {"attest", true},
                                   {"scope_hosts", {"WWW.example.com", "www.example.com"}}})["scope_hosts"],
            Json({"www.example.com"}));
}

TEST_F(TargetToolsTest, WhetherAPublicTargetIsProvenByAStatementIsTheOperatorsChoice) {
  settings_.are_public_targets_verified_by_attestation = false;
  const Json unproven = call("create_target", {{"url", "https://public.example/"}, {"attest", true}});
  settings_.are_public_targets_verified_by_attestation = true;
  const Json proven = call("create_target", {{"url", "https://www.public.example/"}, {"attest", true}});

  EXPECT_EQ(unproven["visibility"], "public");
  EXPECT_EQ(unproven["allowed_profiles"], Json({"passive"}));
  EXPECT_EQ(proven["allowed_profiles"].size(), 4U);
  EXPECT_EQ(refusal("create_scan", {{"target_id", unproven["id"]}, {"profile", "quick"}}).code,
            ErrorCode::target_not_verified);
}

TEST_F(TargetToolsTest, TheNumberOfTargetsIsBounded) {
  settings_.targets_per_account_max = 1;
  make_target();

  const Error error = refusal("create_target", {{"url", "http://localhost:2/"}, {"attest", true}});

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_NE(error.message.find("delete_target"), std::string::npos);
}

TEST_F(TargetToolsTest, ListsPageByPageNewestFirst) {
  std::vector<std::string> made;
  for (int port = 1; port <= 5; ++port) made.push_back(make_target("http://localhost:" + std::to_string(port) + "/"));
  std::vector<std::string> seen;
  Json arguments = {{"limit", 2}};
  int pages = 0;
  while (true) {
    const Json page = call("list_targets", arguments);
    ++pages;
    for (const Json& target : page["data"]) seen.push_back(target["id"]);
    if (page["next_cursor"].is_null()) break;
    arguments["cursor"] = page["next_cursor"];
  }
  std::reverse(made.begin(), made.end());

  EXPECT_EQ(seen, made);
  EXPECT_EQ(pages, 3);
}

TEST_F(TargetToolsTest, DeletingNeedsTheHostAndNoActiveScan) {
  const std::string id = make_target();

  EXPECT_EQ(refusal("delete_target", {{"target_id", id}, {"confirm_host", "other"}}).fields[0].field, "confirm_host");
  const std::string scan_id = call("create_scan", {{"target_id", id}, {"profile", "passive"}})["id"];
  EXPECT_EQ(refusal("delete_target", {{"target_id", id}, {"confirm_host", "127.0.0.1"}}).code, ErrorCode::target_busy);
  call("cancel_scan", {{"scan_id", scan_id}});

  EXPECT_TRUE(call("delete_target", {{"target_id", id}, {"confirm_host", "127.0.0.1"}})["deleted"]);
  EXPECT_EQ(refusal("get_target", {{"target_id", id}}).code, ErrorCode::not_found);
  EXPECT_EQ(status_of(scan_id), "cancelled");
  EXPECT_FALSE(call("get_report", {{"scan_id", scan_id}})["text"].get<std::string>().empty());
}

TEST_F(TargetToolsTest, ARepeatedRequestGetsTheStoredAnswerAndAnotherOneIsRefused) {
  const Json arguments = {{"url", "http://localhost/"}, {"attest", true}, {"client_token", "t-1"}};
  const Result<ToolResult> first = call_as(alice_, "create_target", arguments);
  const Result<ToolResult> again = call_as(alice_, "create_target", arguments);

  EXPECT_FALSE(first->is_replayed);
  EXPECT_TRUE(again->is_replayed);
  EXPECT_EQ(again->structured, first->structured);
  EXPECT_EQ(refusal("create_target", {{"url", "http://localhost:5/"}, {"attest", true}, {"client_token", "t-1"}}).code,
            ErrorCode::idempotency_mismatch);
  EXPECT_FALSE(call_as(bob_, "create_target", arguments)->is_replayed);
}

}  // namespace
}  // namespace weir::tools
