#include "server/api_key.h"

#include <set>

#include "base/log.h"
#include "tests/support/fake_random.h"

namespace weir::server {
namespace {

TEST(ApiKeyTest, HasThePrefixThirtyTwoRandomCharactersAndAChecksum) {
  testing::FakeRandom random;

  const NewApiKey key = make_api_key(random);

  EXPECT_TRUE(key.secret.starts_with("wk_"));
  EXPECT_EQ(key.secret.size(), 41U);
  EXPECT_EQ(key.prefix, key.secret.substr(0, 7));
  EXPECT_EQ(key.hash, hash_of_key(key.secret));
  EXPECT_EQ(key.hash.size(), 64U);
  EXPECT_TRUE(has_key_form(key.secret));
}

TEST(ApiKeyTest, EveryKeyIsAnother) {
  SystemRandom random;
  std::set<std::string> secrets;
  for (int key = 0; key < 1'000; ++key) secrets.insert(make_api_key(random).secret);

  EXPECT_EQ(secrets.size(), 1'000U);
}

TEST(ApiKeyTest, AnyOneWrongCharacterIsATypingError) {
  testing::FakeRandom random;
  const std::string secret = make_api_key(random).secret;
  for (std::size_t place = 0; place < secret.size(); ++place) {
    std::string wrong = secret;
    wrong[place] = wrong[place] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(has_key_form(wrong)) << place;
  }
}

TEST(ApiKeyTest, OtherTextsAreNotKeys) {
  testing::FakeRandom random;
  const std::string secret = make_api_key(random).secret;

  EXPECT_FALSE(has_key_form(""));
  EXPECT_FALSE(has_key_form("wk_"));
  EXPECT_FALSE(has_key_form(secret + "x"));
  EXPECT_FALSE(has_key_form(secret.substr(1)));
  EXPECT_FALSE(has_key_form(std::string(41, '\0')));
}

TEST(ApiKeyTest, TheLogNeverShowsOne) {
  testing::FakeRandom random;
  const std::string secret = make_api_key(random).secret;

  EXPECT_THAT(redacted("key " + secret + "."), ::testing::Not(::testing::HasSubstr(secret)));
}

}  // namespace
}  // namespace weir::server
