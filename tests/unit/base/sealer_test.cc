#include "base/sealer.h"

#include "tests/support/fake_random.h"

namespace weir {
namespace {

class SealerTest : public ::testing::Test {
 protected:
  testing::FakeRandom random_;
  Sealer sealer_{std::string(Sealer::kKeyBytes, 'k'), random_};
};

TEST_F(SealerTest, GivesBackWhatWasSealed) {
  for (const std::string& secret : {std::string("whsec_abc"), std::string(), std::string("\0\xFF", 2)}) {
    EXPECT_EQ(sealer_.open(sealer_.seal(secret, "whk_1"), "whk_1"), secret);
  }
}

TEST_F(SealerTest, TheTextDoesNotShowTheSecretAndDiffersEachTime) {
  const std::string first = sealer_.seal("whsec_abcdefgh", "whk_1");

  EXPECT_EQ(first.find("abcdefgh"), std::string::npos);
  EXPECT_NE(first, sealer_.seal("whsec_abcdefgh", "whk_1"));
}

TEST_F(SealerTest, DoesNotOpenForAnotherRowOrWithAnotherKey) {
  const std::string sealed = sealer_.seal("a secret", "whk_1");  // no padding: each character counts
  const Sealer other(std::string(Sealer::kKeyBytes, 'o'), random_);

  EXPECT_FALSE(sealer_.open(sealed, "whk_2"));
  EXPECT_FALSE(other.open(sealed, "whk_1"));
}

TEST_F(SealerTest, DoesNotOpenWhatWasChanged) {
  const std::string sealed = sealer_.seal("a secret", "whk_1");  // no padding: each character counts

  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(sealer_.open(changed, "whk_1"), "a secret") << at;
  }
  EXPECT_FALSE(sealer_.open("", "whk_1"));
  EXPECT_FALSE(sealer_.open("s1:AAAA", "whk_1"));
  EXPECT_FALSE(sealer_.open("secret", "whk_1"));
}

}  // namespace
}  // namespace weir
