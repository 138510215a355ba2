#include "store/audit_store.h"
#include "tests/unit/rest/rest_fixture.h"

namespace weir::rest {
namespace {

using ::testing::HasSubstr;

class AdminApiTest : public RestTest {
 protected:
  AdminApiTest() {
    root_account_ = add_caller("root", "admin");
    root_ = add_key(root_account_->account_id, {"admin"});
  }

  Answer admin(const std::string& method, const std::string& target, const Json& body = nullptr) {
    return as(root_, method, target, body);
  }
  Answer as(const std::string& key, const std::string& method, const std::string& target, const Json& body = nullptr) {
    const std::string lines = "Authorization: Bearer " + key + "\r\n";
    if (body.is_null()) return ask_with(lines, method, target);
    return ask_with(lines + "Content-Type: application/json\r\n", method, target, to_text(body));
  }
  Json made_account(const std::string& name, const std::string& tier = "free") {
    const Answer answer = admin("POST", "/v1/accounts", {{"name", name}, {"tier", tier}});
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.json();
  }
  Json made_key(const std::string& account, const Json& more = Json::object()) {
    Json body = {{"account", account}};
    body.update(more);
    const Answer answer = admin("POST", "/v1/keys", body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.json();
  }
  std::vector<std::string> audited(const std::string& account) {
    std::vector<std::string> actions;
    const Json page = admin("GET", "/v1/audit?account=" + account).json();
    for (const Json& row : page["data"]) actions.push_back(row["action"]);
    return actions;
  }

  std::shared_ptr<const tools::Caller> root_account_;
  std::string root_;
};

TEST_F(AdminApiTest, OnlyAnAdministratorMayAndATargetKeyGetsForbidden) {
  for (const tools::Tool& route : rest_only_->tools()) {
    if (route.scope == tools::Scope::none) continue;
    const std::string path = route.rest->path.substr(0, route.rest->path.find('{'));
    const Answer answer = ask_with(bearer(), route.rest->method, path + (path.ends_with('/') ? "x" : ""));
    EXPECT_TRUE(answer.status == 403 || answer.status == 405) << route.name << ": " << answer.status;
  }
  EXPECT_EQ(as(key_, "POST", "/v1/keys", {{"account", "alice"}, {"scopes", {"admin"}}}).status, 403);
}

TEST_F(AdminApiTest, AnAccountIsMadeReadListedAndChanged) {
  const Json account = made_account("acme");
  const Answer by_id = admin("GET", "/v1/accounts/" + std::string(account["id"]));
  const Answer by_name = admin("GET", "/v1/accounts/acme");
  const Answer changed = admin("PATCH", "/v1/accounts/acme", {{"tier", "custom"}, {"limit_override", 7}});
  const Answer again = admin("PATCH", "/v1/accounts/acme", {{"limit_override", 9}});

  EXPECT_EQ(by_id.json(), account);
  EXPECT_EQ(by_name.json(), account);
  EXPECT_EQ(changed.json()["limit_override"], 7) << changed.body;
  EXPECT_EQ(again.json()["limit_override"], 9);
  EXPECT_EQ(again.json()["tier"], "custom");
  EXPECT_EQ(admin("GET", "/v1/accounts?limit=1").json()["data"][0]["name"], "acme");
  EXPECT_EQ(audited("acme"),
            (std::vector<std::string>{"account.tier_changed", "account.tier_changed", "account.created"}));
}

TEST_F(AdminApiTest, WrongInputNamesTheField) {
  made_account("acme");
  const auto field_of = [](const Answer& answer) {
    EXPECT_EQ(answer.status, 422) << answer.body;
    return answer.json()["errors"][0]["field"].get<std::string>();
  };

  EXPECT_EQ(field_of(admin("POST", "/v1/accounts", {{"name", "x"}, {"tier", "gold"}})), "tier");
  EXPECT_EQ(field_of(admin("POST", "/v1/accounts", {{"name", "x"}, {"colour", "red"}})), "colour");
  EXPECT_EQ(field_of(admin("POST", "/v1/accounts", {{"name", "x"}, {"limit_override", 0}})), "limit_override");
  EXPECT_EQ(field_of(admin("PATCH", "/v1/accounts/acme", Json::object())), "tier");
  EXPECT_EQ(field_of(admin("PATCH", "/v1/accounts/acme", {{"tier", "custom"}})), "limit_override");
  EXPECT_EQ(field_of(admin("POST", "/v1/keys", {{"account", "acme"}, {"scopes", {"root"}}})), "scopes");
  EXPECT_EQ(field_of(admin("POST", "/v1/keys", {{"account", "acme"}, {"expires_at", "2020-01-01T00:00:00Z"}})),
            "expires_at");
  EXPECT_EQ(field_of(admin("POST", "/v1/keys", {{"account", "acme"}, {"expires_at", "tomorrow"}})), "expires_at");
  EXPECT_EQ(field_of(admin("GET", "/v1/keys?cursor=nonsense")), "cursor");
  EXPECT_EQ(field_of(admin("GET", "/v1/audit?cursor=nonsense")), "cursor");
  EXPECT_EQ(admin("POST", "/v1/accounts", {{"name", "acme"}}).status, 409);
  EXPECT_EQ(admin("POST", "/v1/keys", {{"account", "nobody"}}).status, 404);
  EXPECT_EQ(admin("GET", "/v1/accounts/nobody").status, 404);
  EXPECT_EQ(admin("GET", "/v1/keys/key_x").status, 404);
  EXPECT_EQ(admin("DELETE", "/v1/keys/" + ids_.make("key")).status, 404);
}

TEST_F(AdminApiTest, AKeyIsShownOnceAndWorksAtOnce) {
  made_account("acme", "pro");
  const Json key = made_key("acme", {{"name", "ci"}, {"scopes", {"read"}}, {"limit_override", 55}});
  const Answer used = as(key["key"], "GET", "/v1/targets");
  const Answer read = admin("GET", "/v1/keys/" + std::string(key["id"]));
  const Answer listed = admin("GET", "/v1/keys?account=acme");

  EXPECT_EQ(used.status, 200) << used.body;
  EXPECT_EQ(used.header("X-RateLimit-Limit"), "55");
  EXPECT_EQ(read.json()["name"], "ci");
  EXPECT_THAT(read.body + listed.body, ::testing::Not(HasSubstr(std::string(key["key"]))));
  EXPECT_THAT(read.body + listed.body, ::testing::Not(HasSubstr("hash")));
  EXPECT_EQ(listed.json()["data"].size(), 1U);
  EXPECT_EQ(audited("acme"), (std::vector<std::string>{"key.created", "account.created"}));
}

TEST_F(AdminApiTest, TheEleventhActiveKeyIsRefused) {
  made_account("acme");
  for (int i = 0; i < 10; ++i) made_key("acme");

  const Answer eleventh = admin("POST", "/v1/keys", {{"account", "acme"}});

  EXPECT_EQ(eleventh.status, 409);
  EXPECT_THAT(eleventh.body, HasSubstr("Revoke one first"));
}

TEST_F(AdminApiTest, KeysAreListedInPages) {
  made_account("acme");
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) made.push_back(made_key("acme")["id"]);

  const Json first = admin("GET", "/v1/keys?account=acme&limit=2").json();
  const Json second =
      admin("GET", "/v1/keys?account=acme&limit=2&cursor=" + first["next_cursor"].get<std::string>()).json();

  EXPECT_EQ(first["data"][0]["id"], made[2]);
  EXPECT_EQ(second["data"][0]["id"], made[0]);
  EXPECT_TRUE(second["next_cursor"].is_null());
}

TEST_F(AdminApiTest, ARevocationActsOnTheNextCall) {
  made_account("acme");
  const Json key = made_key("acme");
  EXPECT_EQ(as(key["key"], "GET", "/v1/targets").status, 200);

  const Answer revoked = admin("DELETE", "/v1/keys/" + std::string(key["id"]));

  EXPECT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_EQ(revoked.json()["state"], "revoked");
  EXPECT_TRUE(revoked.json()["note"].is_null());
  EXPECT_EQ(as(key["key"], "GET", "/v1/targets").status, 401);
}

TEST_F(AdminApiTest, AChangeOfTierActsOnTheNextCallOfEveryKey) {
  made_account("acme", "free");
  const Json first = made_key("acme");
  const Json second = made_key("acme");
  for (const Json& key : {first, second})
    EXPECT_EQ(as(key["key"], "GET", "/v1/targets").header("X-RateLimit-Limit"), "100");

  admin("PATCH", "/v1/accounts/acme", {{"tier", "pro"}});

  for (const Json& key : {first, second})
    EXPECT_EQ(as(key["key"], "GET", "/v1/targets").header("X-RateLimit-Limit"), "1000");
}

TEST_F(AdminApiTest, ARotatedKeyWorksDuringTheOverlapOnly) {
  made_account("acme");
  const Json old = made_key("acme", {{"name", "ci"}});
  const Json other = made_key("acme");

  const Answer overlapping = admin("POST", "/v1/keys/" + std::string(old["id"]) + "/rotate", Json::object());
  const Answer at_once = admin("POST", "/v1/keys/" + std::string(other["id"]) + "/rotate", {{"overlap_seconds", 0}});

  EXPECT_EQ(overlapping.status, 200) << overlapping.body;
  EXPECT_EQ(overlapping.json()["name"], "ci");
  EXPECT_EQ(overlapping.json()["replaces"], old["id"]);
  EXPECT_EQ(as(old["key"], "GET", "/v1/targets").status, 200);
  EXPECT_EQ(as(overlapping.json()["key"], "GET", "/v1/targets").status, 200);
  EXPECT_EQ(as(other["key"], "GET", "/v1/targets").status, 401);
  EXPECT_EQ(as(at_once.json()["key"], "GET", "/v1/targets").status, 200);
  EXPECT_EQ(audited("acme").front(), "key.rotated");
}

TEST_F(AdminApiTest, TheLastAdminKeyStaysAndAnOwnKeyIsWarnedOf) {
  const Json listed = admin("GET", "/v1/keys?account=root").json();
  const std::string own = "/v1/keys/" + std::string(listed["data"][0]["id"]);
  const Answer last = admin("DELETE", own);
  made_key("root", {{"scopes", {"admin"}}});

  const Answer revoked = admin("DELETE", own);

  EXPECT_EQ(last.status, 409);
  EXPECT_EQ(revoked.status, 200) << revoked.body;
  EXPECT_THAT(std::string(revoked.json()["note"]), HasSubstr("this very call"));
  EXPECT_EQ(admin("GET", "/v1/keys").status, 401);
}

TEST_F(AdminApiTest, TheAuditNamesTheKeyThatDidItAndHasPages) {
  made_account("acme");
  made_key("acme");
  const std::string own = admin("GET", "/v1/keys?account=root").json()["data"][0]["id"];

  const Json first = admin("GET", "/v1/audit?account=acme&limit=1").json();
  const Json second =
      admin("GET", "/v1/audit?account=acme&limit=1&cursor=" + first["next_cursor"].get<std::string>()).json();

  EXPECT_EQ(first["data"][0]["action"], "key.created");
  EXPECT_EQ(first["data"][0]["actor"], own);
  EXPECT_EQ(second["data"][0]["action"], "account.created");
  EXPECT_TRUE(second["next_cursor"].is_null());
}

TEST_F(AdminApiTest, UsageCountsTheOwnAccountByToolKeyAndDay) {
  get("/v1/targets");
  get("/v1/targets");
  ask_with(bearer(), "GET", "/v1/accounts");
  ASSERT_TRUE(usage_->flush());

  const Json tools = get("/v1/usage").json();
  const Json keys = get("/v1/usage?group=key").json();
  const Json days = get("/v1/usage?group=day").json();

  EXPECT_EQ(tools["data"][0], (Json{{"name", "list_targets"}, {"admitted", 2}, {"refused", 0}}));
  EXPECT_EQ(tools["data"][1], (Json{{"name", "list_accounts"}, {"admitted", 0}, {"refused", 1}}));
  EXPECT_EQ(tools["totals"]["last_24h"], (Json{{"admitted", 2}, {"refused", 1}}));
  EXPECT_EQ(tools["totals"]["last_30d"], tools["totals"]["last_7d"]);
  EXPECT_EQ(keys["data"].size(), 1U);
  EXPECT_EQ(days["data"].size(), 1U);
}

TEST_F(AdminApiTest, UsageOfOthersIsForAdministratorsAndAnotherAccountsKeyIsUnknown) {
  const std::string bobs = made_key("bob")["id"];
  const std::string alices = made_key("alice")["id"];

  EXPECT_EQ(get("/v1/usage?account=bob").status, 403);
  EXPECT_EQ(get("/v1/usage?account=nobody").status, 403);
  EXPECT_EQ(get("/v1/usage?account=alice").status, 200);
  EXPECT_EQ(get("/v1/usage?key=" + bobs).status, 404);
  EXPECT_EQ(get("/v1/usage?key=" + alices).status, 200);
  EXPECT_EQ(admin("GET", "/v1/usage?account=bob&key=" + bobs).status, 200);
  EXPECT_EQ(admin("GET", "/v1/usage?account=nobody").status, 404);
  EXPECT_EQ(get("/v1/usage?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").status, 422);
  EXPECT_EQ(get("/v1/usage?group=hour").status, 422);
}

TEST_F(AdminApiTest, OpenApiHasEveryRoute) {
  for (const tools::Tool& route : rest_only_->tools()) {
    std::string method = route.rest->method;
    for (char& c : method) c = static_cast<char>(c + ('a' - 'A'));
    EXPECT_EQ(rest_->openapi()["paths"][route.rest->path][method]["operationId"], route.name);
  }
}

}  // namespace
}  // namespace weir::rest
