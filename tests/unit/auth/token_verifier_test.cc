#include "server/auth/token_verifier.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/auth/issuer.h"

namespace weir::auth {
namespace {

using testing::Issuer;
using testing::key_set_of;

constexpr const char* kIssuer = "https://issuer.example";
constexpr const char* kAudience = "https://weir.example/mcp";

// Not thread-safe: owned by a test.
class TokenVerifierTest : public ::testing::Test {
 protected:
  TokenVerifierTest() {
    std::ofstream(file_) << key_set_of({issuer_.public_key()});
    settings_.issuer = kIssuer;
    settings_.jwks_file = file_;
  }

  Json claims(const Json& changes = Json::object()) {
    const std::int64_t now = to_unix_ms(clock_.now()) / 1'000;
    Json all{
        {"iss", kIssuer}, {"aud", kAudience}, {"sub", "ann"}, {"exp", now + 600}, {"scope", "scans:run targets:read"}};
    for (const auto& [name, value] : changes.items()) {
      if (value.is_null()) {
        all.erase(name);
      } else {
        all[name] = value;
      }
    }
    return all;
  }
  Result<Identity> identity(const Json& changes = Json::object()) {
    KeySource source({.url = "", .file = file_, .user_agent = "test"}, clock_, *resolver_);
    TokenVerifier verifier(settings_, {kAudience}, source, clock_);
    return verifier.verify(issuer_.sign(claims(changes)));
  }
  std::string refusal(const Json& changes) {
    const auto read = identity(changes);
    return read ? "accepted" : read.error().message;
  }

  weir::testing::TempDir folder_;
  weir::testing::FakeClock clock_;
  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  const std::string file_ = (folder_.path() / "keys.json").string();
  const Issuer issuer_{"k1", Issuer::Kind::ec_p256};
  Settings settings_;
};

TEST_F(TokenVerifierTest, BelievesATokenOfTheIssuerForThisServer) {
  const auto read = identity();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->subject, "ann");
  EXPECT_EQ(read->scopes.names(), (std::vector<std::string>{"targets:read", "scans:run"}));
}

TEST_F(TokenVerifierTest, TheIssuerIsComparedAsWritten) {
  EXPECT_NE(refusal({{"iss", "https://issuer.example/"}}).find("https://issuer.example/"), std::string::npos);
  EXPECT_NE(refusal({{"iss", nullptr}}), "accepted");
}

TEST_F(TokenVerifierTest, TheAudienceMayBeOneOfSeveral) {
  EXPECT_EQ(refusal({{"aud", Json::array({"https://other.example", kAudience})}}), "accepted");
  EXPECT_NE(refusal({{"aud", "https://other.example"}}).find(kAudience), std::string::npos);
  EXPECT_NE(refusal({{"aud", nullptr}}), "accepted");
  EXPECT_NE(refusal({{"aud", Json::object()}}), "accepted");
}

TEST_F(TokenVerifierTest, AnExpiredTokenIsRefusedAfterTheLeeway) {
  const std::int64_t now = to_unix_ms(clock_.now()) / 1'000;
  EXPECT_EQ(refusal({{"exp", now - 29}}), "accepted");
  EXPECT_NE(refusal({{"exp", now - 30}}).find("expired"), std::string::npos);
  EXPECT_NE(refusal({{"exp", nullptr}}).find("no expiry"), std::string::npos);
  EXPECT_NE(refusal({{"exp", "tomorrow"}}), "accepted");
  EXPECT_NE(refusal({{"exp", 1e300}}), "accepted");
  EXPECT_NE(refusal({{"exp", -5}}), "accepted");
}

TEST_F(TokenVerifierTest, ATokenOfTheFutureIsRefused) {
  const std::int64_t now = to_unix_ms(clock_.now()) / 1'000;
  EXPECT_EQ(refusal({{"nbf", now + 29}}), "accepted");
  EXPECT_NE(refusal({{"nbf", now + 31}}).find("not valid yet"), std::string::npos);
  EXPECT_NE(refusal({{"nbf", "soon"}}), "accepted");
}

TEST_F(TokenVerifierTest, ATokenBoundToAKeyIsNoBearerToken) {
  EXPECT_NE(refusal({{"cnf", {{"jkt", "abc"}}}}).find("cnf"), std::string::npos);
}

TEST_F(TokenVerifierTest, WithoutASubjectThereIsNobody) {
  EXPECT_NE(refusal({{"sub", nullptr}}), "accepted");
  EXPECT_NE(refusal({{"sub", ""}}), "accepted");
  EXPECT_NE(refusal({{"sub", std::string(256, 'a')}}), "accepted");
}

TEST_F(TokenVerifierTest, AnotherClaimMayTellSubjectsApart) {
  settings_.account_claim = "email";
  const auto read = identity({{"email", "ann@example.org"}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->subject, "ann@example.org");
}

TEST_F(TokenVerifierTest, ScopesAreMappedAndUnknownOnesGrantNothing) {
  settings_.scope_map = {"weir.scan=scans:run", "weir.scan=targets:write", "weir.boss=admin"};
  const auto mapped = identity({{"scope", "weir.scan openid something:else"}});
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->scopes.names(), (std::vector<std::string>{"targets:write", "scans:run"}));
  const auto boss = identity({{"scope", "weir.boss"}});
  ASSERT_TRUE(boss);
  EXPECT_TRUE(boss->scopes.allows(tools::Scope::admin));
}

TEST_F(TokenVerifierTest, AdminAndTheShorthandsAreOnlyGrantedByTheMap) {
  const auto read = identity({{"scope", "admin write read"}});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->scopes.names().empty());
}

TEST_F(TokenVerifierTest, ScopesMayBeAListAndBeCalledScp) {
  const auto read = identity({{"scope", nullptr}, {"scp", Json::array({"scans:run", 5})}});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->scopes.allows(tools::Scope::scans_run));
}

}  // namespace
}  // namespace weir::auth
