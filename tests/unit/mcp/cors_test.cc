// Web pages of allowed origins.
#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOrigin = "https://app.example";

Settings with_origin() {
  Settings settings;
  settings.allowed_origins = {kOrigin};
  return settings;
}

class CorsTest : public EndpointTest {
 protected:
  CorsTest() : EndpointTest(with_origin()) {}

  std::shared_ptr<FakeExchange> preflight(const std::string& origin) {
    return post("", {.key = "",
                     .http_method = "OPTIONS",
                     .content_type = "",
                     .more_headers = {{"Origin", origin},
                                      {"Access-Control-Request-Method", "POST"},
                                      {"Access-Control-Request-Headers", "mcp-param-region"}}});
  }
};

TEST_F(CorsTest, AnswersThePreflightOfAnAllowedOriginWithoutAKey) {
  const auto exchange = preflight(kOrigin);

  EXPECT_EQ(status(exchange), 204);
  EXPECT_EQ(header(exchange, "Access-Control-Allow-Origin"), kOrigin);
  EXPECT_EQ(header(exchange, "Access-Control-Allow-Methods"), "POST, GET, DELETE");
  EXPECT_THAT(header(exchange, "Access-Control-Allow-Headers"), HasSubstr("Authorization"));
  EXPECT_THAT(header(exchange, "Access-Control-Allow-Headers"), HasSubstr("mcp-param-region")) << "what it asked for";
}

TEST_F(CorsTest, RefusesThePreflightOfAnyOther) { EXPECT_EQ(status(preflight("https://evil.example")), 403); }

TEST_F(CorsTest, LetsTheAllowedOriginReadAnswersAndRefusals) {
  for (const char* key : {"admin", ""}) {
    const auto exchange = modern("tools/list", {}, {.key = key, .more_headers = {{"Origin", kOrigin}}});

    EXPECT_EQ(header(exchange, "Access-Control-Allow-Origin"), kOrigin) << status(exchange);
    EXPECT_THAT(header(exchange, "Access-Control-Expose-Headers"), HasSubstr("Mcp-Session-Id"));
    EXPECT_EQ(header(exchange, "Vary"), "Origin");
  }
}

TEST_F(CorsTest, SaysNothingToClientsWithoutAnOrigin) {
  EXPECT_EQ(header(modern("tools/list"), "Access-Control-Allow-Origin"), "");
}

}  // namespace
}  // namespace weir::mcp
