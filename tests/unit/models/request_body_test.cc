#include <gmock/gmock.h>

#include "tests/unit/models/transcripts.h"
#include "tools/models/wire_format.h"

namespace weir::tools::models {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// A conversation with two calls in one turn, one of which failed, and a second question.
ModelRequest conversation() {
  ModelRequest request;
  request.model = "m";
  request.instructions = "Be brief.";
  request.max_output_tokens = 100;
  request.tools = {{"get_quota", "What is left.", Json{{"type", "object"}}}};
  ModelMessage question{.role = ModelMessage::Role::user, .text = "Check it."};
  ModelMessage turn{.role = ModelMessage::Role::assistant};
  turn.calls = {{"c1", "create_scan", R"({"target_id":"tgt_1"})"}, {"c2", "get_quota", "{oops"}};
  ModelMessage first{.role = ModelMessage::Role::tool, .text = "scan scn_1", .call_id = "c1"};
  ModelMessage second{
      .role = ModelMessage::Role::tool, .text = "arguments are no JSON", .call_id = "c2", .is_error = true};
  ModelMessage more{.role = ModelMessage::Role::user, .text = "Go on."};
  request.messages = {question, turn, first, second, more};
  return request;
}

TEST(OpenAiChatTest, ARequestIsWhatGenericServersTake) {
  ProviderSettings settings;
  const Json body = wire_format(settings)->body(conversation());

  EXPECT_EQ(body["max_tokens"], 100);
  EXPECT_FALSE(body.contains("max_completion_tokens"));
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
  EXPECT_FALSE(body.contains("temperature"));
  EXPECT_EQ(body["messages"][0], Json({{"role", "system"}, {"content", "Be brief."}}));
  EXPECT_EQ(body["tools"][0]["function"]["parameters"], Json({{"type", "object"}, {"properties", Json::object()}}));
}

TEST(OpenAiChatTest, OpenAiItselfGetsItsOwnNames) {
  ProviderSettings settings;
  settings.compat = ProviderSettings::Compat::openai;
  ModelRequest request = conversation();
  request.temperature = 0.5;
  const Json body = wire_format(settings)->body(request);

  EXPECT_EQ(body["max_completion_tokens"], 100);
  EXPECT_FALSE(body.contains("max_tokens"));
  EXPECT_EQ(body["messages"][0]["role"], "developer");
  EXPECT_EQ(body["temperature"], 0.5);
}

TEST(OpenAiChatTest, AnswersOfToolsNameTheirCall) {
  ProviderSettings settings;
  const Json messages = wire_format(settings)->body(conversation())["messages"];

  ASSERT_EQ(messages.size(), 6U);
  EXPECT_TRUE(messages[2]["content"].is_null());
  EXPECT_EQ(messages[2]["tool_calls"][0]["id"], "c1");
  EXPECT_EQ(messages[2]["tool_calls"][0]["function"]["arguments"], R"({"target_id":"tgt_1"})");
  // Servers that parse the arguments would fail the whole request.
  EXPECT_EQ(messages[2]["tool_calls"][1]["function"]["arguments"], "{}");
  EXPECT_EQ(messages[3], Json({{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "scan scn_1"}}));
  EXPECT_EQ(messages[4]["content"], "Error: arguments are no JSON");
}

TEST(OpenAiChatTest, TheKeyIsABearerTokenUnlessSaidOtherwise) {
  ProviderSettings settings;
  EXPECT_THAT(wire_format(settings)->headers("k"), ElementsAre(Pair("Authorization", "Bearer k")));
  EXPECT_TRUE(wire_format(settings)->headers("").empty());
  settings.api_key_header = "api-key";
  EXPECT_THAT(wire_format(settings)->headers("k"), ElementsAre(Pair("api-key", "k")));
}

TEST(AnthropicMessagesTest, AllResultsOfATurnStandFirstInOneUserMessage) {
  ProviderSettings settings;
  settings.kind = ProviderKind::anthropic_messages;
  const Json body = wire_format(settings)->body(conversation());

  EXPECT_EQ(body["max_tokens"], 100);
  EXPECT_EQ(body["system"], "Be brief.");
  const Json& messages = body["messages"];
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[1]["role"], "assistant");
  EXPECT_EQ(messages[1]["content"][1]["input"], Json::object());
  const Json& results = messages[2]["content"];
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0], Json({{"type", "tool_result"}, {"tool_use_id", "c1"}, {"content", "scan scn_1"}}));
  EXPECT_EQ(results[1]["is_error"], true);
  EXPECT_EQ(results[2], Json({{"type", "text"}, {"text", "Go on."}}));
}

TEST(AnthropicMessagesTest, ThinkingGoesBackUnchangedAfterBeingStored) {
  const Read read = read_whole("anthropic_thinking.sse");
  ASSERT_TRUE(read.turn);
  const auto stored = message_from(message_json(read.turn->message));
  ASSERT_TRUE(stored);
  ProviderSettings settings;
  settings.kind = ProviderKind::anthropic_messages;
  ModelRequest request = conversation();
  request.messages[1] = *stored;

  const Json body = wire_format(settings)->body(request);

  EXPECT_EQ(body["messages"][1]["content"], read.turn->message.opaque["content"]);
}

TEST(AnthropicMessagesTest, BlocksOfAnotherFormatAreNotSent) {
  ProviderSettings settings;
  settings.kind = ProviderKind::anthropic_messages;
  ModelRequest request = conversation();
  request.messages[1].opaque = {{"format", "something_else"}, {"content", Json::array({1})}};

  EXPECT_EQ(wire_format(settings)->body(request)["messages"][1]["content"][0]["type"], "tool_use");
}

TEST(AnthropicMessagesTest, VersionAndKeyAreHeaders) {
  ProviderSettings settings;
  settings.kind = ProviderKind::anthropic_messages;
  EXPECT_THAT(wire_format(settings)->headers("k"),
              ElementsAre(Pair("anthropic-version", "2023-06-01"), Pair("x-api-key", "k")));
}

}  // namespace
}  // namespace weir::tools::models
