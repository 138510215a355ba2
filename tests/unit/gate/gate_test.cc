#include "server/gate.h"

#include <set>

#include "server/api_key.h"
#include "store/accounts_store.h"
#include "tests/support/eventually.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::server {

std::string testing::GateFixture::make_unknown(Random& random) { return make_api_key(random).secret; }

namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class GateTest : public testing::GateFixture {};

TEST_F(GateTest, ResolvesAKeyFromEitherHeader) {
  const CreatedKey key = free_key();

  const auto by_bearer = gate_->authenticate(request_with("authorization", "bearer " + key.secret));
  const auto by_header = gate_->authenticate(request_with("X-API-Key", key.secret));

  ASSERT_TRUE(by_bearer);
  ASSERT_TRUE(by_header);
  EXPECT_EQ((*by_bearer)->key_id, key.key.id);
  EXPECT_EQ((*by_bearer)->account_name, "acme");
  EXPECT_EQ((*by_bearer)->account_id, key.account.id);
  EXPECT_EQ((*by_bearer)->tier, "free");
  EXPECT_EQ((*by_bearer)->quota.policies.at(0).limit, 100U);
  EXPECT_EQ(*by_bearer, *by_header);
}

TEST_F(GateTest, AcceptsTheSameKeyInBothHeadersAndRefusesTwoDifferentOnes) {
  const CreatedKey key = free_key();
  http::Request same = bearer(key.secret);
  same.headers.add("X-API-Key", key.secret);
  http::Request different = bearer(key.secret);
  different.headers.add("X-API-Key", unknown_key());

  EXPECT_TRUE(gate_->authenticate(same));
  EXPECT_EQ(refusal_of(different).code, ErrorCode::bad_request);
}

TEST_F(GateTest, AMissingKeyIsToldHowToSendAndMakeOne) {
  const Error error = refusal_of(request_with("", ""));

  EXPECT_EQ(error.code, ErrorCode::unauthorized);
  EXPECT_THAT(error.message, HasSubstr("Send your API key as 'Authorization: Bearer wk_...' or 'X-API-Key: wk_...'"));
  EXPECT_THAT(error.message, HasSubstr("weir keys create"));
  EXPECT_TRUE(error.fields.empty());
}

TEST_F(GateTest, AMalformedKeyIsRefusedWithoutALookupAndNeverRepeated) {
  const CreatedKey key = free_key();
  std::string typo = key.secret;
  typo[10] = typo[10] == 'a' ? 'b' : 'a';

  for (const std::string& wrong : {typo, key.secret.substr(0, 30), std::string("sk-something"), std::string()}) {
    const Error error = refusal_of(bearer(wrong));
    EXPECT_EQ(error.code, ErrorCode::unauthorized) << wrong;
    if (wrong.size() > 4) {
      EXPECT_THAT(error.message, Not(HasSubstr(wrong)));
    }
  }
  EXPECT_EQ(counting_->reads(), 0);
}

TEST_F(GateTest, AnUnknownKeyIsUnauthorizedAndAccountsAreNotRevealed) {
  free_key();

  const Error error = refusal_of(bearer(unknown_key()));

  EXPECT_EQ(error.code, ErrorCode::unauthorized);
  EXPECT_THAT(error.message, Not(HasSubstr("acme")));
  EXPECT_FALSE(error.fields.empty());
}

TEST_F(GateTest, AnUnknownKeyIsNotRememberedAsUnknown) {
  const CreatedKey key = free_key();
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Result<void> {
    auto done = transaction.execute("DELETE FROM api_keys", {});
    return done ? Result<void>() : Result<void>(done.error());
  }));
  refusal_of(bearer(key.secret));
  ASSERT_TRUE(database_->write(
      [&](store::Transaction& transaction) { return store::insert_key(transaction, key.key, clock_.now()); }));

  EXPECT_TRUE(gate_->authenticate(bearer(key.secret)));
}

TEST_F(GateTest, AKeyInTheQueryStringIsRefusedWithTheReason) {
  const CreatedKey key = free_key();
  for (const char* name : {"api_key", "token", "access_token", "API_KEY"}) {
    http::Request request = request_with("", "");
    request.query.emplace_back(name, key.secret);
    const Error error = refusal_of(request);
    EXPECT_EQ(error.code, ErrorCode::bad_request) << name;
    EXPECT_THAT(error.message, HasSubstr("query string"));
    EXPECT_THAT(error.message, Not(HasSubstr(key.secret)));
  }

  http::Request harmless = bearer(key.secret);
  harmless.query.emplace_back("token", "next-page");
  EXPECT_TRUE(gate_->authenticate(harmless));
}

TEST_F(GateTest, AnotherSchemeIsToldWhichOneIsExpected) {
  const Error error = refusal_of(request_with("Authorization", "Basic d2s6d2s="));

  EXPECT_EQ(error.code, ErrorCode::unauthorized);
  EXPECT_THAT(error.message, HasSubstr("Bearer"));
}

TEST_F(GateTest, ASecondAuthorizationHeaderIsRefused) {
  http::Request request = bearer(free_key().secret);
  request.headers.add("Authorization", "Bearer other");

  EXPECT_EQ(refusal_of(request).code, ErrorCode::bad_request);
}

TEST_F(GateTest, ARevocationActsWithinASecondOnACachedKey) {
  const CreatedKey key = free_key();
  ASSERT_NE(caller_of(key.secret), nullptr);
  ASSERT_TRUE(admin_->revoke_key(key.key.id, "cli"));

  clock_.advance(milliseconds{899});
  EXPECT_TRUE(gate_->authenticate(bearer(key.secret)));
  clock_.advance(milliseconds{1});
  const Error error = refusal_of(bearer(key.secret));

  EXPECT_EQ(error.code, ErrorCode::unauthorized);
  EXPECT_THAT(error.message, HasSubstr("revoked on 2026-"));
  EXPECT_THAT(error.message, HasSubstr("weir keys create --account acme"));
}

TEST_F(GateTest, ForgettingAKeyMakesItsRevocationActAtOnce) {
  const CreatedKey key = free_key();
  caller_of(key.secret);
  ASSERT_TRUE(admin_->revoke_key(key.key.id, "cli"));

  gate_->forget_key(key.key.id);

  EXPECT_EQ(refusal_of(bearer(key.secret)).code, ErrorCode::unauthorized);
}

TEST_F(GateTest, AnExpiryActsAtItsMomentEvenOnABelievedKey) {
  const CreatedKey key = create({.account = "acme", .name = "short", .expires_at = clock_.now() + milliseconds{500}});
  ASSERT_NE(caller_of(key.secret), nullptr);

  clock_.advance(milliseconds{500});
  const Error error = refusal_of(bearer(key.secret));

  EXPECT_EQ(error.code, ErrorCode::api_key_expired);
  EXPECT_THAT(error.message, HasSubstr("expired on " + to_rfc3339(*key.key.expires_at)));
}

TEST_F(GateTest, AChangeOfTierActsWithinASecondAndKeepsWhatWasSpent) {
  const CreatedKey key = free_key();
  const auto before = caller_of(key.secret);
  ASSERT_TRUE(gate_->admit(*before, {.name = "tools/list", .cost = 90})->is_allowed);
  ASSERT_TRUE(admin_->change_tier("acme", "starter", std::nullopt, "cli"));

  clock_.advance(milliseconds{1'000});
  const auto after = caller_of(key.secret);
  const auto decision = gate_->admit(*after, {.name = "tools/list", .cost = 10});

  EXPECT_EQ(after->tier, "starter");
  EXPECT_EQ(after->budget, before->budget);
  EXPECT_EQ(decision->shown()->limit, 500U);
  EXPECT_EQ(decision->shown()->remaining, 400U);
}

TEST_F(GateTest, AKeysOwnLimitWinsOverTheAccountsAndACustomAccountGivesItsOwn) {
  const CreatedKey own = create({.account = "acme", .tier = "free", .name = "own", .limit_override = 7});
  const CreatedKey custom = create({.account = "big", .tier = "custom", .name = "all", .limit_override = 2'500});

  EXPECT_EQ(caller_of(own.secret)->quota.policies.at(0).limit, 7U);
  EXPECT_EQ(caller_of(custom.secret)->quota.policies.at(0).limit, 2'500U);
  EXPECT_EQ(caller_of(custom.secret)->tier, "custom");
}

TEST_F(GateTest, ABelievedKeyIsNotLookedUpAgain) {
  const CreatedKey key = free_key();
  for (int call = 0; call < 100; ++call) caller_of(key.secret);

  EXPECT_EQ(counting_->reads(), 1);
}

TEST_F(GateTest, AKeyThatCannotBeRevalidatedIsUnavailableAndNotBelieved) {
  const CreatedKey key = free_key();
  caller_of(key.secret);

  counting_->go_away();
  EXPECT_TRUE(gate_->authenticate(bearer(key.secret)));
  clock_.advance(milliseconds{1'000});

  EXPECT_EQ(refusal_of(bearer(key.secret)).code, ErrorCode::unavailable);
}

TEST_F(GateTest, AnAddressThatGuessesIsRefusedBeforeAnyLookup) {
  for (int guess = 0; guess < 30; ++guess) {
    EXPECT_EQ(refusal_of(bearer(unknown_key())).code, ErrorCode::unauthorized);
  }
  const int reads = counting_->reads();

  const Error error = refusal_of(bearer(unknown_key()));

  EXPECT_EQ(error.code, ErrorCode::rate_limit_exceeded);
  EXPECT_EQ(error.retry_after, milliseconds{60'000});
  EXPECT_THAT(error.message, HasSubstr("60 seconds"));
  EXPECT_EQ(counting_->reads(), reads);
  clock_.advance(*error.retry_after);
  EXPECT_EQ(refusal_of(bearer(unknown_key())).code, ErrorCode::unauthorized);
}

TEST_F(GateTest, MissingMalformedAndRevokedKeysCountAgainstTheAddressToo) {
  const CreatedKey key = free_key();
  ASSERT_TRUE(admin_->revoke_key(key.key.id, "cli"));
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(refusal_of(request_with("", "")).code, ErrorCode::unauthorized);
    EXPECT_EQ(refusal_of(bearer("wk_nonsense")).code, ErrorCode::unauthorized);
    EXPECT_EQ(refusal_of(bearer(key.secret)).code, ErrorCode::unauthorized);
  }

  EXPECT_EQ(refusal_of(request_with("", "")).code, ErrorCode::rate_limit_exceeded);
  EXPECT_EQ(refusal_of(bearer("wk_nonsense")).code, ErrorCode::rate_limit_exceeded);
  EXPECT_EQ(refusal_of(bearer(key.secret)).code, ErrorCode::rate_limit_exceeded);
}

TEST_F(GateTest, AKnownKeyIsNotLockedOutByItsNeighboursMistakes) {
  const CreatedKey key = free_key();
  caller_of(key.secret);
  for (int guess = 0; guess < 40; ++guess) refusal_of(bearer(unknown_key()));

  EXPECT_TRUE(gate_->authenticate(bearer(key.secret)));
  clock_.advance(milliseconds{2'000});
  EXPECT_TRUE(gate_->authenticate(bearer(key.secret)));
}

TEST_F(GateTest, OtherAddressesAreNotRefused) {
  const CreatedKey key = free_key();
  for (int guess = 0; guess < 40; ++guess) refusal_of(bearer(unknown_key()));
  http::Request elsewhere = bearer(key.secret);
  elsewhere.peer_address = "192.0.2.8";

  EXPECT_TRUE(gate_->authenticate(elsewhere));
}

TEST_F(GateTest, EachScopeIsNeededAsDeclared) {
  const CreatedKey reader = create({.account = "acme", .name = "reader", .scopes = {"scans:read"}});
  const CreatedKey admin = create({.account = "acme", .name = "admin", .scopes = {"admin"}});
  const auto may = [&](const CreatedKey& key, tools::Scope scope) {
    const auto decision = gate_->admit(*caller_of(key.secret), {.name = "a_tool", .scope = scope, .cost = 0});
    if (!decision) {
      EXPECT_EQ(decision.error().code, ErrorCode::insufficient_scope);
    }
    return decision.has_value();
  };

  for (int number = 1; number <= static_cast<int>(tools::Scope::admin); ++number) {
    const auto scope = static_cast<tools::Scope>(number);
    EXPECT_EQ(may(reader, scope), scope == tools::Scope::scans_read) << tools::to_string(scope);
    EXPECT_TRUE(may(admin, scope)) << tools::to_string(scope);
  }
  EXPECT_TRUE(may(reader, tools::Scope::none));
}

TEST_F(GateTest, AMissingScopeIsNamedWithWhatIsThere) {
  const CreatedKey key = create({.account = "acme", .name = "reader", .scopes = {"targets:read", "scans:read"}});

  const auto decision = gate_->admit(*caller_of(key.secret), {.name = "create_scan", .scope = tools::Scope::scans_run});

  ASSERT_FALSE(decision);
  EXPECT_THAT(decision.error().message,
              HasSubstr("create_scan needs the scope scans:run; this key has targets:read, scans:read."));
  ASSERT_EQ(decision.error().fields.size(), 1U);
  EXPECT_EQ(decision.error().fields[0].message, "scans:run");
}

TEST_F(GateTest, ACallWithoutItsScopeSpendsNothing) {
  const CreatedKey key = create({.account = "acme", .name = "reader", .scopes = {"scans:read"}});
  const auto caller = caller_of(key.secret);

  EXPECT_FALSE(gate_->admit(*caller, {.name = "create_scan", .scope = tools::Scope::scans_run}));

  EXPECT_EQ(gate_->admit(*caller, {.name = "get_quota", .cost = 0})->shown()->remaining, 100U);
}

TEST_F(GateTest, ARefusalByTheLimiterIsADecisionAndNotAnError) {
  const auto caller = caller_of(free_key().secret);
  for (int call = 0; call < 100; ++call) ASSERT_TRUE(gate_->admit(*caller, {.name = "tools/list"})->is_allowed);

  const auto decision = gate_->admit(*caller, {.name = "tools/list"});

  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->is_allowed);
  EXPECT_EQ(decision->retry_after, milliseconds{60'000});
  EXPECT_EQ(decision->tier, "free");
}

TEST_F(GateTest, ARefundGivesBackWhatAFailedCallSpent) {
  const auto caller = caller_of(free_key().secret);
  const CallSpec call{.name = "create_scan", .cost = 60};
  auto decision = gate_->admit(*caller, call);
  ASSERT_FALSE(gate_->admit(*caller, call)->is_allowed);

  gate_->settle(*caller, call, CallEnd::failed_inside, *decision);

  EXPECT_TRUE(gate_->admit(*caller, call)->is_allowed);
}

TEST_F(GateTest, TheBudgetSurvivesAFullKeyCache) {
  rebuild_gate({.cached_keys_max = 1});
  const CreatedKey one = free_key();
  const CreatedKey two = create({.account = "other"});
  ASSERT_TRUE(gate_->admit(*caller_of(one.secret), {.name = "x", .cost = 100})->is_allowed);
  caller_of(two.secret);

  EXPECT_FALSE(gate_->admit(*caller_of(one.secret), {.name = "x", .cost = 1})->is_allowed);
}

TEST_F(GateTest, LastUsedIsWrittenAtMostOnceAMinute) {
  const CreatedKey key = free_key();
  const auto last_used = [&] { return admin_->list_keys("acme")->at(0).key.last_used_at; };
  const UnixMillis first = clock_.now();
  caller_of(key.secret);
  ASSERT_TRUE(weir::testing::eventually([&] { return last_used() == first; }));

  clock_.advance(milliseconds{59'000});
  caller_of(key.secret);
  clock_.advance(milliseconds{1'000});
  caller_of(key.secret);

  ASSERT_TRUE(weir::testing::eventually([&] { return last_used() != first; }));
  EXPECT_EQ(last_used(), first + milliseconds{60'000});
}

TEST_F(GateTest, ACleanStopWritesTheLastUses) {
  std::vector<CreatedKey> keys;
  for (int key = 0; key < 5; ++key) keys.push_back(create({.account = "account-" + std::to_string(key)}));
  for (const CreatedKey& key : keys) caller_of(key.secret);

  gate_.reset();

  const auto listed = admin_->list_keys("");
  for (const store::KeyWithAccount& each : *listed) EXPECT_TRUE(each.key.last_used_at.has_value());
}

TEST_F(GateTest, ACallersOwnRequestIdIsEchoedIfItIsVisibleAscii) {
  EXPECT_EQ(gate_->request_id(request_with("X-Request-ID", "abc-123")), "abc-123");
  EXPECT_EQ(gate_->request_id(request_with("X-Request-ID", std::string(128, 'x'))), std::string(128, 'x'));
  for (const std::string& unusable :
       {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\xC3\xA9")}) {
    EXPECT_TRUE(is_id(gate_->request_id(request_with("X-Request-ID", unusable)), "req")) << unusable;
  }
  EXPECT_TRUE(is_id(gate_->request_id(request_with("", "")), "req"));
}

TEST_F(GateTest, ManyThreadsOnOneKeyNeverExceedItsLimitAcrossRefreshes) {
  const CreatedKey key = free_key();
  std::atomic<int> admitted{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&] {
        for (int call = 0; call < 50; ++call) {
          const auto caller = gate_->authenticate(bearer(key.secret));
          if (!caller) continue;
          const auto decision = gate_->admit(**caller, {.name = "tools/list"});
          if (decision && decision->is_allowed) ++admitted;
          clock_.advance(milliseconds{40});  // 16 s in all: no unit leaves, every entry is refreshed
          if (call % 10 == 0) gate_->forget_key(key.key.id);
        }
      });
    }
  }

  EXPECT_EQ(admitted.load(), 100);
}

}  // namespace
}  // namespace weir::server
