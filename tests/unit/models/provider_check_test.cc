#include "tools/models/provider_check.h"

#include <gmock/gmock.h>

#include <future>

#include "tests/support/fake_random.h"
#include "tests/support/http_imposter.h"

namespace weir::tools::models {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::HttpImposter;
using testing::ImposterAnswer;
using Status = CheckStep::Status;

class ProviderCheckTest : public ::testing::Test {
 protected:
  ProviderCheckTest() {
    settings_.base_url = *egress::Url::parse(imposter_.url("/v1"));
    settings_.model = "qwen3";
    list(R"({"data":[{"id":"qwen3:latest"},{"id":"gemma"}]})");
  }
  void list(std::string body, int status = 200) {
    imposter_.answer("/v1/models",
                     {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)});
  }
  void answer(std::string body, int status = 200) {
    imposter_.answer("/v1/chat/completions",
                     {.status = status, .headers = {{"Content-Type", "text/event-stream"}}, .body = std::move(body)});
  }
  ConfiguredProviders providers() {
    return ConfiguredProviders({{"local", settings_}}, 0,
                               {*resolver_, clock_, random_, [](const char*) { return "k"; }},
                               RetrySettings{.tries = 2, .base = 1ms, .most = 1ms, .asked_most = 1s});
  }
  ProviderCheck check() {
    const ConfiguredProviders all = providers();
    auto checked = check_provider(all, "local", {}, {});
    EXPECT_TRUE(checked);
    return checked ? *checked : ProviderCheck{};
  }
  static const CheckStep* step(const ProviderCheck& check, std::string_view name) {
    const auto found = std::ranges::find(check.steps, name, &CheckStep::name);
    return found == check.steps.end() ? nullptr : &*found;
  }

  HttpImposter imposter_;
  ProviderSettings settings_;
  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  SystemClock clock_;
  testing::FakeRandom random_;
  const std::string call_ =
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"report_status\","
      "\"arguments\":\"{\\\"status\\\":\\\"ok\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
};

TEST_F(ProviderCheckTest, AGoodProviderHasNothingWrong) {
  answer(call_);

  const ProviderCheck checked = check();

  EXPECT_TRUE(checked.is_ok());
  for (const CheckStep& each : checked.steps) EXPECT_EQ(each.status, Status::ok) << each.message;
  EXPECT_NE(step(checked, "tools"), nullptr);
  const Json json = check_json(checked);
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["steps"].size(), checked.steps.size());
}

TEST_F(ProviderCheckTest, MissingFlagsAreExplained) {
  answer(
      R"({"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","code":400})",
      400);

  const ProviderCheck checked = check();

  EXPECT_FALSE(checked.is_ok());
  ASSERT_NE(step(checked, "answer"), nullptr);
  EXPECT_THAT(step(checked, "answer")->message, HasSubstr("Start vLLM with"));
}

TEST_F(ProviderCheckTest, WordsInsteadOfACallAreAFailure) {
  answer("data: {\"choices\":[{\"delta\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");

  const ProviderCheck checked = check();

  EXPECT_FALSE(checked.is_ok());
  EXPECT_THAT(step(checked, "tools")->advice, HasSubstr("--jinja"));
  EXPECT_EQ(step(checked, "usage")->status, Status::warning);
}

TEST_F(ProviderCheckTest, AnAnswerInOnePieceIsAWarning) {
  answer(
      R"({"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"report_status","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})");

  const ProviderCheck checked = check();

  EXPECT_TRUE(checked.is_ok());
  EXPECT_EQ(step(checked, "stream")->status, Status::warning);
}

TEST_F(ProviderCheckTest, AModelThatIsNotThereIsNamedWithTheNearest) {
  settings_.model = "qwen";
  answer(call_);

  const ProviderCheck checked = check();

  EXPECT_EQ(step(checked, "model")->status, Status::warning);
  EXPECT_THAT(step(checked, "model")->advice, HasSubstr("qwen3:latest"));
}

TEST_F(ProviderCheckTest, ARefusedKeyEndsTheCheck) {
  settings_.api_key_env = "K";
  list(R"({"error":{"message":"Incorrect API key provided"}})", 401);

  const ProviderCheck checked = check();

  ASSERT_EQ(checked.steps.size(), 1U);
  EXPECT_EQ(checked.steps[0].name, "key");
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(ProviderCheckTest, AGatewayWithoutAListIsStillAsked) {
  list("not here", 404);
  answer(call_);

  const ProviderCheck checked = check();

  EXPECT_TRUE(checked.is_ok());
  EXPECT_EQ(step(checked, "tools")->status, Status::ok);
}

TEST_F(ProviderCheckTest, WithoutAModelNothingIsAsked) {
  settings_.model.clear();

  const ProviderCheck checked = check();

  EXPECT_TRUE(checked.is_ok());
  EXPECT_THAT(step(checked, "model")->advice, HasSubstr("gemma"));
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(ProviderCheckTest, NobodyThereIsAFailure) {
  settings_.base_url.port = 1;

  const ProviderCheck checked = check();

  EXPECT_FALSE(checked.is_ok());
  EXPECT_EQ(checked.steps.at(0).name, "connection");
}

TEST_F(ProviderCheckTest, ChecksOfCallersRunOneAtATimeAndEndWithTheServer) {
  answer(call_);
  imposter_.answer("/v1/models", {.failure = ImposterAnswer::Failure::hang});
  const ConfiguredProviders all = providers();
  ProviderChecks checks(all);
  auto first = std::async(std::launch::async, [&] { return checks.run("local"); });
  ASSERT_TRUE(imposter_.wait_for_requests(1));

  EXPECT_EQ(checks.run("local").error().code, ErrorCode::conflict);
  checks.stop();

  const auto ended = first.get();
  ASSERT_TRUE(ended);
  EXPECT_FALSE(ended->is_ok());
  EXPECT_EQ(checks.run("other").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::tools::models
