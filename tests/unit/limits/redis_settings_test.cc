#include "limits/redis_settings.h"

#include <gtest/gtest.h>

namespace weir::limits {
namespace {

RedisSettings parsed(std::string_view url) {
  Result<RedisSettings> settings = RedisSettings::parse(url);
  EXPECT_TRUE(settings.has_value()) << url << ": " << (settings ? "" : settings.error().message);
  return settings ? *std::move(settings) : RedisSettings{};
}

TEST(RedisSettingsTest, ReadsHostPortPasswordAndDatabase) {
  const RedisSettings settings = parsed("redis://:secret@cache.example:6380/7");

  EXPECT_EQ(settings.host, "cache.example");
  EXPECT_EQ(settings.port, 6380);
  EXPECT_EQ(settings.password, "secret");
  EXPECT_EQ(settings.username, "");
  EXPECT_EQ(settings.database, 7);
}

TEST(RedisSettingsTest, HasTheUsualDefaults) {
  for (const char* url : {"redis://cache.example", "redis://cache.example/", "redis://cache.example:6379/0"}) {
    EXPECT_EQ(parsed(url).shown(), "redis://cache.example:6379/0") << url;
    EXPECT_EQ(parsed(url).deadline, std::chrono::milliseconds{25});
  }
}

TEST(RedisSettingsTest, ReadsAnIpv6Address) {
  EXPECT_EQ(parsed("redis://[::1]:7000/1").host, "::1");
  EXPECT_EQ(parsed("redis://[::1]:7000/1").shown(), "redis://[::1]:7000/1");
  EXPECT_EQ(parsed("redis://[fe80::2]").port, 6379);
}

TEST(RedisSettingsTest, ReadsASocketsPathAndDatabase) {
  const RedisSettings settings = parsed("unix://:secret@/run/redis/redis.sock?db=2");

  EXPECT_EQ(settings.host, "");
  EXPECT_EQ(settings.socket_path, "/run/redis/redis.sock");
  EXPECT_EQ(settings.password, "secret");
  EXPECT_EQ(settings.shown(), "unix:///run/redis/redis.sock?db=2");
  EXPECT_EQ(parsed("unix:///run/redis.sock").database, 0);
}

TEST(RedisSettingsTest, DecodesUserAndPassword) {
  const RedisSettings settings = parsed("redis://we%69r:p%40ss%2Fword%25@cache.example");

  EXPECT_EQ(settings.username, "weir");
  EXPECT_EQ(settings.password, "p@ss/word%");
}

TEST(RedisSettingsTest, NeverShowsThePassword) {
  EXPECT_EQ(parsed("redis://user:secret@cache.example").shown().find("secret"), std::string::npos);
  EXPECT_EQ(parsed("redis://:se@cr/et@cache.example").password, "se@cr/et");
  for (const char* url : {"redis://:secret@cache.example:port", "redis://:secret@", "unix://:secret@run/redis.sock",
                          "redis://:secret%zz@cache.example", "redis://:secret@cache.example/db",
                          "rediss://:secret@cache.example", "http://:secret@cache.example"}) {
    const Result<RedisSettings> settings = RedisSettings::parse(url);
    ASSERT_FALSE(settings.has_value()) << url;
    EXPECT_EQ(settings.error().message.find("secret"), std::string::npos) << settings.error().message;
  }
}

TEST(RedisSettingsTest, RefusesWhatItWouldHaveToGuess) {
  for (const char* url :
       {"", "cache.example", "redis://", "redis:///3", "redis://host:0", "redis://host:65536",
        "redis://host:", "redis://host/-1", "redis://host/1x", "redis://[::1", "redis://user@host", "unix://",
        "unix://run/redis.sock", "unix:///run/redis.sock?database=1", "unix:///run/redis.sock?db="}) {
    const Result<RedisSettings> settings = RedisSettings::parse(url);
    ASSERT_FALSE(settings.has_value()) << url;
    EXPECT_EQ(settings.error().code, ErrorCode::bad_request);
    EXPECT_TRUE(settings.error().message.starts_with("redis.url: ")) << settings.error().message;
  }
}

}  // namespace
}  // namespace weir::limits
