#include "server/key_admin.h"

#include "server/api_key.h"
#include "store/audit_store.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class KeyAdminTest : public testing::GateFixture {
 protected:
  Error error_of(const KeyRequest& request) {
    auto created = admin_->create_key(request, "cli");
    EXPECT_FALSE(created.has_value());
    return created ? Error(ErrorCode::internal, "was made") : created.error();
  }
  std::vector<std::string> audited(const std::string& account_id) {
    const auto rows = database_->read_for(
        [&](store::Transaction& transaction) { return store::list_audit(transaction, account_id, 100); });
    std::vector<std::string> actions;
    for (const store::AuditRow& row : *rows) {
      actions.push_back(row.action);
      EXPECT_THAT(to_text(row.data), ::testing::Not(HasSubstr("hash")));
    }
    return actions;
  }
};

TEST_F(KeyAdminTest, MakesTheAccountAndReturnsTheSecretOnce) {
  const CreatedKey created = create({.account = "acme", .tier = "pro", .name = "ci", .scopes = {"read", "scans:run"}});

  EXPECT_TRUE(created.is_new_account);
  EXPECT_TRUE(has_key_form(created.secret));
  EXPECT_EQ(created.key.hash, hash_of_key(created.secret));
  EXPECT_EQ(created.account.tier, "pro");
  const auto keys = admin_->list_keys("acme");
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->at(0).key.prefix, created.secret.substr(0, 7));
  EXPECT_EQ(keys->at(0).key.scopes, (std::vector<std::string>{"targets:read", "scans:read", "scans:run",
                                                              "findings:read", "agents:read", "runs:read"}));
  EXPECT_EQ(audited(created.account.id), (std::vector<std::string>{"key.created", "account.created"}));
}

TEST_F(KeyAdminTest, ASecondKeyJoinsTheAccountAndInheritsItsTier) {
  const CreatedKey first = create({.account = "acme", .tier = "pro"});
  const CreatedKey second = create({.account = "acme"});

  EXPECT_FALSE(second.is_new_account);
  EXPECT_EQ(second.account.id, first.account.id);
  EXPECT_EQ(caller_of(second.secret)->tier, "pro");
}

TEST_F(KeyAdminTest, ANewAccountIsFreeUnlessSaidOtherwise) {
  EXPECT_EQ(create({.account = "acme"}).account.tier, "free");
}

TEST_F(KeyAdminTest, AnUnknownTierListsTheTiers) {
  const Error error = error_of({.account = "acme", .tier = "gold"});

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  EXPECT_THAT(error.message, HasSubstr("no tier \"gold\". The tiers are admin, custom, free, pro, standard, starter."));
}

TEST_F(KeyAdminTest, AnotherTierThanTheAccountsIsAConflictAndChangesNothing) {
  create({.account = "acme", .tier = "pro"});

  const Error error = error_of({.account = "acme", .tier = "free"});

  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("has the tier \"pro\", not \"free\""));
  EXPECT_EQ(admin_->list_keys("acme")->size(), 1U);
}

TEST_F(KeyAdminTest, RefusesWhatCannotBe) {
  EXPECT_EQ(error_of({.account = ""}).fields.at(0).field, "account");
  EXPECT_EQ(error_of({.account = "a\nb"}).fields.at(0).field, "account");
  EXPECT_EQ(error_of({.account = "acme", .name = std::string(101, 'x')}).fields.at(0).field, "name");
  EXPECT_EQ(error_of({.account = "acme", .scopes = {}}).fields.at(0).field, "scopes");
  EXPECT_EQ(error_of({.account = "acme", .scopes = {"root"}}).fields.at(0).field, "scopes");
  EXPECT_EQ(error_of({.account = "acme", .expires_at = clock_.now()}).fields.at(0).field, "expires_at");
  EXPECT_EQ(error_of({.account = "acme", .limit_override = 0}).fields.at(0).field, "limit_override");
  EXPECT_EQ(error_of({.account = "acme", .limit_override = 1'000'001}).fields.at(0).field, "limit_override");
  EXPECT_EQ(error_of({.account = "acme", .tier = "custom"}).fields.at(0).field, "limit_override");
  EXPECT_TRUE(admin_->list_keys("")->empty());
}

TEST_F(KeyAdminTest, TooManyActiveKeysSaysToRevokeOne) {
  std::vector<CreatedKey> keys;
  for (int key = 0; key < store::kActiveKeysMax; ++key) keys.push_back(create({.account = "acme"}));

  const Error error = error_of({.account = "acme"});
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("already has 10 active keys"));
  EXPECT_THAT(error.message, HasSubstr("weir keys revoke"));
  ASSERT_TRUE(admin_->revoke_key(keys[3].key.id, "cli"));
  EXPECT_TRUE(admin_->create_key({.account = "acme"}, "cli"));
}

TEST_F(KeyAdminTest, RevokesByIdPrefixAndTheKeyItself) {
  const CreatedKey one = create({.account = "acme", .name = "one"});
  const CreatedKey two = create({.account = "acme", .name = "two"});
  const CreatedKey three = create({.account = "acme", .name = "three"});

  EXPECT_EQ(admin_->revoke_key(one.key.id, "cli")->key.id, one.key.id);
  EXPECT_EQ(admin_->revoke_key(two.key.prefix, "cli")->key.id, two.key.id);
  EXPECT_EQ(admin_->revoke_key(three.secret, "cli")->key.id, three.key.id);
  const auto listed = admin_->list_keys("");
  for (const store::KeyWithAccount& each : *listed) {
    EXPECT_EQ(state_of(each.key, clock_.now()), KeyState::revoked);
  }
}

TEST_F(KeyAdminTest, AnAmbiguousPrefixNamesTheKeysAndRevokesNone) {
  create({.account = "acme", .name = "one"});
  create({.account = "acme", .name = "two"});

  const auto revoked = admin_->revoke_key("wk_", "cli");

  ASSERT_FALSE(revoked);
  EXPECT_EQ(revoked.error().code, ErrorCode::conflict);
  EXPECT_THAT(revoked.error().message, HasSubstr("(one)"));
  EXPECT_THAT(revoked.error().message, HasSubstr("(two)"));
  EXPECT_EQ(admin_->revoke_key("", "cli").error().code, ErrorCode::not_found);
  EXPECT_EQ(admin_->revoke_key("key_nothing", "cli").error().code, ErrorCode::not_found);
}

TEST_F(KeyAdminTest, RevokingTwiceKeepsTheFirstTime) {
  const CreatedKey key = create({.account = "acme"});
  const auto first = admin_->revoke_key(key.key.id, "cli");
  clock_.advance(milliseconds{5'000});

  const auto second = admin_->revoke_key(key.key.id, "cli");

  ASSERT_TRUE(second);
  EXPECT_EQ(second->key.revoked_at, first->key.revoked_at);
  EXPECT_EQ(audited(key.account.id), (std::vector<std::string>{"key.revoked", "key.created", "account.created"}));
}

TEST_F(KeyAdminTest, RotationOverlapsForADayAndThenTheOldKeyExpires) {
  const CreatedKey old = create({.account = "acme", .name = "ci", .scopes = {"scans:run"}, .limit_override = 9});

  const auto rotated = admin_->rotate_key(old.key.id, kRotationOverlap, "cli");

  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_NE(rotated->secret, old.secret);
  EXPECT_EQ(caller_of(rotated->secret)->quota.policies.at(0).limit, 9U);
  EXPECT_EQ(caller_of(rotated->secret)->scopes.names(), (std::vector<std::string>{"scans:run"}));
  EXPECT_EQ(caller_of(rotated->secret)->key_name, "ci");
  clock_.advance(std::chrono::hours{24} - milliseconds{1});
  EXPECT_NE(caller_of(old.secret), nullptr);
  clock_.advance(milliseconds{1});
  EXPECT_EQ(refusal_of(bearer(old.secret)).code, ErrorCode::api_key_expired);
  EXPECT_NE(caller_of(rotated->secret), nullptr);
}

TEST_F(KeyAdminTest, RotationWithoutOverlapEndsTheOldKeyAtOnceEvenInAFullAccount) {
  CreatedKey old;
  for (int key = 0; key < store::kActiveKeysMax; ++key) old = create({.account = "acme"});

  EXPECT_EQ(admin_->rotate_key(old.key.id, kRotationOverlap, "cli").error().code, ErrorCode::conflict);
  EXPECT_NE(caller_of(old.secret), nullptr);
  ASSERT_TRUE(admin_->rotate_key(old.key.id, milliseconds{0}, "cli"));
  clock_.advance(milliseconds{1'000});
  EXPECT_EQ(refusal_of(bearer(old.secret)).code, ErrorCode::unauthorized);
}

TEST_F(KeyAdminTest, RotationNeverProlongsTheOldKeyAndRefusesEndedOnes) {
  const CreatedKey old = create({.account = "acme", .expires_at = clock_.now() + std::chrono::hours{1}});
  ASSERT_TRUE(admin_->rotate_key(old.key.id, kRotationOverlap, "cli"));

  clock_.advance(std::chrono::hours{1});

  EXPECT_EQ(refusal_of(bearer(old.secret)).code, ErrorCode::api_key_expired);
  const auto again = admin_->rotate_key(old.key.id, kRotationOverlap, "cli");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("expired on"));
}

TEST_F(KeyAdminTest, ChangingTheTierIsAuditedAndChecked) {
  const CreatedKey key = create({.account = "acme"});

  EXPECT_EQ(admin_->change_tier("acme", "gold", std::nullopt, "cli").error().code, ErrorCode::validation_failed);
  EXPECT_EQ(admin_->change_tier("nobody", "pro", std::nullopt, "cli").error().code, ErrorCode::not_found);
  EXPECT_EQ(admin_->change_tier("acme", "custom", std::nullopt, "cli").error().code, ErrorCode::validation_failed);
  EXPECT_EQ(admin_->change_tier("acme", "pro", 5, "cli").error().code, ErrorCode::validation_failed);
  ASSERT_TRUE(admin_->change_tier("acme", "custom", 42, "cli"));

  EXPECT_EQ(caller_of(key.secret)->quota.policies.at(0).limit, 42U);
  EXPECT_EQ(audited(key.account.id).front(), "account.tier_changed");
}

TEST_F(KeyAdminTest, AnAccountIsMadeWithoutKeysAndOnceOnly) {
  const auto made = admin_->create_account("acme", "custom", 77, "key_9");
  const auto again = admin_->create_account("acme", "free", std::nullopt, "cli");
  const auto without_limit = admin_->create_account("other", "custom", std::nullopt, "cli");

  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->limit_override, 77);
  EXPECT_EQ(audited(made->id), (std::vector<std::string>{"account.created"}));
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  EXPECT_EQ(without_limit.error().fields.at(0).field, "limit_override");
}

TEST_F(KeyAdminTest, TheLastAdminKeyIsNotRevokedButRotated) {
  const CreatedKey first = create({.account = "ops", .tier = "admin", .scopes = {"admin"}});
  create({.account = "ops", .scopes = {"write"}});

  const auto refused = admin_->revoke_key(first.key.id, "cli");
  const auto rotated = admin_->rotate_key(first.key.id, milliseconds{0}, "cli");

  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("last active one with the scope admin"));
  ASSERT_TRUE(rotated.has_value());
  EXPECT_EQ(admin_->revoke_key(rotated->key.id, "cli").error().code, ErrorCode::conflict);
  create({.account = "ops", .scopes = {"admin"}});
  EXPECT_TRUE(admin_->revoke_key(rotated->key.id, "cli").has_value());
}

TEST_F(KeyAdminTest, TheFirstStartMakesOneAdminKeyAndLaterOnesNone) {
  const auto first = first_start(*database_, clock_, random_, ids_);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->has_value());
  const auto second = first_start(*database_, clock_, random_, ids_);

  const auto caller = caller_of(**first);
  EXPECT_EQ(caller->account_name, "default");
  EXPECT_TRUE(caller->quota.is_unlimited);
  EXPECT_TRUE(caller->scopes.allows(tools::Scope::runs_approve));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->has_value());
}

}  // namespace
}  // namespace weir::server
