#include "server/mcp/origin.h"

#include "server/mcp/framing.h"

namespace weir::mcp {
namespace {

http::Headers headers(std::vector<std::pair<std::string, std::string>> fields) {
  http::Headers out;
  for (auto& [name, value] : fields) out.add(name, value);
  return out;
}

bool is_allowed(std::vector<std::pair<std::string, std::string>> fields) {
  const OriginPolicy policy("192.0.2.7", {"weir.example"}, {"https://app.example"});
  return !policy.refusal(headers(std::move(fields))).has_value();
}

TEST(OriginTest, KnowsItsLocalNamesOnAnyPort) {
  for (const char* host :
       {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "192.0.2.7:80"}) {
    EXPECT_TRUE(is_allowed({{"Host", host}})) << host;
  }
}

TEST(OriginTest, KnowsTheConfiguredHosts) { EXPECT_TRUE(is_allowed({{"Host", "weir.example"}})); }

TEST(OriginTest, RefusesEveryOtherHost) {
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "evil.example:8080", "",
                           "[::2]", "localhost@evil.example"}) {
    EXPECT_FALSE(is_allowed({{"Host", host}})) << host;
  }
  EXPECT_FALSE(is_allowed({}));
  EXPECT_FALSE(is_allowed({{"Host", "localhost"}, {"Host", "localhost"}}));
}

TEST(OriginTest, AllowsTheSameOrigin) {
  EXPECT_TRUE(is_allowed({{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}}));
  EXPECT_TRUE(is_allowed({{"Host", "weir.example"}, {"Origin", "https://weir.example"}}));
  EXPECT_TRUE(is_allowed({{"Host", "weir.example:443"}, {"Origin", "https://weir.example"}}));
}

TEST(OriginTest, AllowsTheConfiguredOrigins) {
  EXPECT_TRUE(is_allowed({{"Host", "localhost:8080"}, {"Origin", "https://app.example"}}));
}

TEST(OriginTest, RefusesAForeignOriginEvenWithALocalHost) {
  for (const char* origin :
       {"http://evil.example", "null", "", "http://localhost:9999", "https://app.example.evil.example",
        "http://app.example", "file://", "http://localhost:8080.evil.example"}) {
    EXPECT_FALSE(is_allowed({{"Host", "localhost:8080"}, {"Origin", origin}})) << origin;
  }
}

TEST(OriginTest, NamesTheSettingThatWouldAllowIt) {
  const OriginPolicy policy("127.0.0.1", {}, {});

  EXPECT_THAT(policy.refusal(headers({{"Host", "evil"}})).value_or(""), ::testing::HasSubstr("server.allowed_hosts"));
  EXPECT_THAT(policy.refusal(headers({{"Host", "localhost"}, {"Origin", "http://evil"}})).value_or(""),
              ::testing::HasSubstr("mcp.allowed_origins"));
}

TEST(FramingTest, TakesJsonWithParameters) {
  for (const char* type : {"application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"}) {
    EXPECT_TRUE(is_json_content(headers({{"Content-Type", type}}))) << type;
  }
  for (const char* type : {"text/plain", "application/jsonp", "application/x-www-form-urlencoded", ""}) {
    EXPECT_FALSE(is_json_content(headers({{"Content-Type", type}}))) << type;
  }
  EXPECT_FALSE(is_json_content({}));
}

TEST(FramingTest, ReadsAccept) {
  struct Case {
    const char* accept;
    bool json;
    bool event_stream;
  };
  for (const Case& each :
       {Case{"application/json, text/event-stream", true, true}, Case{"*/*", true, true},
        Case{"application/json", true, false}, Case{"text/event-stream", false, true},
        Case{"application/json;q=0, text/event-stream", false, true}, Case{"text/html", false, false},
        Case{"APPLICATION/*;q=0.5", true, false}, Case{"", false, false}}) {
    const Accepts found = accepts(headers({{"Accept", each.accept}}));
    EXPECT_EQ(found.json, each.json) << each.accept;
    EXPECT_EQ(found.event_stream, each.event_stream) << each.accept;
  }
  EXPECT_TRUE(accepts({}).json && accepts({}).event_stream);
}

}  // namespace
}  // namespace weir::mcp
