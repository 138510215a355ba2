#include "egress/ip_address.h"

#include <sys/socket.h>

#include "tests/support/fake_random.h"

namespace weir::egress {
namespace {

struct ClassRow {
  const char* text;
  AddressClass expected;
};

constexpr auto kLoopback = AddressClass::loopback;
constexpr auto kPrivate = AddressClass::private_use;
constexpr auto kLinkLocal = AddressClass::link_local;
constexpr auto kMetadata = AddressClass::metadata;
constexpr auto kReserved = AddressClass::reserved;
constexpr auto kPublic = AddressClass::public_internet;

constexpr ClassRow kClassRows[] = {
    {"127.0.0.1", kLoopback},
    {"127.255.255.255", kLoopback},
    {"126.255.255.255", kPublic},
    {"128.0.0.0", kPublic},
    {"10.0.0.0", kPrivate},
    {"10.255.255.255", kPrivate},
    {"9.255.255.255", kPublic},
    {"11.0.0.0", kPublic},
    {"172.16.0.0", kPrivate},
    {"172.31.255.255", kPrivate},
    {"172.15.255.255", kPublic},
    {"172.32.0.0", kPublic},
    {"192.168.0.1", kPrivate},
    {"192.167.255.255", kPublic},
    {"192.169.0.0", kPublic},
    {"100.64.0.0", kPrivate},
    {"100.127.255.255", kPrivate},
    {"100.63.255.255", kPublic},
    {"100.128.0.0", kPublic},
    {"100.100.100.200", kMetadata},
    {"100.100.100.201", kPrivate},
    {"169.254.169.254", kMetadata},
    {"169.254.169.253", kLinkLocal},
    {"169.254.170.2", kLinkLocal},
    {"168.63.129.16", kMetadata},
    {"168.63.129.17", kPublic},
    {"0.0.0.0", kReserved},
    {"0.255.255.255", kReserved},
    {"1.0.0.0", kPublic},
    {"192.0.0.8", kReserved},
    {"192.0.1.1", kPublic},
    {"192.0.2.1", kReserved},
    {"198.51.100.7", kReserved},
    {"203.0.113.200", kReserved},
    {"203.0.114.0", kPublic},
    {"192.88.99.1", kReserved},
    {"198.18.0.0", kReserved},
    {"198.19.255.255", kReserved},
    {"198.20.0.0", kPublic},
    {"223.255.255.255", kPublic},
    {"224.0.0.1", kReserved},
    {"239.255.255.255", kReserved},
    {"240.0.0.1", kReserved},
    {"255.255.255.255", kReserved},
    {"8.8.8.8", kPublic},
    {"::1", kLoopback},
    {"::", kReserved},
    {"::2", kReserved},
    {"fc00::1", kPrivate},
    {"fdff:ffff::1", kPrivate},
    {"fe00::1", kReserved},
    {"fe80::1", kLinkLocal},
    {"febf::1", kLinkLocal},
    {"fec0::1", kReserved},
    {"ff02::1", kReserved},
    {"fd00:ec2::254", kMetadata},
    {"fd20:ce::254", kMetadata},
    {"fd00:ec2::253", kPrivate},
    {"2001:db8::1", kReserved},
    {"2001:db9::1", kPublic},
    {"3fff::1", kReserved},
    {"3fff:1000::1", kPublic},
    {"2606:4700:4700::1111", kPublic},
    {"2a00:1450::1", kPublic},
    {"4000::1", kReserved},
    {"100::1", kReserved},
    {"2001::1", kReserved},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", kReserved},
    {"2001:200::1", kPublic},
    {"::ffff:127.0.0.1", kLoopback},
    {"::ffff:7f00:1", kLoopback},
    {"::ffff:10.0.0.1", kPrivate},
    {"::ffff:169.254.169.254", kMetadata},
    {"::ffff:8.8.8.8", kPublic},
    {"::ffff:0.0.0.0", kReserved},
    {"::127.0.0.1", kLoopback},
    {"::10.1.2.3", kPrivate},
    {"64:ff9b::127.0.0.1", kLoopback},
    {"64:ff9b::a9fe:a9fe", kMetadata},
    {"64:ff9b::8.8.8.8", kPublic},
    {"64:ff9b:1::a00:1", kReserved},
    {"2002:7f00:1::", kLoopback},
    {"2002:c0a8:101::1", kPrivate},
    {"2002:a9fe:a9fe::", kMetadata},
    {"2002:808:808::1", kPublic},
};

TEST(IpAddressTest, ClassifiesEveryKindOfAddress) {
  for (const ClassRow& row : kClassRows) {
    const auto address = IpAddress::parse(row.text);
    ASSERT_TRUE(address) << row.text;

    EXPECT_EQ(to_string(address->address_class()), to_string(row.expected)) << row.text;
  }
}

TEST(IpAddressTest, RefusesEveryOtherSpelling) {
  for (const std::string_view text : {"",
                                      "1",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "01.2.3.4",
                                      "1.2.3.04",
                                      "0x7f.0.0.1",
                                      "0177.0.0.1",
                                      "256.1.1.1",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "1.2.3.4:80",
                                      "1..2.3",
                                      "1.2.3.",
                                      "2130706433",
                                      "[::1]",
                                      "::1%lo",
                                      "fe80::1%25eth0",
                                      ":::",
                                      "1::2::3",
                                      "::ffff:1.2.3",
                                      "::12345",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "localhost",
                                      "::1/128",
                                      "1,2,3,4",
                                      "0000:0000:0000:0000:0000:ffff:0127.0000.0000.0001"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0evil", 12)));
}

TEST(IpAddressTest, ReadsBackWhatItWrites) {
  testing::FakeRandom random(7);
  for (int i = 0; i < 2000; ++i) {
    std::array<std::byte, 16> bytes{};
    random.fill(bytes);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      // Runs of zeros are what the text form abbreviates.
      v6.sin6_addr.s6_addr[at] = i % 3 == 0 && at % 5 < 3 ? 0 : static_cast<std::uint8_t>(bytes[at]);
    }
    const auto address = IpAddress::from_socket(reinterpret_cast<const sockaddr*>(&v6));
    ASSERT_TRUE(address);

    const auto again = IpAddress::parse(address->to_text());

    ASSERT_TRUE(again) << address->to_text();
    EXPECT_EQ(*again, *address);
  }
}

TEST(IpAddressTest, SurvivesTheSocketForm) {
  for (const char* text : {"192.168.7.9", "2606:4700::6810:84e5"}) {
    const auto address = IpAddress::parse(text);
    const auto [storage, length] = address->to_socket(8080);

    const auto again = IpAddress::from_socket(reinterpret_cast<const sockaddr*>(&storage));

    ASSERT_TRUE(again);
    EXPECT_EQ(again->to_text(), text);
    EXPECT_GE(length, sizeof(sockaddr_in));
  }
}

TEST(IpAddressTest, RefusesASocketOfAnotherFamily) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;

  EXPECT_FALSE(IpAddress::from_socket(reinterpret_cast<const sockaddr*>(&storage)));
  EXPECT_FALSE(IpAddress::from_socket(nullptr));
}

TEST(AddressRangeTest, ContainsItsAddressesAndNoOthers) {
  struct Row {
    const char* range;
    const char* address;
    bool expected;
  };
  constexpr Row kRows[] = {
      {"10.1.0.0/16", "10.1.255.255", true},
      {"10.1.0.0/16", "10.2.0.0", false},
      {"10.1.0.0/16", "::ffff:10.1.0.1", true},
      {"192.168.1.128/25", "192.168.1.128", true},
      {"192.168.1.128/25", "192.168.1.127", false},
      {"10.0.0.7", "10.0.0.7", true},
      {"10.0.0.7", "10.0.0.8", false},
      {"0.0.0.0/0", "200.1.1.1", true},
      {"fd00::/8", "fdab::1", true},
      {"fd00::/8", "fc00::1", false},
      {"fd00::/8", "10.0.0.1", false},
      {"::1", "::1", true},
      {"fd12:3456:789a::/47", "fd12:3456:789b::1", true},
      {"fd12:3456:789a::/47", "fd12:3456:789c::1", false},
  };
  for (const Row& row : kRows) {
    const auto range = AddressRange::parse(row.range);
    ASSERT_TRUE(range) << row.range;

    EXPECT_EQ(range->contains(*IpAddress::parse(row.address)), row.expected) << row.range << " " << row.address;
  }
}

TEST(AddressRangeTest, RefusesWhatIsNotARange) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8",
                           "fd00::/129", "10.0.0.0/8/8", "host/8"}) {
    EXPECT_FALSE(AddressRange::parse(text)) << text;
  }
}

}  // namespace
}  // namespace weir::egress
