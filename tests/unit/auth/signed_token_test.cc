#include "server/auth/signed_token.h"

#include <gtest/gtest.h>

#include "tests/unit/auth/issuer.h"

namespace weir::auth {
namespace {

using testing::base64url;
using testing::Issuer;
using testing::key_set_of;

Jwk jwk_of(const Issuer& issuer) { return KeySet::parse(key_set_of({issuer.public_key()})).value().keys().front(); }

std::string refusal_of(std::string_view text) {
  const auto token = SignedToken::read(text);
  return token ? "accepted" : token.error().message;
}

class SignedTokenTest : public ::testing::TestWithParam<Issuer::Kind> {};

TEST_P(SignedTokenTest, GivesTheClaimsOfATokenThatTheKeySigned) {
  const Issuer issuer("k1", GetParam());
  const auto token = SignedToken::read(issuer.sign({{"sub", "ann"}}));
  ASSERT_TRUE(token);
  EXPECT_EQ(token->key_id(), "k1");
  const auto claims = token->claims(jwk_of(issuer));
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(*claims, Json({{"sub", "ann"}}));
}

TEST_P(SignedTokenTest, RefusesAnotherKeysSignature) {
  const Issuer issuer("k1", GetParam());
  const Issuer stranger("k1", GetParam());
  const auto token = SignedToken::read(stranger.sign({{"sub", "ann"}}));
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->claims(jwk_of(issuer)));
}

TEST_P(SignedTokenTest, RefusesClaimsThatWereChanged) {
  const Issuer issuer("k1", GetParam());
  const std::string text = issuer.sign({{"sub", "ann"}});
  const std::size_t first = text.find('.');
  const std::size_t second = text.find('.', first + 1);
  const std::string changed = text.substr(0, first + 1) + base64url(R"({"sub":"bob"})") + text.substr(second);
  const auto token = SignedToken::read(changed);
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->claims(jwk_of(issuer)));
}

INSTANTIATE_TEST_SUITE_P(Algorithms, SignedTokenTest, ::testing::Values(Issuer::Kind::rsa_2048, Issuer::Kind::ec_p256));

TEST(SignedTokenHeaderTest, NoneIsNoSignature) {
  const std::string payload = base64url(R"({"sub":"ann"})");
  for (const char* alg : {"none", "None", "nOnE", ""}) {
    const std::string head = base64url(R"({"alg":")" + std::string(alg) + R"("})");
    EXPECT_NE(refusal_of(head + "." + payload + "."), "accepted") << alg;
    EXPECT_NE(refusal_of(head + "." + payload + ".AAAA"), "accepted") << alg;
  }
}

TEST(SignedTokenHeaderTest, APublicKeyIsNoSecret) {
  const Issuer secret("k1", Issuer::Kind::secret);
  EXPECT_NE(refusal_of(secret.sign({{"sub", "ann"}})).find("HS256"), std::string::npos);
}

TEST(SignedTokenHeaderTest, TheKeysAlgorithmCounts) {
  const Issuer rsa("k1", Issuer::Kind::rsa_2048);
  const Issuer ec("k1", Issuer::Kind::ec_p256);
  const auto token = SignedToken::read(rsa.sign({{"sub", "ann"}}));
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->claims(jwk_of(ec)));
}

TEST(SignedTokenHeaderTest, OtherAlgorithmsOfTheSameKeyAreRefused) {
  const Issuer rsa("k1", Issuer::Kind::rsa_2048);
  EXPECT_NE(refusal_of(rsa.sign({{"sub", "ann"}}, {{"alg", "PS256"}})).find("PS256"), std::string::npos);
  EXPECT_NE(refusal_of(rsa.sign({{"sub", "ann"}}, {{"alg", "RS512"}})).find("RS512"), std::string::npos);
}

TEST(SignedTokenHeaderTest, CriticalExtensionsAreNotIgnored) {
  const Issuer ec("k1", Issuer::Kind::ec_p256);
  EXPECT_NE(refusal_of(ec.sign({{"sub", "ann"}}, {{"crit", Json::array({"exp"})}})).find("crit"), std::string::npos);
}

TEST(SignedTokenHeaderTest, OnlyAccessTokensAndUntypedOnesAreTaken) {
  const Issuer ec("k1", Issuer::Kind::ec_p256);
  for (const char* type : {"JWT", "at+jwt", "AT+JWT", "application/at+jwt"}) {
    EXPECT_EQ(refusal_of(ec.sign(Json::object(), {{"typ", type}})), "accepted") << type;
  }
  for (const char* type : {"logout+jwt", "dpop+jwt", "id_token+jwt"}) {
    EXPECT_NE(refusal_of(ec.sign(Json::object(), {{"typ", type}})).find(type), std::string::npos);
  }
}

TEST(SignedTokenHeaderTest, WhatIsNoTokenIsRefused) {
  const std::string payload = base64url("{}");
  for (const std::string& text :
       {std::string(), std::string(".."), std::string("a.b.c"), std::string("a.b"), std::string("a.b.c.d"),
        base64url("[]") + "." + payload + ".AAAA", base64url("{") + "." + payload + ".AAAA",
        base64url(R"({"alg":5})") + "." + payload + ".AAAA",
        base64url(R"({"alg":["RS256"]})") + "." + payload + ".AAAA", std::string(kTokenBytesMax, 'a') + ".b.c"}) {
    EXPECT_NE(refusal_of(text), "accepted") << text.substr(0, 60);
  }
}

// cjose 0.6.2 aborts the process at padding within a part.
TEST(SignedTokenHeaderTest, PartsThatAreNotPureBase64urlNeverReachTheLibrary) {
  const std::string head = base64url(R"({"alg":"RS256"})");
  for (const std::string part : {"ab=c", "ab==", "=abc", "abcde", "a b", "a+b/", "", "a"}) {
    EXPECT_NE(refusal_of(head + "." + part + ".AAAA"), "accepted") << part;
    EXPECT_NE(refusal_of(head + ".AAAA." + part), "accepted") << part;
    EXPECT_NE(refusal_of(part + ".AAAA.AAAA"), "accepted") << part;
  }
}

TEST(SignedTokenHeaderTest, ClaimsThatAreNoObjectAreRefused) {
  const Issuer ec("k1", Issuer::Kind::ec_p256);
  const auto token = SignedToken::read(ec.sign(Json::array({1, 2})));
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->claims(jwk_of(ec)));
}

}  // namespace
}  // namespace weir::auth
