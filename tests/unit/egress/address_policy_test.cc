#include "egress/address_policy.h"

namespace weir::egress {
namespace {

using ::testing::HasSubstr;

IpAddress address(std::string_view text) { return *IpAddress::parse(text); }

constexpr const char* kNeverAllowed[] = {"169.254.169.254",
                                         "fd00:ec2::254",
                                         "100.100.100.200",
                                         "169.254.1.1",
                                         "fe80::1",
                                         "0.0.0.0",
                                         "::",
                                         "224.0.0.1",
                                         "255.255.255.255",
                                         "192.0.2.1",
                                         "2001:db8::1",
                                         "::ffff:169.254.169.254",
                                         "64:ff9b::a9fe:a9fe",
                                         "2001::1"};

TEST(AddressPolicyTest, AllowsPublicAddressesByDefault) {
  const AddressPolicy policy({});

  EXPECT_TRUE(policy.check(address("8.8.8.8"), 443));
  EXPECT_TRUE(policy.check(address("2606:4700:4700::1111"), 443));
}

TEST(AddressPolicyTest, RefusesWhatIsNeverAllowedWhateverTheSettings) {
  const AddressPolicy policy(
      {.allow_loopback = true, .allowed_private = {*AddressRange::parse("0.0.0.0/0"), *AddressRange::parse("::/0")}});
  for (const char* text : kNeverAllowed) {
    const auto allowed = policy.check(address(text), 80, AddressPolicy::Self::included);

    ASSERT_FALSE(allowed) << text;
    EXPECT_EQ(allowed.error().code, ErrorCode::address_not_allowed) << text;
    EXPECT_THAT(allowed.error().message, HasSubstr("never contacted")) << text;
  }
}

TEST(AddressPolicyTest, RefusesLoopbackAndNamesTheSetting) {
  const AddressPolicy policy({});
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    const auto allowed = policy.check(address(text), 80);

    ASSERT_FALSE(allowed) << text;
    EXPECT_THAT(allowed.error().message, HasSubstr("scans.allow_loopback"));
    EXPECT_THAT(allowed.error().message, HasSubstr(text));
  }
}

TEST(AddressPolicyTest, AllowsLoopbackIfSet) {
  const AddressPolicy policy({.allow_loopback = true});

  EXPECT_TRUE(policy.check(address("127.0.0.1"), 80));
  EXPECT_TRUE(policy.check(address("::1"), 80));
}

TEST(AddressPolicyTest, RefusesItsOwnPortUnlessTheTargetIsItself) {
  const AddressPolicy policy({.allow_loopback = true, .own_port = 8080});

  const auto others = policy.check(address("127.0.0.1"), 8080);
  const auto itself = policy.check(address("127.0.0.1"), 8080, AddressPolicy::Self::included);

  ASSERT_FALSE(others);
  EXPECT_THAT(others.error().message, HasSubstr("own listener"));
  EXPECT_FALSE(policy.check(address("::ffff:127.3.0.1"), 8080));
  EXPECT_TRUE(itself);
  EXPECT_TRUE(policy.check(address("127.0.0.1"), 8081));
}

TEST(AddressPolicyTest, RefusesPrivateAddressesOutsideTheRangesAndNamesTheSetting) {
  const AddressPolicy policy({.allowed_private = {*AddressRange::parse("10.1.0.0/16")}});

  const auto outside = policy.check(address("10.2.0.1"), 80);

  EXPECT_TRUE(policy.check(address("10.1.0.1"), 80));
  ASSERT_FALSE(outside);
  EXPECT_THAT(outside.error().message, HasSubstr("scans.allow_private"));
}

TEST(AddressPolicyTest, RefusesMixedAnswers) {
  const AddressPolicy policy({.allow_loopback = true});

  const auto mixed = policy.check_all({address("8.8.8.8"), address("127.0.0.1")}, 80);

  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, ErrorCode::address_not_allowed);
  EXPECT_THAT(mixed.error().message, HasSubstr("rebinding"));
  EXPECT_TRUE(policy.check_all({address("127.0.0.1"), address("::1")}, 80));
  EXPECT_TRUE(policy.check_all({address("8.8.8.8"), address("1.1.1.1")}, 80));
}

TEST(AddressPolicyTest, RefusesAllIfOneIsRefused) {
  const AddressPolicy policy({});

  EXPECT_FALSE(policy.check_all({address("8.8.8.8"), address("169.254.169.254")}, 80));
  EXPECT_FALSE(policy.check_all({}, 80));
}

TEST(AddressPolicyTest, RefusesTheNamesOfMetadataServices) {
  const AddressPolicy policy({});
  for (const char* host : {"metadata.google.internal", "Metadata.Google.Internal.", "metadata", "instance-data"}) {
    EXPECT_FALSE(policy.check_host_name(host)) << host;
  }
  for (const char* host : {"example.com", "metadata.example.com", "my-metadata", "", "127.0.0.1"}) {
    EXPECT_TRUE(policy.check_host_name(host)) << host;
  }
}

}  // namespace
}  // namespace weir::egress
