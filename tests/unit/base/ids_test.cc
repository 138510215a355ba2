#include "base/ids.h"

#include <set>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"

namespace weir {
namespace {

TEST(IdsTest, CarryThePrefixAndTwentySixCrockfordCharacters) {
  testing::FakeClock clock;
  testing::FakeRandom random;
  IdGenerator ids(clock, random);

  const std::string id = ids.make("scn");

  EXPECT_EQ(id.size(), 30U);
  EXPECT_TRUE(is_id(id, "scn"));
  EXPECT_FALSE(is_id(id, "tgt"));
}

// The time part of the ULID specification's own example.
TEST(IdsTest, EncodeTheTimeAsTheUlidSpecificationDoes) {
  testing::FakeClock clock(from_unix_ms(1'469'918'176'385));
  testing::FakeRandom random;
  IdGenerator ids(clock, random);

  EXPECT_EQ(ids.make("x").substr(2, 10), "01ARYZ6S41");
}

TEST(IdsTest, StayInOrderWithinAMillisecondAndAcrossThem) {
  testing::FakeClock clock;
  testing::FakeRandom random;
  IdGenerator ids(clock, random);
  std::string last;
  for (int i = 0; i < 5'000; ++i) {
    if (i % 100 == 0) clock.advance(std::chrono::milliseconds{1});
    const std::string id = ids.make("evt");
    ASSERT_GT(id, last);
    last = id;
  }
}

TEST(IdsTest, StayInOrderWhenTheClockIsSetBack) {
  testing::FakeClock clock;
  testing::FakeRandom random;
  IdGenerator ids(clock, random);
  const std::string before = ids.make("evt");

  clock.advance(std::chrono::seconds{-5});

  EXPECT_GT(ids.make("evt"), before);
}

TEST(IdsTest, AreUniqueAcrossThreads) {
  const SystemClock clock;
  SystemRandom random;
  IdGenerator ids(clock, random);
  std::array<std::vector<std::string>, 4> made;
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made) {
      threads.emplace_back([&ids, &mine] {
        for (int i = 0; i < 1'000; ++i) mine.push_back(ids.make("key"));
      });
    }
  }
  std::set<std::string> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());

  EXPECT_EQ(all.size(), 4'000U);
}

TEST(IdsTest, KnowsWhatIsNoId) {
  for (const std::string_view text :
       {"", "scn_", "scn", "scn_01ARYZ6S41", "scn_01ARYZ6S41TSV4RRFFQ69G5FAVX", "scn_01ARYZ6S41TSV4RRFFQ69G5FAU",
        "scn-01ARYZ6S41TSV4RRFFQ69G5FAV", "scn_01aryz6s41tsv4rrffq69g5fav", "tgt_01ARYZ6S41TSV4RRFFQ69G5FAV"}) {
    EXPECT_FALSE(is_id(text, "scn")) << text;
  }
  EXPECT_TRUE(is_id("scn_01ARYZ6S41TSV4RRFFQ69G5FAV", "scn"));
}

TEST(RandomTest, Base62UsesTheWholeAlphabetAndNothingElse) {
  SystemRandom random;

  const std::string text = random.base62(20'000);

  EXPECT_EQ(std::set<char>(text.begin(), text.end()).size(), 62U);
  EXPECT_TRUE(std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; }));
}

TEST(RandomTest, BelowStaysBelow) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 500; ++i) seen.insert(random.below(7));

  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(*seen.rbegin(), 6U);
}

}  // namespace
}  // namespace weir
