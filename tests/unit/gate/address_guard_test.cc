#include "server/address_guard.h"

namespace weir::server {
namespace {

using std::chrono::milliseconds;

const AddressGuard::TimePoint kStart{std::chrono::hours{1}};

TEST(AddressGuardTest, AnAddressThatNeverFailedMayTry) {
  AddressGuard guard(3, 10);

  EXPECT_FALSE(guard.delay("192.0.2.1", kStart));
  EXPECT_EQ(guard.size(), 0U);
}

TEST(AddressGuardTest, TheDelayEndsWhenTheOldestFailureLeavesTheMinute) {
  AddressGuard guard(2, 10);
  guard.count_failure("192.0.2.1", kStart);
  guard.count_failure("192.0.2.1", kStart + milliseconds{10'000});

  EXPECT_EQ(guard.delay("192.0.2.1", kStart + milliseconds{20'000}), milliseconds{40'000});
  EXPECT_FALSE(guard.delay("192.0.2.1", kStart + milliseconds{60'000}));
}

TEST(AddressGuardTest, FailuresWhileRefusedDoNotExtendTheDelay) {
  AddressGuard guard(1, 10);
  guard.count_failure("192.0.2.1", kStart);
  guard.count_failure("192.0.2.1", kStart + milliseconds{30'000});

  EXPECT_EQ(guard.delay("192.0.2.1", kStart + milliseconds{30'000}), milliseconds{30'000});
}

TEST(AddressGuardTest, TracksABoundedNumberAndForgetsTheLongestQuiet) {
  AddressGuard guard(1, 100);
  guard.count_failure("192.0.2.1", kStart);
  for (int host = 0; host < 1'000; ++host) {
    guard.count_failure("10.0." + std::to_string(host / 250) + "." + std::to_string(host % 250), kStart);
    if (host % 50 == 0) guard.count_failure("192.0.2.1", kStart);
  }

  EXPECT_EQ(guard.size(), 100U);
  EXPECT_TRUE(guard.delay("192.0.2.1", kStart));
  EXPECT_FALSE(guard.delay("10.0.0.1", kStart));
}

TEST(AddressGuardTest, AnIPv6NetworkIsOneAddress) {
  AddressGuard guard(1, 10);
  guard.count_failure("2001:db8:1:2:aaaa::1", kStart);

  EXPECT_TRUE(guard.delay("2001:db8:1:2:bbbb::9", kStart));
  EXPECT_FALSE(guard.delay("2001:db8:1:3::1", kStart));
}

TEST(AddressGuardTest, AMappedIPv4AddressIsTheIPv4Address) {
  AddressGuard guard(1, 10);
  guard.count_failure("::ffff:192.0.2.1", kStart);

  EXPECT_TRUE(guard.delay("192.0.2.1", kStart));
  EXPECT_FALSE(guard.delay("::ffff:192.0.2.2", kStart));
}

}  // namespace
}  // namespace weir::server
