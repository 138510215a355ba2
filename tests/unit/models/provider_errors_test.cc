#include "tools/models/provider_errors.h"

#include <gmock/gmock.h>

namespace weir::tools::models {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ProviderSettings local() {
  ProviderSettings settings;
  settings.base_url = *egress::Url::parse("http://127.0.0.1:8000");
  settings.api_key_env = "LOCAL_KEY";
  return settings;
}

Error error_of(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
  egress::HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return status_error(response, local(), "qwen3", UnixMillis{1'763'798'400s});
}

TEST(ProviderErrorsTest, TheProvidersWordsAreFoundInEveryShape) {
  EXPECT_EQ(words_of(R"({"error":{"message":"one"}})"), "one");
  EXPECT_EQ(words_of(R"({"error":"two"})"), "two");
  EXPECT_EQ(words_of(R"({"object":"error","message":"three","code":400})"), "three");
  EXPECT_EQ(words_of(R"({"detail":[{"loc":["body"],"msg":"four"}]})"), "four");
  EXPECT_EQ(words_of(R"([{"error":{"code":400,"message":"five"}}])"), "five");
  EXPECT_EQ(words_of("plain words\n"), "plain words\\x0A");
  EXPECT_EQ(words_of("<html>"), "a web page, not an API's answer");
  EXPECT_EQ(words_of(""), "");
}

TEST(ProviderErrorsTest, MissingFlagsOfVllmAndLlamaServerAreExplained) {
  const Error vllm = error_of(
      400,
      R"({"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","code":400})");
  EXPECT_EQ(vllm.code, ErrorCode::validation_failed);
  EXPECT_THAT(vllm.message, HasSubstr("Start vLLM with --enable-auto-tool-choice --tool-call-parser"));

  // It answers 500 to what it can never serve: not to be tried again.
  const Error llama =
      error_of(500, R"({"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}})");
  EXPECT_EQ(llama.code, ErrorCode::validation_failed);
  EXPECT_THAT(llama.message, HasSubstr("Start llama-server with --jinja"));

  EXPECT_THAT(
      error_of(400, R"({"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools"}})").message,
      HasSubstr("ollama show"));
  EXPECT_THAT(error_of(404, R"({"error":{"message":"model \"qwen3\" not found, try pulling it first"}})").message,
              AllOf(HasSubstr("ollama pull"), HasSubstr("\"qwen3\"")));
  EXPECT_THAT(
      error_of(
          400,
          R"({"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}})")
          .message,
      HasSubstr("Set compat"));
}

TEST(ProviderErrorsTest, TooManyTokensPointAtTheSetting) {
  EXPECT_THAT(
      error_of(
          400,
          R"({"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: 200000 > 64000, which is the maximum allowed"}})")
          .message,
      HasSubstr("Set max_output_tokens"));
  EXPECT_THAT(
      error_of(
          400,
          R"({"error":{"message":"max_tokens is too large: 200000. This model supports at most 16384 completion tokens."}})")
          .message,
      HasSubstr("Set max_output_tokens"));
}

TEST(ProviderErrorsTest, WhatPassesAndWhatDoesNot) {
  EXPECT_EQ(error_of(400, "{}").code, ErrorCode::validation_failed);
  EXPECT_EQ(error_of(401, "{}").code, ErrorCode::unauthorized);
  EXPECT_EQ(error_of(403, "{}").code, ErrorCode::unauthorized);
  for (const int status : {408, 409, 500, 502, 503, 504, 529}) {
    EXPECT_EQ(error_of(status, "{}").code, ErrorCode::unavailable) << status;
  }
  EXPECT_EQ(error_of(429, "{}").code, ErrorCode::rate_limit_exceeded);
  EXPECT_EQ(
      error_of(429, R"({"error":{"type":"insufficient_quota","message":"You exceeded your current quota"}})").code,
      ErrorCode::unauthorized);
}

TEST(ProviderErrorsTest, ARefusedKeySaysWhereItCameFrom) {
  EXPECT_THAT(error_of(401, R"({"error":{"message":"Incorrect API key provided"}})").message,
              AllOf(HasSubstr("Incorrect API key provided"), HasSubstr("the variable LOCAL_KEY")));
}

TEST(ProviderErrorsTest, AMissingPathPointsAtTheBaseUrl) {
  EXPECT_THAT(error_of(404, "404 page not found").message, HasSubstr("most servers want it to end in /v1"));
}

TEST(ProviderErrorsTest, ARedirectSaysWhatToWrite) {
  const Error error = error_of(301, "", {{"Location", "https://other.example/v1"}});
  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  EXPECT_THAT(error.message, AllOf(HasSubstr("https://other.example/v1"), HasSubstr("base_url")));
}

TEST(ProviderErrorsTest, RetryAfterIsReadInEveryForm) {
  const auto read = [](std::string name, std::string value) {
    egress::HttpResponse response;
    response.headers = {{std::move(name), std::move(value)}};
    return retry_after(response, UnixMillis{1'763'798'400s});  // Sat, 22 Nov 2025 08:00:00 GMT
  };
  EXPECT_EQ(read("Retry-After", "7"), 7s);
  EXPECT_EQ(read("retry-after-ms", "250"), 250ms);
  EXPECT_EQ(read("Retry-After", "1.5"), 2s);
  EXPECT_EQ(read("Retry-After", "Sat, 22 Nov 2025 08:00:09 GMT"), 9s);
  EXPECT_EQ(read("Retry-After", "Sat, 22 Nov 2025 07:00:00 GMT"), 0s);
  for (const char* nonsense : {"", "-1", "soon", "99999999999999999999", "1e3"}) {
    EXPECT_EQ(read("Retry-After", nonsense), std::nullopt) << nonsense;
  }
}

TEST(ProviderErrorsTest, AFullContextIsNoError) {
  const auto overflows = [](int status, std::string body) {
    egress::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    return is_context_overflow(response);
  };
  EXPECT_TRUE(overflows(400, R"({"error":{"code":"context_length_exceeded","message":"too long"}})"));
  EXPECT_TRUE(overflows(
      400,
      R"({"error":{"code":400,"type":"exceed_context_size_error","message":"the request exceeds the available context size"}})"));
  EXPECT_TRUE(overflows(400, R"({"object":"error","message":"This model's maximum context length is 4096 tokens."})"));
  EXPECT_TRUE(overflows(
      400,
      R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}})"));
  EXPECT_FALSE(overflows(400, R"({"error":{"message":"bad schema"}})"));
  EXPECT_FALSE(overflows(429, R"({"error":{"code":"context_length_exceeded"}})"));
}

TEST(ProviderErrorsTest, AKeyInTheProvidersWordsIsNotShown) {
  EXPECT_THAT(without_key("key abc123def is wrong: abc123def", "abc123def"), Not(HasSubstr("abc123def")));
  EXPECT_EQ(without_key("fine", ""), "fine");
}

}  // namespace
}  // namespace weir::tools::models
