#include "server/auth/settings.h"

#include <gtest/gtest.h>

namespace weir::auth {
namespace {

Settings good() {
  Settings settings;
  settings.issuer = "https://issuer.example";
  settings.jwks_url = "https://issuer.example/keys";
  return settings;
}

std::string complaint(const Settings& settings) {
  const auto checked = check(settings);
  return checked ? "" : checked.error().message;
}

TEST(AuthSettingsTest, WithoutAnIssuerNothingElseIsLookedAt) {
  Settings settings;
  settings.scope_map = {"nonsense"};
  EXPECT_EQ(complaint(settings), "");
}

TEST(AuthSettingsTest, TheKeysComeFromExactlyOnePlace) {
  EXPECT_EQ(complaint(good()), "");
  Settings none = good();
  none.jwks_url.clear();
  EXPECT_NE(complaint(none).find("auth.jwks_url"), std::string::npos);
  Settings both = good();
  both.jwks_file = "/tmp/keys.json";
  EXPECT_NE(complaint(both).find("exactly one"), std::string::npos);
}

TEST(AuthSettingsTest, AScopeThatDoesNotExistIsNamed) {
  Settings settings = good();
  settings.scope_map = {"weir.scan=scans:fly"};
  EXPECT_NE(complaint(settings).find("scans:fly"), std::string::npos);
  settings.scope_map = {"no sign"};
  EXPECT_NE(complaint(settings).find("LEFT=RIGHT"), std::string::npos);
}

TEST(AuthSettingsTest, APairMayHaveAUrlWithAnEqualsSignOnItsLeft) {
  const auto pair = parse_pair("https://api.example/?scope=scan=scans:run");
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->first, "https://api.example/?scope=scan");
  EXPECT_EQ(pair->second, "scans:run");
}

}  // namespace
}  // namespace weir::auth
