#include "egress/resolver.h"

namespace weir::egress {
namespace {

TEST(SystemResolverTest, NumbersResolveToThemselves) {
  const auto resolver = system_resolver();

  const auto v4 = resolver->resolve("192.0.2.7");
  const auto v6 = resolver->resolve("2001:db8::1");

  ASSERT_TRUE(v4);
  ASSERT_EQ(v4->size(), 1U);
  EXPECT_EQ(v4->front().to_text(), "192.0.2.7");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->front().to_text(), "2001:db8::1");
}

TEST(SystemResolverTest, LocalhostIsLoopbackWithoutDuplicates) {
  const auto addresses = system_resolver()->resolve("localhost");

  ASSERT_TRUE(addresses) << addresses.error().message;
  for (const IpAddress& address : *addresses) {
    EXPECT_EQ(address.address_class(), AddressClass::loopback);
    EXPECT_EQ(std::count(addresses->begin(), addresses->end(), address), 1);
  }
}

TEST(SystemResolverTest, SaysWhichNameHasNoAnswer) {
  // A label may not be empty, so no server is asked.
  const auto addresses = system_resolver()->resolve("no..such.name");

  ASSERT_FALSE(addresses);
  EXPECT_EQ(addresses.error().code, ErrorCode::unavailable);
  EXPECT_THAT(addresses.error().message, ::testing::HasSubstr("no..such.name"));
}

}  // namespace
}  // namespace weir::egress
