#include "tools/runs/model/conversation.h"

#include "tests/support/fake_random.h"
#include "tests/support/fake_run_session.h"
#include "tests/support/scripted_model.h"

namespace weir::tools::runs {
namespace {

using models::ModelMessage;
using Role = models::ModelMessage::Role;
using ::testing::HasSubstr;

ModelMessage user(const std::string& text) { return {.role = Role::user, .text = text}; }
ModelMessage assistant(const std::string& text, std::vector<std::string> ids = {}) {
  ModelMessage message{.role = Role::assistant, .text = text};
  for (std::string& id : ids) message.calls.push_back({.id = std::move(id), .name = "tool", .arguments_text = "{}"});
  return message;
}
ModelMessage answer(const std::string& id) { return {.role = Role::tool, .text = "answer", .call_id = id}; }

std::vector<std::string> shown(const std::vector<ModelMessage>& messages) {
  std::vector<std::string> lines;
  for (const ModelMessage& message : messages) {
    lines.push_back(message.role == Role::tool ? message.call_id + (message.is_error ? " error" : "") : message.text);
  }
  return lines;
}

TEST(MendedTest, LeavesAWholeConversationAlone) {
  const auto sent = mended({user("a"), assistant("b", {"1", "2"}), answer("1"), answer("2"), assistant("c")});

  EXPECT_EQ(shown(sent), (std::vector<std::string>{"a", "b", "1", "2", "c"}));
}

TEST(MendedTest, ACallWithoutAnAnswerGetsOneThatSaysSo) {
  const auto sent = mended({user("a"), assistant("b", {"1", "2"}), answer("2"), user("c")});

  EXPECT_EQ(shown(sent), (std::vector<std::string>{"a", "b", "2", "1 error", "c"}));
  EXPECT_THAT(sent[3].text, HasSubstr("There is no answer"));
}

TEST(MendedTest, ACallAtTheVeryEndIsAnsweredToo) {
  EXPECT_EQ(shown(mended({user("a"), assistant("", {"1"})})), (std::vector<std::string>{"a", "", "1 error"}));
}

TEST(MendedTest, AnswersToNoCallAndSecondAnswersAreLeftOut) {
  const auto sent = mended({user("a"), answer("0"), assistant("b", {"1"}), answer("1"), answer("1"), assistant("c")});

  EXPECT_EQ(shown(sent), (std::vector<std::string>{"a", "b", "1", "c"}));
}

TEST(MendedTest, AMessageWithoutContentIsLeftOutAndItsNeighboursBecomeOne) {
  const auto sent = mended({user("a"), assistant(""), user("b"), assistant("c")});

  EXPECT_EQ(shown(sent), (std::vector<std::string>{"a\n\nb", "c"}));
}

TEST(MendedTest, BlocksThatMustGoBackAreContent) {
  ModelMessage thinking{.role = Role::assistant};
  thinking.opaque = Json::array({{{"type", "thinking"}}});

  EXPECT_EQ(mended({user("a"), thinking}).size(), 2U);
}

TEST(MendedTest, WhateverTheRecordsHoldAProviderAcceptsIt) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    testing::FakeRandom random(seed);
    std::vector<ModelMessage> recorded = {user("begin")};
    const std::uint64_t count = random.below(12);
    for (std::uint64_t i = 0; i < count; ++i) {
      switch (random.below(4)) {
        case 0: recorded.push_back(user("u" + std::to_string(i))); break;
        case 1: recorded.push_back(assistant(random.below(3) == 0 ? "" : "said")); break;
        case 2: {
          std::vector<std::string> ids;
          for (std::uint64_t n = random.below(3); n > 0; --n)
            ids.push_back(std::to_string(i) + "_" + std::to_string(n));
          recorded.push_back(assistant("", ids));
          break;
        }
        default:
          recorded.push_back(answer(std::to_string(random.below(12)) + "_" + std::to_string(1 + random.below(2))));
          break;
      }
    }

    models::ModelRequest request;
    request.messages = mended(recorded);

    ASSERT_EQ(testing::objection_to(request), "") << "seed " << seed;
    EXPECT_EQ(shown(mended(request.messages)), shown(request.messages)) << "seed " << seed;
  }
}

TEST(ConversationTest, RecordsAndReadsBackWhatTheRunHasToKnow) {
  testing::FakeRunRecords records;
  records.run.id = "run_1";
  {
    testing::FakeRunSession session(records, {});
    Conversation conversation = std::move(*Conversation::load(session));
    ASSERT_TRUE(conversation.add(session, {.message = user("a")}));
    ASSERT_TRUE(conversation.add(
        session, {.message = assistant("b", {"1"}), .stop = models::ModelTurn::Stop::refusal, .used_up = "max_cost"}));
    ASSERT_TRUE(conversation.add(session, {.message = answer("1"), .is_tainted = true}));
  }

  testing::FakeRunSession later(records, {});
  Conversation conversation = std::move(*Conversation::load(later));

  EXPECT_FALSE(conversation.next(Role::assistant).has_value());
  EXPECT_EQ(conversation.next(Role::user)->message.text, "a");
  const std::optional<Said> said = conversation.next(Role::assistant);
  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(said->stop, models::ModelTurn::Stop::refusal);
  EXPECT_EQ(said->used_up, "max_cost");
  EXPECT_EQ(said->message.calls.at(0).id, "1");
  EXPECT_TRUE(conversation.next(Role::tool)->is_tainted);
  EXPECT_FALSE(conversation.next(Role::tool).has_value());
  EXPECT_TRUE(conversation.is_tainted());
}

TEST(ConversationTest, MessagesOfEarlierRunsAreSentButNotWalkedOver) {
  testing::FakeRunRecords records;
  records.run.id = "run_2";
  records.messages = {
      {.run_id = "run_1", .position = 0, .role = "user", .content = message_json(user("earlier"))},
      {.run_id = "run_1", .position = 1, .role = "assistant", .content = message_json(assistant("reply"))}};
  testing::FakeRunSession session(records, {});

  Conversation conversation = std::move(*Conversation::load(session));

  EXPECT_FALSE(conversation.next(Role::user).has_value());
  ASSERT_TRUE(conversation.add(session, {.message = user("now")}));
  EXPECT_EQ(shown(conversation.to_send()), (std::vector<std::string>{"earlier", "reply", "now"}));
}

TEST(ConversationTest, ARecordThatIsNotOursIsAnError) {
  testing::FakeRunRecords records;
  records.messages = {{.run_id = "run_1", .position = 0, .role = "user", .content = Json(5)}};
  testing::FakeRunSession session(records, {});

  EXPECT_EQ(Conversation::load(session).error().code, ErrorCode::internal);
}

}  // namespace
}  // namespace weir::tools::runs
