// What the adapters promise, asked of a real endpoint if one is configured: WEIR_TEST_OPENAI_BASE_URL (such as
// http://127.0.0.1:11434/v1), WEIR_TEST_OPENAI_MODEL and, if it needs one, WEIR_TEST_OPENAI_KEY; WEIR_TEST_ANTHROPIC_...
// likewise. Without them the cases are skipped, and nothing is said about any provider.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tools/models/provider_check.h"

namespace weir::tools::models {
namespace {

using namespace std::chrono_literals;
using Stop = ModelTurn::Stop;

constexpr auto kPatience = 180s;

std::string variable(const std::string& wire, const std::string& name) {
  const char* const value = std::getenv(("WEIR_TEST_" + wire + "_" + name).c_str());
  return value == nullptr ? "" : value;
}

class RealProvider : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string wire = GetParam();
    if (variable(wire, "BASE_URL").empty() || variable(wire, "MODEL").empty()) {
      GTEST_SKIP() << "no real endpoint: set WEIR_TEST_" << wire << "_BASE_URL and WEIR_TEST_" << wire << "_MODEL";
    }
    ProviderSettings settings;
    settings.kind = wire == "OPENAI" ? ProviderKind::openai_chat : ProviderKind::anthropic_messages;
    auto url = egress::Url::parse(variable(wire, "BASE_URL"));
    ASSERT_TRUE(url) << url.error().message;
    settings.base_url = *url;
    settings.model = variable(wire, "MODEL");
    if (!variable(wire, "KEY").empty()) settings.api_key_env = "WEIR_TEST_" + wire + "_KEY";
    ProviderTable table = {{"real", settings}};
    settings.api_key_env = "WEIR_TEST_A_WRONG_KEY";
    table["wrong_key"] = settings;
    providers_.emplace(std::move(table), 0,
                       ConfiguredProviders::Parts{*resolver_, clock_, random_, [](const char* name) -> const char* {
                                                    if (std::string_view(name) == "WEIR_TEST_A_WRONG_KEY")
                                                      return "sk-wrong";
                                                    return std::getenv(name);
                                                  }});
  }

  static ModelRequest request(std::string text) {
    ModelRequest request;
    request.instructions = "Do exactly what you are asked.";
    request.messages = {{.role = ModelMessage::Role::user, .text = std::move(text)}};
    request.tools = {{"add_numbers",
                      "Adds two numbers.",
                      {{"type", "object"},
                       {"properties", {{"a", {{"type", "integer"}}}, {"b", {{"type", "integer"}}}}},
                       {"required", Json::array({"a", "b"})}}}};
    request.max_output_tokens = 2'048;
    return request;
  }
  Result<ModelTurn> ask(const ModelRequest& request, TurnCallbacks callbacks = {}, std::stop_token stop = {}) {
    auto opened = providers_->open("real");
    if (!opened) return std::move(opened).error();
    return (*opened)->complete(request, callbacks, kPatience, stop);
  }

  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  SystemClock clock_;
  SystemRandom random_;
  std::optional<ConfiguredProviders> providers_;
};

TEST_P(RealProvider, PassesItsOwnCheck) {
  const auto checked = check_provider(*providers_, "real", {}, {});

  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_TRUE(checked->is_ok()) << check_json(*checked).dump(2);
}

TEST_P(RealProvider, StreamsTextAndCountsTokens) {
  std::string text;
  ModelRequest asked = request("Answer with the single word: ready");
  asked.tools.clear();
  const auto turn =
      ask(asked, {.on_text = [&](std::string_view piece) { text += piece; }, .on_reasoning = {}, .on_retry = {}});

  ASSERT_TRUE(turn) << turn.error().message;
  EXPECT_EQ(turn->stop, Stop::end);
  EXPECT_EQ(text, turn->message.text);
  EXPECT_FALSE(text.empty());
  EXPECT_GT(turn->usage.input_tokens.value_or(0), 0);
  EXPECT_GT(turn->usage.output_tokens.value_or(0), 0);
}

TEST_P(RealProvider, CallsAToolAndTakesItsAnswer) {
  ModelRequest asked = request("Use add_numbers to add 4000 and 711, then say the sum.");
  const auto turn = ask(asked);
  ASSERT_TRUE(turn) << turn.error().message;
  ASSERT_EQ(turn->stop, Stop::tool_calls) << turn->message.text;
  EXPECT_EQ(parse_json(turn->message.calls.at(0).arguments_text).value(), Json({{"a", 4000}, {"b", 711}}));

  asked.messages.push_back(turn->message);
  for (const ModelCall& call : turn->message.calls) {
    asked.messages.push_back({.role = ModelMessage::Role::tool, .text = "4711", .call_id = call.id});
  }
  const auto last = ask(asked);

  ASSERT_TRUE(last) << last.error().message;
  EXPECT_THAT(last->message.text, ::testing::HasSubstr("4"));
}

TEST_P(RealProvider, EndsAtTheBoundOfTokens) {
  ModelRequest asked = request("Count from 1 to 1000 in words.");
  asked.tools.clear();
  asked.max_output_tokens = 16;
  const auto turn = ask(asked);

  ASSERT_TRUE(turn) << turn.error().message;
  EXPECT_EQ(turn->stop, Stop::max_tokens);
}

TEST_P(RealProvider, StopsInTheMiddleOfAStream) {
  std::stop_source stop;
  ModelRequest asked = request("Count from 1 to 1000 in words.");
  asked.tools.clear();
  const auto turn = ask(asked,
                        {.on_text = [&](std::string_view) { stop.request_stop(); },
                         .on_reasoning = [&](std::string_view) { stop.request_stop(); },
                         .on_retry = {}},
                        stop.get_token());

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::cancelled);
}

TEST_P(RealProvider, RefusesAWrongKey) {
  if (variable(GetParam(), "KEY").empty()) GTEST_SKIP() << "this endpoint needs no key";
  auto opened = providers_->open("wrong_key");
  ASSERT_TRUE(opened);
  const auto turn = (*opened)->complete(request("Hello."), {}, kPatience, {});

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unauthorized);
}

INSTANTIATE_TEST_SUITE_P(Wire, RealProvider, ::testing::Values("OPENAI", "ANTHROPIC"));

}  // namespace
}  // namespace weir::tools::models
