#include "tools/scans/checks/cookie.h"

namespace weir::tools::scans {
namespace {

TEST(CookieTest, ReadsNameValueAndAttributes) {
  const Cookie cookie = parse_cookie(
      " id = a=b ; expires=Wed, 21 Oct 2030 07:28:00 GMT;Path=/x; domain=.Example.com;SECURE; SameSite = Lax");

  EXPECT_EQ(cookie.name, "id");
  EXPECT_EQ(cookie.value, "a=b");
  EXPECT_EQ(cookie.path, "/x");
  EXPECT_EQ(cookie.domain, "Example.com");
  EXPECT_TRUE(cookie.is_secure);
  EXPECT_FALSE(cookie.is_http_only);
  EXPECT_EQ(cookie.same_site, "Lax");
  EXPECT_FALSE(cookie.is_deletion);
}

TEST(CookieTest, ANamelessCookieIsAllValue) {
  const Cookie cookie = parse_cookie("secret");

  EXPECT_EQ(cookie.name, "");
  EXPECT_EQ(cookie.value, "secret");
}

TEST(CookieTest, TheLastAttributeOfANameCounts) {
  EXPECT_EQ(parse_cookie("a=b; SameSite=None; SameSite=Strict").same_site, "Strict");
}

TEST(CookieTest, SeesDeletions) {
  EXPECT_TRUE(parse_cookie("a=; Max-Age=0").is_deletion);
  EXPECT_TRUE(parse_cookie("a=; Max-Age=-1").is_deletion);
  EXPECT_TRUE(parse_cookie("a=; Expires=Thu, 01-Jan-1970 00:00:01 GMT").is_deletion);
  EXPECT_FALSE(parse_cookie("a=; Max-Age=60").is_deletion);
}

TEST(CookieTest, KnowsSessionsByTheirNames) {
  for (const auto name : {"PHPSESSID", "connect.sid", "AuthToken", "jwt", "remember_me", "wp_login"}) {
    EXPECT_TRUE(parse_cookie(std::string(name) + "=x").is_session_like()) << name;
  }
  for (const auto name : {"theme", "lang", "_ga"}) {
    EXPECT_FALSE(parse_cookie(std::string(name) + "=x").is_session_like()) << name;
  }
  EXPECT_TRUE(parse_cookie("XSRF-TOKEN=x").is_anti_forgery());
}

}  // namespace
}  // namespace weir::tools::scans
