#include "server/config.h"

#include <fstream>

#include "tests/support/temp_dir.h"

namespace weir::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ConfigSources from_flags(std::vector<std::pair<std::string, std::string>> flags) {
  ConfigSources sources;
  sources.flags = std::move(flags);
  return sources;
}

TEST(ConfigTest, DefaultsListenOnThisMachineOnly) {
  const auto config = load_config({});

  ASSERT_TRUE(config);
  EXPECT_EQ(config->http.host, "127.0.0.1");
  EXPECT_EQ(config->http.port, 8080);
  EXPECT_TRUE(config->listens_on_loopback());
  EXPECT_TRUE(config->may_scan_loopback());
}

// Every row takes what it shows, so that the example file is a valid configuration.
TEST(ConfigTest, EverySettingReadsItsOwnDefault) {
  const Config defaults;
  for (const Setting& setting : settings()) {
    const std::string text = setting.show(defaults);
    Config config;
    EXPECT_TRUE(setting.set(config, text)) << setting.name << " = " << text;
    EXPECT_EQ(setting.show(config), text) << setting.name;
  }
}

TEST(ConfigTest, EveryNameIsUniqueAndDescribed) {
  std::map<std::string_view, int> names;
  for (const Setting& setting : settings()) {
    EXPECT_EQ(++names[setting.name], 1) << setting.name;
    EXPECT_GT(setting.description.size(), 10U) << setting.name;
    EXPECT_NE(setting.name.find('.'), std::string_view::npos);
  }
  EXPECT_GT(names.size(), 25U);
}

TEST(ConfigTest, EveryIntegerHasBoundsThatAreKept) {
  for (const Setting& setting : settings()) {
    if (setting.type != "integer") continue;
    for (const std::string_view text : {"-1", "99999999999", "ten", "1.5", "", " 5", "5 "}) {
      Config config;
      const auto done = setting.set(config, text);
      ASSERT_FALSE(done) << setting.name << " = " << text;
      EXPECT_THAT(done.error().message, HasSubstr("expects a whole number from"));
    }
  }
}

TEST(ConfigTest, RefusalsNameTheSettingItsSourceTheValueAndWhatIsExpected) {
  const std::vector<std::tuple<std::string, std::string, std::string>> bad = {
      {"server.listen", "8080", "HOST:PORT"},
      {"server.listen", "example.org:80", "HOST:PORT"},
      {"server.listen", "127.0.0.1:70000", "HOST:PORT"},
      {"server.listen", "::1:80", "HOST:PORT"},
      {"server.public_url", "ftp://x/", "http or https URL"},
      {"server.public_url", "https://x/path", "without a path"},
      {"store.synchronous", "sometimes", "one of normal, full"},
      {"scans.allow_loopback", "yes", "one of auto, true, false"},
      {"scans.allow_private", "10.0.0.0/8,nonsense", "address ranges"},
      {"log.level", "loud", "one of debug, info, warning, error, off"},
      {"data.dir", "", "folder"},
      {"tiers.gold", "5", "tiers.gold.units_per_minute"},
      {"tiers.gold.speed", "5", "units_per_minute"},
      {"tiers.gold.units_per_minute", "many", "whole number"},
      {"tiers.gold.unlimited", "1", "true or false"},
      {"costs.create_scan", "-1", "whole number"},
  };
  for (const auto& [name, text, expected] : bad) {
    const auto config = load_config(from_flags({{name, text}}));
    ASSERT_FALSE(config) << name << " = " << text;
    EXPECT_EQ(config.error().code, ErrorCode::validation_failed);
    EXPECT_THAT(config.error().message, HasSubstr(name));
    EXPECT_THAT(config.error().message, HasSubstr("command line"));
    EXPECT_THAT(config.error().message, HasSubstr(expected));
  }
}

TEST(ConfigTest, AnUnknownSettingGetsTheNearestName) {
  const auto config = load_config(from_flags({{"server.body_bytes", "5"}}));

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("server.body_bytes_max"));
}

TEST(ConfigTest, LaterSourcesWin) {
  const testing::TempDir dir;
  const std::string path = (dir.path() / "weir.toml").string();
  std::ofstream(path) << "[server]\nworkers = 3\nlisten = \"[::1]:1\"\n[limits]\nkey_refresh_ms = 5\n"
                         "[scans]\nallow_private = [\"10.0.0.0/8\", \"192.168.1.0/24\"]\n"
                         "[tiers.gold]\nunits_per_minute = 7\n[costs]\ncreate_scan = 5\n";
  ConfigSources sources;
  sources.file = path;
  sources.environment_names = {"WEIR_SERVER_WORKERS", "WEIR_URL", "WEIR_KEY"};
  sources.environment = [](const char*) { return "4"; };
  sources.flags = {{"server.workers", "5"}};

  const auto config = load_config(sources);

  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http.workers, 5U);
  EXPECT_EQ(config->http.host, "::1");
  EXPECT_EQ(config->gate.key_refresh, std::chrono::milliseconds{5});
  EXPECT_EQ(config->scans_allow_private.size(), 2U);
  EXPECT_EQ(config->tiers.at("gold").units_per_minute, 7U);
  EXPECT_EQ(config->costs.at("create_scan"), 5U);
  sources.flags.clear();
  EXPECT_EQ(load_config(sources)->http.workers, 4U);
}

TEST(ConfigTest, AFileThatIsNoTomlIsNamedWithItsLine) {
  const testing::TempDir dir;
  const std::string path = (dir.path() / "weir.toml").string();
  std::ofstream(path) << "[server]\nworkers = = 3\n";
  ConfigSources sources;
  sources.file = path;

  const auto config = load_config(sources);

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr(path));
  EXPECT_THAT(config.error().message, HasSubstr("line 2"));
}

TEST(ConfigTest, LoopbackIsScannedOnlyIfNobodyElseCanCall) {
  const auto open = load_config(from_flags({{"server.listen", "0.0.0.0:80"}}));
  const auto told = load_config(from_flags({{"server.listen", "0.0.0.0:80"}, {"scans.allow_loopback", "true"}}));
  const auto local = load_config(from_flags({{"server.listen", "localhost:80"}}));

  EXPECT_FALSE(open->may_scan_loopback());
  EXPECT_TRUE(told->may_scan_loopback());
  EXPECT_TRUE(local->may_scan_loopback());
}

TEST(ConfigTest, ListenTakesTheUsualForms) {
  EXPECT_EQ(*parse_listen("127.0.0.1:0"), (std::pair<std::string, std::uint16_t>("127.0.0.1", 0)));
  EXPECT_EQ(*parse_listen("[::1]:8080"), (std::pair<std::string, std::uint16_t>("::1", 8080)));
  EXPECT_EQ(*parse_listen("localhost:1"), (std::pair<std::string, std::uint16_t>("localhost", 1)));
  EXPECT_EQ(*parse_listen(":80"), (std::pair<std::string, std::uint16_t>("0.0.0.0", 80)));
}

TEST(ConfigTest, TheAddressOfRedisIsTakenAndShownWithoutItsPassword) {
  const auto config = load_config(from_flags({{"redis.url", "redis://:secret@10.0.0.7:6380/2"}}));

  ASSERT_TRUE(config);
  EXPECT_EQ(config->redis->password, "secret");
  EXPECT_EQ(config->redis->database, 2);
  const auto row = std::ranges::find(settings(), "redis.url", &Setting::name);
  EXPECT_EQ(row->show(*config), "redis://10.0.0.7:6380/2");
  EXPECT_FALSE(load_config(from_flags({{"redis.url", ""}}))->redis);
}

TEST(ConfigTest, AWrongAddressOfRedisIsNamedWithoutItsPassword) {
  const auto config = load_config(from_flags({{"redis.url", "redis://:secret@10.0.0.7:x"}}));

  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("redis.url (command line)"));
  EXPECT_THAT(config.error().message, HasSubstr("the port is 'x'"));
  EXPECT_THAT(config.error().message, Not(HasSubstr("secret")));
}

TEST(ConfigTest, ATierMayCountInAnotherWindow) {
  const auto config = load_config(from_flags({{"tiers.tiny.units_per_minute", "5"}, {"tiers.tiny.window_ms", "3000"}}));

  ASSERT_TRUE(config);
  const limits::Quota quota = limits::Tiers(config->tiers).quota_for("tiny", std::nullopt);
  EXPECT_EQ(quota.policies.front().limit, 5);
  EXPECT_EQ(quota.policies.front().window, std::chrono::seconds{3});
  EXPECT_EQ(quota.policies.front().name, "window");
  for (const char* text : {"0", "500", "1500", "3600001", "x"}) {
    EXPECT_FALSE(load_config(from_flags({{"tiers.tiny.window_ms", text}}))) << text;
  }
}

TEST(ConfigTest, TrustedProxiesAreRanges) {
  EXPECT_EQ(load_config(from_flags({{"server.trusted_proxies", "10.0.0.0/8, ::1"}}))->gate.trusted_proxies.size(), 2);
  EXPECT_FALSE(load_config(from_flags({{"server.trusted_proxies", "everybody"}})));
}

TEST(ConfigTest, TheReferenceAndTheExampleNameEverySetting) {
  const std::string reference = configuration_reference();
  const std::string example = example_toml();
  for (const Setting& setting : settings()) {
    EXPECT_THAT(reference, HasSubstr("`" + std::string(setting.name) + "`"));
    EXPECT_THAT(example, HasSubstr(setting.name.substr(setting.name.find('.') + 1)));
  }
}

}  // namespace
}  // namespace weir::server
