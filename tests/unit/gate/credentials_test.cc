#include "server/credentials.h"

namespace weir::server {
namespace {

http::Request with(std::string name, std::string value) {
  http::Request request;
  request.headers.add(std::move(name), std::move(value));
  return request;
}

TEST(CredentialsTest, TheSchemeHasNoCaseAndAnyNumberOfSpaces) {
  for (const char* value : {"Bearer wk_x", "bearer wk_x", "BEARER   wk_x"}) {
    const http::Request request = with("Authorization", value);
    const auto found = find_credentials(request);
    ASSERT_TRUE(found) << value;
    EXPECT_EQ(found->key, "wk_x");
    EXPECT_EQ(found->header, "Authorization");
  }
}

TEST(CredentialsTest, AnotherSchemeBesideAnApiKeyHeaderIsNotOurs) {
  http::Request request = with("Authorization", "Basic abc");
  request.headers.add("X-API-Key", "wk_x");

  EXPECT_EQ(find_credentials(request)->header, "X-API-Key");
}

TEST(CredentialsTest, ASchemeWithoutATokenIsNoBearer) {
  const http::Request request = with("Authorization", "Bearer");

  EXPECT_EQ(find_credentials(request).error().code, ErrorCode::unauthorized);
}

TEST(CredentialsTest, AMalformedKeyIsExplainedByWhatIsWrongWithIt) {
  const auto why = [](std::string_view key) { return malformed_key_error({key, "X-API-Key"}).message; };

  EXPECT_THAT(why("sk-abc"), ::testing::HasSubstr("starts with 'wk_'"));
  EXPECT_THAT(why("wk_abc"), ::testing::HasSubstr("41 characters and this has 6"));
  EXPECT_THAT(why("wk_" + std::string(38, 'a')), ::testing::HasSubstr("checksum"));
}

}  // namespace
}  // namespace weir::server
