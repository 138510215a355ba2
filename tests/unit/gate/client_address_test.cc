#include "server/client_address.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::server {
namespace {

std::vector<egress::AddressRange> ranges(const std::vector<std::string>& texts) {
  std::vector<egress::AddressRange> made;
  for (const std::string& text : texts) made.push_back(*egress::AddressRange::parse(text));
  return made;
}

std::string address_of(const std::string& peer, const std::vector<std::string>& fields,
                       const std::vector<std::string>& trusted = {"10.0.0.0/8", "fd00::/8"}) {
  http::Request request;
  request.peer_address = peer;
  for (const std::string& field : fields) request.headers.add("x-forwarded-for", field);
  return client_address(request, ranges(trusted));
}

TEST(ClientAddressTest, TheHeaderMeansNothingByDefault) {
  EXPECT_EQ(address_of("10.0.0.1", {"192.0.2.7"}, {}), "10.0.0.1");
}

TEST(ClientAddressTest, AStrangersHeaderMeansNothing) {
  EXPECT_EQ(address_of("203.0.113.5", {"192.0.2.7"}), "203.0.113.5");
}

TEST(ClientAddressTest, ATrustedPeerTellsWhoIsCalling) {
  EXPECT_EQ(address_of("10.0.0.1", {"192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(address_of("::ffff:10.0.0.1", {"192.0.2.7"}), "192.0.2.7");
  EXPECT_EQ(address_of("fd00::1", {"2001:db8::7"}), "2001:db8::7");
}

TEST(ClientAddressTest, TheRightmostUntrustedAddressCounts) {
  EXPECT_EQ(address_of("10.0.0.1", {"198.51.100.1, 192.0.2.7, 10.0.0.9 ,10.0.0.8"}), "192.0.2.7");
}

TEST(ClientAddressTest, SeveralFieldsAreOneList) {
  EXPECT_EQ(address_of("10.0.0.1", {"198.51.100.1", "192.0.2.7,10.0.0.9"}), "192.0.2.7");
  EXPECT_EQ(address_of("10.0.0.1", {"192.0.2.7", "10.0.0.9"}), "192.0.2.7");
}

TEST(ClientAddressTest, PortsAndBracketsAreUnderstood) {
  EXPECT_EQ(address_of("10.0.0.1", {"192.0.2.7:4711"}), "192.0.2.7");
  EXPECT_EQ(address_of("10.0.0.1", {"[2001:db8::7]:4711"}), "2001:db8::7");
  EXPECT_EQ(address_of("10.0.0.1", {"[2001:db8::7]"}), "2001:db8::7");
}

TEST(ClientAddressTest, WhatIsNoAddressEndsTheSearch) {
  EXPECT_EQ(address_of("10.0.0.1", {"192.0.2.7, unknown, 10.0.0.9"}), "10.0.0.9");
  EXPECT_EQ(address_of("10.0.0.1", {""}), "10.0.0.1");
  EXPECT_EQ(address_of("10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(address_of("10.0.0.1", {"[192.0.2.7"}), "10.0.0.1");
}

TEST(ClientAddressTest, IfEverybodyIsTrustedTheFarthestCounts) {
  EXPECT_EQ(address_of("10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
}

TEST(ClientAddressTest, ALongHeaderIsReadOnlySoFar) {
  std::string field = "192.0.2.7";
  for (int hop = 0; hop < 1'000; ++hop) field += ",10.0.0.2";
  EXPECT_EQ(address_of("10.0.0.1", {field}), "10.0.0.2");
}

}  // namespace
}  // namespace weir::server
