#include "tools/models/model_provider.h"

namespace weir::tools::models {
namespace {

TEST(ModelMessageTest, WhatIsStoredIsReadAgain) {
  ModelMessage message;
  message.role = ModelMessage::Role::assistant;
  message.text = "Starting.";
  message.calls = {{"call_1", "create_scan", R"({"target_id":"tgt_1"})"}, {"call_2", "get_quota", "{bad"}};
  message.opaque = {{"format", "x"}, {"content", Json::array({1})}};

  const auto again = message_from(message_json(message));

  ASSERT_TRUE(again);
  EXPECT_EQ(again->role, ModelMessage::Role::assistant);
  EXPECT_EQ(again->calls.at(1).arguments_text, "{bad");
  EXPECT_EQ(message_json(*again), message_json(message));
}

TEST(ModelMessageTest, AToolsAnswerKeepsItsCallAndThatItFailed) {
  ModelMessage message;
  message.role = ModelMessage::Role::tool;
  message.text = "no such target";
  message.call_id = "call_1";
  message.is_error = true;

  const auto again = message_from(message_json(message));

  ASSERT_TRUE(again);
  EXPECT_EQ(again->role, ModelMessage::Role::tool);
  EXPECT_EQ(again->call_id, "call_1");
  EXPECT_TRUE(again->is_error);
}

TEST(ModelMessageTest, WhatIsNoMessageIsRefused) {
  EXPECT_FALSE(message_from(Json::object()));
  EXPECT_FALSE(message_from(Json{{"role", "system"}}));
}

}  // namespace
}  // namespace weir::tools::models
