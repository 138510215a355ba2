#include "server/auth/key_set.h"

#include <gtest/gtest.h>

#include "tests/unit/auth/issuer.h"

namespace weir::auth {
namespace {

using testing::Issuer;
using testing::key_set_of;

TEST(KeySetTest, KeepsTheKeysThatCanBeUsedAndOnlyTheirPublicMembers) {
  const Issuer rsa("r", Issuer::Kind::rsa_2048);
  const Issuer ec("e", Issuer::Kind::ec_p256);
  Json with_secret = rsa.public_key();
  with_secret["d"] = "private";

  const auto set = KeySet::parse(key_set_of({with_secret, ec.public_key()}));

  ASSERT_TRUE(set);
  ASSERT_EQ(set->keys().size(), 2U);
  EXPECT_EQ(set->keys()[0].text.find("private"), std::string::npos);
  ASSERT_NE(set->find("e", Algorithm::es256), nullptr);
  EXPECT_EQ(set->find("e", Algorithm::rs256), nullptr) << "the algorithm is the key's";
}

TEST(KeySetTest, LeavesOutWeakKeysSecretsAndThoseForEncryption) {
  const Issuer weak("weak", Issuer::Kind::rsa_1024);
  const Issuer curve("curve", Issuer::Kind::ec_p384);
  const Issuer secret("secret", Issuer::Kind::secret);
  Json for_encryption = Issuer("enc", Issuer::Kind::ec_p256).public_key();
  for_encryption["use"] = "enc";
  Json other_algorithm = Issuer("ps", Issuer::Kind::rsa_2048).public_key();
  other_algorithm["alg"] = "PS256";
  Json signs_only = Issuer("ops", Issuer::Kind::ec_p256).public_key();
  signs_only["key_ops"] = Json::array({"sign"});

  const auto set = KeySet::parse(key_set_of(
      {weak.public_key(), curve.public_key(), secret.public_key(), for_encryption, other_algorithm, signs_only}));

  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("None of its keys"), std::string::npos);
}

TEST(KeySetTest, ATokenThatNamesNoKeyGetsTheOnlyOneOfItsAlgorithm) {
  const Issuer first("a", Issuer::Kind::ec_p256);
  const Issuer second("b", Issuer::Kind::ec_p256);
  const Issuer rsa("r", Issuer::Kind::rsa_2048);
  const auto set = KeySet::parse(key_set_of({first.public_key(), second.public_key(), rsa.public_key()}));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->find("", Algorithm::es256), nullptr) << "two would fit";
  EXPECT_NE(set->find("", Algorithm::rs256), nullptr);
  EXPECT_EQ(set->find("unknown", Algorithm::rs256), nullptr);
}

TEST(KeySetTest, LeavesOutNumbersThatAreNotPureBase64url) {
  Json padded = Issuer("ec", Issuer::Kind::ec_p256).public_key();
  padded["x"] = "ab=c";
  EXPECT_FALSE(KeySet::parse(key_set_of({padded})));
}

TEST(KeySetTest, RefusesWhatIsNoKeySet) {
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1,null,"x"]})", "<html>"}) {
    EXPECT_FALSE(KeySet::parse(text)) << text;
  }
}

}  // namespace
}  // namespace weir::auth
