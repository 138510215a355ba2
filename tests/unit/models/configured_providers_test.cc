#include "tools/models/configured_providers.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"

namespace weir::tools::models {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ConfiguredProvidersTest : public ::testing::Test {
 protected:
  ConfiguredProviders providers(ProviderTable table, std::uint16_t own_port = 0) {
    return ConfiguredProviders(std::move(table), own_port,
                               {*resolver_, clock_, random_, [this](const char* name) -> const char* {
                                  const auto found = variables_.find(name);
                                  return found == variables_.end() ? nullptr : found->second.c_str();
                                }});
  }
  static ProviderSettings at(std::string_view url) {
    ProviderSettings settings;
    settings.base_url = *egress::Url::parse(url);
    settings.model = "m";
    return settings;
  }

  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  SystemClock clock_;
  testing::FakeRandom random_;
  std::map<std::string, std::string> variables_;
};

TEST_F(ConfiguredProvidersTest, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  EXPECT_THAT(providers({}).open("gpt").error().message, HasSubstr("docs/providers.md"));

  const auto some = providers({{"local", at("http://127.0.0.1:1/v1")}, {"cloud", at("https://api.example.com/v1")}});
  const auto opened = some.open("loca");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::not_found);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("cloud"), HasSubstr("local")));
}

TEST_F(ConfiguredProvidersTest, TheListHasNoSecrets) {
  ProviderSettings settings = at("https://api.example.com/v1");
  settings.api_key_env = "KEY";
  variables_["KEY"] = "sk-very-secret-key";
  const auto list = providers({{"cloud", settings}}).list();

  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].name, "cloud");
  EXPECT_EQ(list[0].kind, "openai_chat");
  EXPECT_EQ(list[0].model, "m");
  EXPECT_TRUE(list[0].has_key);
}

TEST_F(ConfiguredProvidersTest, AMissingKeySaysWhereItShouldBe) {
  ProviderSettings settings = at("https://api.example.com/v1");
  settings.api_key_env = "ABSENT_KEY";
  auto opened = providers({{"cloud", settings}}).open("cloud");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unauthorized);
  EXPECT_THAT(opened.error().message, HasSubstr("ABSENT_KEY is not set"));

  settings.api_key_env.clear();
  settings.api_key_file = "/nowhere/key";
  EXPECT_THAT(providers({{"cloud", settings}}).open("cloud").error().message, HasSubstr("/nowhere/key cannot be read"));
}

TEST_F(ConfiguredProvidersTest, AKeyFileIsReadAtEachOpening) {
  const testing::TempDir folder;
  ProviderSettings settings;
  settings.api_key_file = (folder.path() / "key").string();
  const auto write = [&](const std::string& text) { std::ofstream(settings.api_key_file, std::ios::trunc) << text; };

  write("first\n");
  EXPECT_EQ(read_provider_key(settings, {}).value(), "first");
  write("  second  \n");
  EXPECT_EQ(read_provider_key(settings, {}).value(), "second");
  for (const std::string& bad :
       {std::string(), std::string("two words"), std::string("line\r\nX-Evil: 1"), std::string(20'000, 'k')}) {
    write(bad);
    const auto key = read_provider_key(settings, {});
    ASSERT_FALSE(key) << bad.size();
    EXPECT_EQ(key.error().code, ErrorCode::unauthorized);
  }
}

TEST_F(ConfiguredProvidersTest, AnOpenKeyFileIsNoticed) {
  const testing::TempDir folder;
  ProviderSettings settings;
  settings.api_key_file = (folder.path() / "key").string();
  std::ofstream(settings.api_key_file) << "k";
  ASSERT_EQ(chmod(settings.api_key_file.c_str(), 0644), 0);
  EXPECT_TRUE(is_key_file_open_to_others(settings));
  ASSERT_EQ(chmod(settings.api_key_file.c_str(), 0600), 0);
  EXPECT_FALSE(is_key_file_open_to_others(settings));
}

TEST_F(ConfiguredProvidersTest, CostComesFromTheTableOrIsUnknown) {
  ProviderSettings settings = at("https://api.example.com/v1");
  settings.prices["small"] = {.input = 150'000, .output = 600'000, .cached_input = 75'000};
  const auto all = providers({{"cloud", settings}});
  ModelUsage usage{
      .input_tokens = 1'000'000, .output_tokens = 500'000, .cached_input_tokens = 400'000, .reasoning_tokens = {}};

  EXPECT_EQ(all.cost_microusd("cloud", "small", usage), 90'000 + 30'000 + 300'000);
  EXPECT_EQ(all.cost_microusd("cloud", "large", usage), std::nullopt);
  EXPECT_EQ(all.cost_microusd("other", "small", usage), std::nullopt);
  usage = {.input_tokens = 1, .output_tokens = 1, .cached_input_tokens = {}, .reasoning_tokens = {}};
  EXPECT_EQ(all.cost_microusd("cloud", "small", usage), 1);  // rounded up
  usage.output_tokens.reset();
  EXPECT_EQ(all.cost_microusd("cloud", "small", usage), std::nullopt);  // never estimated
}

TEST_F(ConfiguredProvidersTest, AStarIsThePriceOfEveryOtherModel) {
  ProviderSettings settings = at("http://127.0.0.1:1/v1");
  settings.prices["*"] = {.input = 0, .output = 0, .cached_input = {}};
  settings.prices["paid"] = {.input = 1'000'000, .output = 1'000'000, .cached_input = {}};
  const auto all = providers({{"local", settings}});
  const ModelUsage usage{.input_tokens = 10, .output_tokens = 10, .cached_input_tokens = {}, .reasoning_tokens = {}};

  EXPECT_EQ(all.cost_microusd("local", "anything", usage), 0);
  EXPECT_EQ(all.cost_microusd("local", "paid", usage), 20);
}

TEST_F(ConfiguredProvidersTest, ItsOwnListenerAndMetadataServicesAreNoProviders) {
  const auto ask = [&](const ConfiguredProviders& all) {
    auto opened = all.open("x");
    ModelRequest request;
    request.messages = {{.role = ModelMessage::Role::user, .text = "Hello."}};
    return (*opened)->complete(request, {}, std::chrono::seconds{2}, {}).error();
  };
  EXPECT_THAT(ask(providers({{"x", at("http://127.0.0.1:8080/v1")}}, 8080)).message, HasSubstr("own listener"));
  EXPECT_THAT(ask(providers({{"x", at("http://169.254.169.254/v1")}})).message, HasSubstr("metadata service"));
}

}  // namespace
}  // namespace weir::tools::models
