#include <gtest/gtest.h>

#include <fstream>

#include "server/auth/token_authority.h"
#include "tests/unit/auth/issuer.h"
#include "tests/unit/gate/gate_fixture.h"

namespace weir::server {
namespace {

using auth::testing::Issuer;
using auth::testing::key_set_of;

constexpr const char* kPublicUrl = "https://weir.example";

// Not thread-safe: owned by a test.
class GateTokensTest : public testing::GateFixture {
 protected:
  GateTokensTest() {
    std::ofstream(file_) << key_set_of({issuer_.public_key()});
    settings_.issuer = "https://issuer.example";
    settings_.jwks_file = file_;
    tokens_ =
        auth::TokenAuthority::create(settings_, kPublicUrl, {*counting_, tiers_, *resolver_, clock_, ids_}).value();
    gate_->accept_tokens(*tokens_);
  }

  std::string token(const std::string& subject, const std::string& scope = "scans:run", std::int64_t seconds = 600) {
    const std::int64_t now = to_unix_ms(clock_.now()) / 1'000;
    return issuer_.sign({{"iss", settings_.issuer},
                         {"aud", std::string(kPublicUrl) + "/mcp"},
                         {"sub", subject},
                         {"exp", now + seconds},
                         {"scope", scope},
                         {"jti", ++tokens_made_}});
  }

  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  const std::string file_ = (folder_.path() / "keys.json").string();
  const Issuer issuer_{"k1", Issuer::Kind::ec_p256};
  auth::Settings settings_;
  std::unique_ptr<auth::TokenAuthority> tokens_;
  int tokens_made_ = 0;
};

TEST_F(GateTokensTest, AllTokensOfASubjectShareOneLimit) {
  const auto first = caller_of(token("ann"));
  const auto second = caller_of(token("ann"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->key_id, second->key_id);
  const auto limit = tiers_.find("free")->units_per_minute;
  for (std::uint32_t i = 0; i < limit; ++i) {
    const auto decision = gate_->admit(i % 2 == 0 ? *first : *second, {.name = "list_targets"});
    ASSERT_TRUE(decision && decision->is_allowed) << i;
  }
  const auto refused = gate_->admit(*second, {.name = "list_targets"});
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->is_allowed);
  const auto stranger = caller_of(token("bob"));
  EXPECT_TRUE(gate_->admit(*stranger, {.name = "list_targets"})->is_allowed);
}

TEST_F(GateTokensTest, ScopesAreThoseOfEachToken) {
  EXPECT_TRUE(caller_of(token("ann", "scans:run"))->scopes.allows(tools::Scope::scans_run));
  const auto reader = caller_of(token("ann", "scans:read"));
  EXPECT_FALSE(reader->scopes.allows(tools::Scope::scans_run));
  const auto refused = gate_->admit(*reader, {.name = "create_scan", .scope = tools::Scope::scans_run});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("https://issuer.example"), std::string::npos);
  EXPECT_EQ(gate_->challenge(refused.error()),
            "Bearer error=\"insufficient_scope\", scope=\"scans:run\", "
            "resource_metadata=\"https://weir.example/.well-known/oauth-protected-resource/mcp\"");
}

TEST_F(GateTokensTest, AKnownTokenIsBelievedForAMomentAndThenExpires) {
  const std::string text = token("ann", "scans:run", 2);
  ASSERT_TRUE(caller_of(text));
  const int reads = counting_->reads();
  ASSERT_TRUE(caller_of(text));
  EXPECT_EQ(counting_->reads(), reads) << "from the cache";
  clock_.advance(std::chrono::seconds{2} + auth::TokenVerifier::kLeeway);
  const Error refusal = refusal_of(bearer(text));
  EXPECT_EQ(refusal.code, ErrorCode::unauthorized);
  EXPECT_NE(refusal.message.find("expired"), std::string::npos);
}

TEST_F(GateTokensTest, ARevokedSubjectIsLockedOutWithinASecond) {
  const std::string text = token("ann");
  const auto caller = caller_of(text);
  ASSERT_TRUE(caller);
  ASSERT_TRUE(admin_->revoke_key(caller->key_id, "cli"));
  clock_.advance(std::chrono::seconds{1});
  EXPECT_EQ(refusal_of(bearer(text)).code, ErrorCode::forbidden);
  EXPECT_EQ(refusal_of(bearer(token("ann"))).code, ErrorCode::forbidden);
}

TEST_F(GateTokensTest, ApiKeysStillWork) { EXPECT_TRUE(caller_of(free_key().secret)); }

TEST_F(GateTokensTest, ATokenIsOnlyTakenAsABearer) {
  EXPECT_EQ(refusal_of(request_with("X-API-Key", token("ann"))).code, ErrorCode::unauthorized);
}

TEST_F(GateTokensTest, ABadTokenIsAnInvalidTokenAndCountsAgainstItsAddress) {
  const Error refusal = refusal_of(bearer(token("ann", "scans:run", -600)));
  const auto challenge = gate_->challenge(refusal);
  ASSERT_TRUE(challenge);
  EXPECT_NE(challenge->find("error=\"invalid_token\""), std::string::npos);
  for (std::uint32_t i = 1; i < GateSettings{}.failures_per_address; ++i)
    refusal_of(bearer("a.b." + std::to_string(i)));
  EXPECT_EQ(refusal_of(bearer("a.b.c")).code, ErrorCode::rate_limit_exceeded);
}

TEST_F(GateTokensTest, WithoutACredentialTheChallengeNamesNoError) {
  const auto challenge = gate_->challenge(refusal_of(request_with("", "")));
  ASSERT_TRUE(challenge);
  EXPECT_EQ(challenge->find("error="), std::string::npos);
  EXPECT_NE(challenge->find("resource_metadata="), std::string::npos);
}

TEST_F(GateTokensTest, WithoutAnIssuerATokenIsNoKeyAndNothingPointsAtMetadata) {
  rebuild_gate({});
  const Error refusal = refusal_of(bearer(token("ann")));
  EXPECT_EQ(refusal.code, ErrorCode::unauthorized);
  EXPECT_EQ(gate_->challenge(refusal)->find("resource_metadata"), std::string::npos);
}

}  // namespace
}  // namespace weir::server
