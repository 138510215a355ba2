#include "server/provider_config.h"

#include <gmock/gmock.h>

#include <fstream>

#include "server/config.h"
#include "tests/support/temp_dir.h"

namespace weir::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using tools::models::ProviderKind;
using tools::models::ProviderSettings;

Result<Config> from_toml(const std::string& text) {
  const testing::TempDir folder;
  const std::string path = (folder.path() / "weir.toml").string();
  std::ofstream(path) << text;
  ConfigSources sources;
  sources.file = path;
  return load_config(sources);
}

Result<Config> from_variables(const std::map<std::string, std::string>& variables) {
  ConfigSources sources;
  for (const auto& [name, value] : variables) sources.environment_names.push_back(name);
  sources.environment = [&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  return load_config(sources);
}

std::string complaint_about(const std::string& line) {
  const auto config = from_toml("[providers.local]\nbase_url = \"http://127.0.0.1:1/v1\"\n" + line + "\n");
  return config ? "no complaint" : config.error().message;
}

TEST(ProviderConfigTest, AFileDescribesProviders) {
  const auto config = from_toml(R"(
[providers.local]
kind = "openai_chat"
base_url = "http://127.0.0.1:11434/v1/"
model = "qwen3"
timeout_ms = 60000
asks_for_usage = false
[providers.local.headers]
X-Title = "weir"
[providers.cloud]
kind = "anthropic_messages"
base_url = "https://api.anthropic.com/v1"
api_key_env = "ANTHROPIC_API_KEY"
max_output_tokens = 8000
[providers.cloud.prices."claude-4.5"]
input = 3
output = 15.25
cached_input = "0.3"
)");

  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->providers.size(), 2U);
  const ProviderSettings& local = config->providers.at("local");
  EXPECT_EQ(local.base_url.to_text(), "http://127.0.0.1:11434/v1");
  EXPECT_EQ(local.endpoint("/models").to_text(), "http://127.0.0.1:11434/v1/models");
  EXPECT_EQ(local.timeout, std::chrono::minutes{1});
  EXPECT_FALSE(local.asks_for_usage);
  EXPECT_THAT(local.headers, ElementsAre(Pair("X-Title", "weir")));
  const ProviderSettings& cloud = config->providers.at("cloud");
  EXPECT_EQ(cloud.kind, ProviderKind::anthropic_messages);
  // Requests add /v1/messages, however the address was written.
  EXPECT_EQ(cloud.endpoint("/v1/messages").to_text(), "https://api.anthropic.com/v1/messages");
  EXPECT_EQ(cloud.max_output_tokens, 8'000);
  EXPECT_EQ(cloud.prices.at("claude-4.5").input, 3'000'000);
  EXPECT_EQ(cloud.prices.at("claude-4.5").output, 15'250'000);
  EXPECT_EQ(cloud.prices.at("claude-4.5").cached_input, 300'000);
}

TEST(ProviderConfigTest, VariablesAndFlagsSetTheSameFields) {
  const auto config = from_variables({{"WEIR_PROVIDERS_MY_LLM_BASE_URL", "http://localhost:8080/v1"},
                                      {"WEIR_PROVIDERS_MY_LLM_API_KEY_ENV", "LLM_KEY"},
                                      {"WEIR_PROVIDERS_MY_LLM_MODEL", "m"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->providers.at("my_llm").api_key_env, "LLM_KEY");
  EXPECT_EQ(config->providers.at("my_llm").model, "m");

  ConfigSources sources;
  sources.flags = {{"providers.local.base_url", "http://[::1]:8080"}, {"providers.local.prices.*.input", "0.000001"}};
  const auto flagged = load_config(sources);
  ASSERT_TRUE(flagged) << flagged.error().message;
  EXPECT_EQ(flagged->providers.at("local").prices.at("*").input, 1);
}

TEST(ProviderConfigTest, AKeyIsRefusedAndNotRepeated) {
  EXPECT_THAT(complaint_about("api_key = \"sk-secret-123456\""),
              AllOf(HasSubstr("api_key_env"), HasSubstr("api_key_file"), Not(HasSubstr("sk-secret"))));
  EXPECT_THAT(complaint_about("api_key_env = \"sk-secret-123456\""),
              AllOf(HasSubstr("not the key itself"), Not(HasSubstr("sk-secret"))));
  EXPECT_THAT(complaint_about("headers.Authorization = \"Bearer abc\""),
              AllOf(HasSubstr("api_key_env"), Not(HasSubstr("abc"))));
  const auto config = from_variables({{"WEIR_PROVIDERS_LOCAL_API_KEY", "sk-secret-123456"}});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, AllOf(HasSubstr("does not belong"), Not(HasSubstr("sk-secret"))));
}

TEST(ProviderConfigTest, MistakesAreNamed) {
  EXPECT_THAT(complaint_about("kind = \"openai\""),
              HasSubstr("expects openai_chat or anthropic_messages, got \"openai\""));
  EXPECT_THAT(complaint_about("modle = \"m\""),
              AllOf(HasSubstr("providers.local.modle"), HasSubstr("did you mean model?")));
  EXPECT_THAT(complaint_about("timeout_ms = 5"), HasSubstr("1000 to 3600000"));
  EXPECT_THAT(complaint_about("compat = \"ollama\""), HasSubstr("auto, generic or openai"));
  EXPECT_THAT(complaint_about("headers.Host = \"x\""), HasSubstr("Weir sets itself"));
  EXPECT_THAT(complaint_about("headers.\"X Y\" = \"x\""), HasSubstr("cannot be sent"));
  EXPECT_THAT(complaint_about("headers.X = \"a\\r\\nHost: b\""), HasSubstr("cannot be sent"));
  EXPECT_THAT(complaint_about("prices.m.inputs = 1"), HasSubstr("input, output or cached_input"));
  for (const char* price : {"\"-1\"", "20000", "\"0.1234567\"", "\"a\"", "\"\""}) {
    EXPECT_THAT(complaint_about(std::string("prices.m.input = ") + price), HasSubstr("US dollars")) << price;
  }
  EXPECT_THAT(from_toml("[providers.Local]\nmodel = \"m\"").error().message, HasSubstr("lower-case"));
  EXPECT_THAT(from_variables({{"WEIR_PROVIDERS_LOCAL", "x"}}).error().message, HasSubstr("Unknown variable"));
}

TEST(ProviderConfigTest, AnAddressIsTheBaseOnly) {
  const auto at = [](const std::string& url) {
    const auto config = from_toml("[providers.local]\nbase_url = \"" + url + "\"\n");
    return config ? "no complaint" : config.error().message;
  };
  EXPECT_THAT(at("http://127.0.0.1/v1/chat/completions"), HasSubstr("without /chat/completions"));
  EXPECT_THAT(at("https://api.anthropic.com/v1/messages"), HasSubstr("without /messages"));
  EXPECT_THAT(at("127.0.0.1:8080"), HasSubstr("expects an http or https URL"));
  EXPECT_THAT(at("https://user:pw@example.com/v1"), HasSubstr("expects an http or https URL"));
  EXPECT_THAT(at("https://example.com/v1?x=1"), HasSubstr("without a query"));
}

TEST(ProviderConfigTest, WhatIsMissingOrUnsafeStopsTheStart) {
  EXPECT_THAT(from_toml("[providers.local]\nmodel = \"m\"").error().message,
              HasSubstr("providers.local: base_url is missing"));
  EXPECT_THAT(complaint_about("api_key_env = \"A\"\napi_key_file = \"b\""), HasSubstr("both set"));
  const auto plain = from_toml("[providers.far]\nbase_url = \"http://8.8.8.8/v1\"\napi_key_env = \"A\"");
  ASSERT_FALSE(plain);
  EXPECT_THAT(plain.error().message, HasSubstr("unencrypted"));
}

}  // namespace
}  // namespace weir::server
