#include "server/auth/key_source.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/fake_clock.h"
#include "tests/support/http_imposter.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/auth/issuer.h"

namespace weir::auth {
namespace {

using testing::Issuer;
using testing::key_set_of;

// Not thread-safe: owned by a test.
class KeySourceTest : public ::testing::Test {
 protected:
  void publish(std::initializer_list<Json> keys) { std::ofstream(file_) << key_set_of(keys); }
  bool knows(KeySource& source, const std::string& id) { return source.find(id, Algorithm::es256).has_value(); }

  weir::testing::TempDir folder_;
  weir::testing::FakeClock clock_;
  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  const std::string file_ = (folder_.path() / "keys.json").string();
  const Issuer first_{"first", Issuer::Kind::ec_p256};
  const Issuer second_{"second", Issuer::Kind::ec_p256};
};

TEST_F(KeySourceTest, AnUnknownKeyMakesItLookAgainButNotBeforeItsTime) {
  publish({first_.public_key()});
  KeySource source({.file = file_, .refresh = std::chrono::seconds{30}}, clock_, *resolver_);
  EXPECT_TRUE(knows(source, "first"));
  publish({first_.public_key(), second_.public_key()});

  const auto refused = source.find("second", Algorithm::es256);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);

  clock_.advance(std::chrono::seconds{30});
  EXPECT_TRUE(knows(source, "second"));
}

TEST_F(KeySourceTest, AKeyThatTheIssuerTookBackStopsWorking) {
  publish({first_.public_key(), second_.public_key()});
  KeySource source({.file = file_}, clock_, *resolver_);
  EXPECT_TRUE(knows(source, "second"));
  publish({first_.public_key()});
  clock_.advance(KeySource::kAgeMax - std::chrono::seconds{1});
  EXPECT_TRUE(knows(source, "second"));
  clock_.advance(std::chrono::seconds{1});
  EXPECT_FALSE(knows(source, "second"));
}

TEST_F(KeySourceTest, KeysAtHandStayWhenTheSourceIsAway) {
  publish({first_.public_key()});
  KeySource source({.file = file_}, clock_, *resolver_);
  EXPECT_TRUE(knows(source, "first"));
  std::filesystem::remove(file_);
  clock_.advance(KeySource::kAgeMax * 3);
  EXPECT_TRUE(knows(source, "first"));
}

TEST_F(KeySourceTest, WithoutAnyKeysItSaysThatItCannotTell) {
  KeySource source({.file = file_}, clock_, *resolver_);
  const auto found = source.find("first", Algorithm::es256);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(found.error().retry_after);
}

TEST_F(KeySourceTest, FetchesByUrlOnceHoweverManyUnknownKeysAreTried) {
  weir::testing::HttpImposter server;
  server.answer("/keys", {.status = 200, .body = key_set_of({first_.public_key()})});
  KeySource source({.url = server.url("/keys"), .refresh = std::chrono::seconds{30}, .user_agent = "test"}, clock_,
                   *resolver_);
  source.warm_up();
  EXPECT_TRUE(knows(source, "first"));
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(knows(source, "unknown" + std::to_string(i)));
  EXPECT_EQ(server.requests().size(), 1U);
  clock_.advance(std::chrono::seconds{30});
  EXPECT_FALSE(knows(source, "unknown"));
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(KeySourceTest, AnAnswerThatIsNoSuccessIsNotRead) {
  weir::testing::HttpImposter server;
  server.answer("/keys", {.status = 500, .body = key_set_of({first_.public_key()})});
  KeySource source({.url = server.url("/keys"), .user_agent = "test"}, clock_, *resolver_);
  EXPECT_FALSE(knows(source, "first"));
}

}  // namespace
}  // namespace weir::auth
