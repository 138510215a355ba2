#include "tools/models/http_provider.h"

#include <gmock/gmock.h>

#include <future>

#include "tests/support/eventually.h"
#include "tests/support/fake_random.h"
#include "tests/support/http_imposter.h"
#include "tests/unit/models/transcripts.h"
#include "tools/models/configured_providers.h"

namespace weir::tools::models {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpImposter;
using testing::ImposterAnswer;
using ::testing::Not;
using Failure = ImposterAnswer::Failure;
using std::chrono::steady_clock;

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kMessages = "/v1/messages";

ImposterAnswer streamed(std::string_view name) {
  return {.status = 200, .headers = {{"Content-Type", "text/event-stream"}}, .body = transcript(name)};
}
ImposterAnswer refused(int status, std::string body, testing::HeaderLines headers = {}) {
  headers.emplace_back("Content-Type", "application/json");
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

class HttpProviderTest : public ::testing::Test {
 protected:
  void open(std::string_view base, ProviderKind kind = ProviderKind::openai_chat) {
    ProviderSettings settings;
    settings.kind = kind;
    settings.base_url = *egress::Url::parse(base);
    settings.model = "m";
    settings.api_key_env = "KEY";
    settings.timeout = timeout_;
    providers_.emplace(
        ProviderTable{{"local", settings}}, 0,
        ConfiguredProviders::Parts{*resolver_, clock_, random_, [](const char*) { return "secret-key-1"; }},
        RetrySettings{.tries = 3, .base = 1ms, .most = 4ms, .asked_most = 2s});
    auto opened = providers_->open("local");
    ASSERT_TRUE(opened);
    provider_ = *std::move(opened);
  }
  void open_chat() { open(imposter_.url("/v1")); }

  Result<ModelTurn> ask(std::chrono::milliseconds timeout = 20s, std::stop_token stop = {}) {
    ModelRequest request;
    request.messages = {{.role = ModelMessage::Role::user, .text = "Check it."}};
    TurnCallbacks callbacks{.on_text = [this](std::string_view piece) { text_ += piece; },
                            .on_reasoning = {},
                            .on_retry =
                                [this](const TurnAttempt& attempt, std::chrono::milliseconds delay) {
                                  attempts_.push_back(attempt.outcome);
                                  delays_.push_back(delay);
                                  return goes_on_;
                                }};
    return provider_->complete(request, callbacks, timeout, stop);
  }

  HttpImposter imposter_;
  std::unique_ptr<egress::Resolver> resolver_ = egress::system_resolver();
  SystemClock clock_;
  testing::FakeRandom random_;
  std::chrono::milliseconds timeout_{20'000};
  std::optional<ConfiguredProviders> providers_;
  std::unique_ptr<ModelProvider> provider_;
  std::string text_;
  std::vector<std::string> attempts_;
  std::vector<std::chrono::milliseconds> delays_;
  bool goes_on_ = true;
};

TEST_F(HttpProviderTest, ATurnIsOnePostWhoseAnswerIsStreamed) {
  imposter_.answer(kChat, streamed("openai_text.sse"));
  open_chat();

  const auto turn = ask();

  ASSERT_TRUE(turn) << turn.error().message;
  EXPECT_EQ(turn->message.text, "The scan found 3 issues.");
  EXPECT_EQ(text_, turn->message.text);
  const auto requests = imposter_.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].header("Authorization"), "Bearer secret-key-1");
  EXPECT_EQ(requests[0].header("Content-Type"), "application/json");
  EXPECT_EQ(parse_json(requests[0].body).value()["model"], "m");
  EXPECT_TRUE(attempts_.empty());
}

TEST_F(HttpProviderTest, AnAnswerInOnePieceIsATurnToo) {
  imposter_.answer(kChat, refused(200, transcript("openai_document.json")));
  open_chat();

  const auto turn = ask();

  ASSERT_TRUE(turn) << turn.error().message;
  EXPECT_EQ(turn->stop, ModelTurn::Stop::tool_calls);
}

TEST_F(HttpProviderTest, WhatPassesIsTriedAgain) {
  for (const int status : {408, 409, 429, 500, 503, 529}) {
    HttpImposter imposter;
    imposter.answer_in_turn(kChat, {refused(status, "{}"), streamed("openai_text.sse")});
    attempts_.clear();
    open(imposter.url("/v1"));

    EXPECT_TRUE(ask()) << status;
    EXPECT_EQ(attempts_.size(), 1U) << status;
  }
}

TEST_F(HttpProviderTest, ThreeTriesAndNoMore) {
  imposter_.answer(kChat, refused(503, R"({"error":{"message":"loading model"}})"));
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unavailable);
  EXPECT_THAT(turn.error().message, AllOf(HasSubstr("\"local\""), HasSubstr("loading model")));
  EXPECT_EQ(imposter_.requests().size(), 3U);
  EXPECT_THAT(attempts_, ElementsAre("unavailable", "unavailable"));
}

TEST_F(HttpProviderTest, WhatDoesNotPassIsNotTriedAgain) {
  for (const int status : {400, 401, 403, 404, 422}) {
    HttpImposter imposter;
    imposter.answer(kChat, refused(status, "{}"));
    open(imposter.url("/v1"));

    EXPECT_FALSE(ask()) << status;
    EXPECT_EQ(imposter.requests().size(), 1U) << status;
  }
}

TEST_F(HttpProviderTest, TheProvidersDelayIsKept) {
  imposter_.answer_in_turn(kChat, {refused(429, R"({"error":{"message":"slow down"}})", {{"Retry-After", "1"}}),
                                   streamed("openai_text.sse")});
  open_chat();
  const auto start = steady_clock::now();

  EXPECT_TRUE(ask());

  EXPECT_GE(steady_clock::now() - start, 1s);
  EXPECT_THAT(delays_, ElementsAre(1000ms));
}

TEST_F(HttpProviderTest, ALongDelayIsReportedNotWaitedFor) {
  imposter_.answer(kChat, refused(429, "{}", {{"Retry-After", "3600"}}));
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::rate_limit_exceeded);
  EXPECT_EQ(turn.error().retry_after, 3600s);
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(HttpProviderTest, TheCallerMayGiveUp) {
  imposter_.answer(kChat, refused(503, "{}"));
  open_chat();
  goes_on_ = false;

  EXPECT_EQ(ask().error().code, ErrorCode::unavailable);
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(HttpProviderTest, NothingIsTriedAgainOnceAPieceWasGivenOut) {
  imposter_.answer_in_turn(kChat, {streamed("openai_error_midstream.sse"), streamed("openai_text.sse")});
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unavailable);
  EXPECT_EQ(text_, "Let me see");
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(HttpProviderTest, AnErrorBeforeTheFirstPieceIsTriedAgain) {
  imposter_.answer_in_turn(kMessages, {{.status = 200,
                                        .headers = {{"Content-Type", "text/event-stream"}},
                                        .body = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                                                "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"},
                                       streamed("anthropic_text.sse")});
  open(imposter_.url("/"), ProviderKind::anthropic_messages);

  EXPECT_TRUE(ask());
  EXPECT_EQ(imposter_.requests().size(), 2U);
}

TEST_F(HttpProviderTest, ABrokenConnectionIsTriedAgain) {
  imposter_.answer_in_turn(kChat,
                           {{.failure = Failure::reset}, {.failure = Failure::close}, streamed("openai_text.sse")});
  open_chat();

  EXPECT_TRUE(ask());
  EXPECT_THAT(attempts_, ElementsAre("unavailable", "unavailable"));
}

TEST_F(HttpProviderTest, AStreamThatBreaksOffIsUnavailable) {
  ImposterAnswer answer = streamed("openai_text.sse");
  answer.failure = Failure::close_halfway;
  imposter_.answer(kChat, answer);
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unavailable);
}

TEST_F(HttpProviderTest, NobodyThereIsSaidPlainly) {
  std::string url;
  {
    const HttpImposter gone;
    url = gone.url("/v1");
  }
  open(url);

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unavailable);
  EXPECT_THAT(turn.error().message, AllOf(HasSubstr("nothing listens"), HasSubstr("Is it started")));
  EXPECT_EQ(attempts_.size(), 2U);
}

TEST_F(HttpProviderTest, SilenceEndsWithTheTime) {
  imposter_.answer(kChat, {.failure = Failure::hang});
  open_chat();
  const auto start = steady_clock::now();

  const auto turn = ask(300ms);

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::timed_out);
  EXPECT_LT(steady_clock::now() - start, 5s);
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(HttpProviderTest, ASlowStreamEndsWithTheTimeOfOneTry) {
  ImposterAnswer answer = streamed("openai_text.sse");
  answer.failure = Failure::slow_bytes;
  imposter_.answer(kChat, answer);
  timeout_ = 400ms;
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::timed_out);
  EXPECT_THAT(turn.error().message, HasSubstr("400 ms"));
}

TEST_F(HttpProviderTest, AStopActsWithinAQuarterOfASecond) {
  imposter_.answer(kChat, {.failure = Failure::hang});
  open_chat();
  std::stop_source stop;
  auto asked = std::async(std::launch::async, [&] { return ask(20s, stop.get_token()); });
  ASSERT_TRUE(imposter_.wait_for_requests(1));

  const auto start = steady_clock::now();
  stop.request_stop();
  const auto turn = asked.get();

  EXPECT_LT(steady_clock::now() - start, 250ms);
  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::cancelled);
}

TEST_F(HttpProviderTest, AStopInTheMiddleOfAStreamActsAsFast) {
  ImposterAnswer answer = streamed("openai_text.sse");
  answer.failure = Failure::slow_bytes;
  imposter_.answer(kChat, answer);
  open_chat();
  std::stop_source stop;
  auto asked = std::async(std::launch::async, [&] { return ask(20s, stop.get_token()); });
  ASSERT_TRUE(imposter_.wait_for_requests(1));

  const auto start = steady_clock::now();
  stop.request_stop();

  EXPECT_EQ(asked.get().error().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - start, 250ms);
}

TEST_F(HttpProviderTest, AnEndlessBodyIsGivenUp) {
  imposter_.answer(kChat, {.headers = {{"Content-Type", "text/event-stream"}}, .failure = Failure::endless_body});
  open_chat();
  goes_on_ = false;

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unavailable);
}

TEST_F(HttpProviderTest, AStopEndsTheWaitBetweenTries) {
  imposter_.answer(kChat, refused(429, "{}", {{"Retry-After", "2"}}));
  open_chat();
  std::stop_source stop;
  auto asked = std::async(std::launch::async, [&] { return ask(20s, stop.get_token()); });
  ASSERT_TRUE(imposter_.wait_for_requests(1));

  stop.request_stop();
  const auto start = steady_clock::now();

  EXPECT_EQ(asked.get().error().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - start, 1s);
}

// The key went to one host; wherever that host points, it goes to no other.
TEST_F(HttpProviderTest, ARedirectIsNotFollowed) {
  HttpImposter other;
  other.answer_otherwise([](const auto&) { return ImposterAnswer{}; });
  imposter_.answer(kChat, refused(307, "", {{"Location", other.url(kChat)}}));
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::validation_failed);
  EXPECT_THAT(turn.error().message, HasSubstr("Redirects are not followed"));
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(HttpProviderTest, TheKeyIsInNoError) {
  imposter_.answer(kChat, refused(401, R"({"error":{"message":"Incorrect API key provided: secret-key-1"}})"));
  open_chat();

  const auto turn = ask();

  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unauthorized);
  EXPECT_THAT(turn.error().message, AllOf(HasSubstr("Incorrect API key"), Not(HasSubstr("secret-key-1"))));
}

TEST_F(HttpProviderTest, AWebPageIsExplained) {
  imposter_.answer(kChat, {.status = 200, .headers = {{"Content-Type", "text/html"}}, .body = "<html>Hello</html>"});
  open_chat();

  EXPECT_THAT(ask().error().message, AllOf(HasSubstr("web page"), HasSubstr("text/html")));
}

TEST_F(HttpProviderTest, AFullContextIsAWayToStop) {
  imposter_.answer(kChat, refused(400, R"({"error":{"code":"context_length_exceeded","message":"too long"}})"));
  open_chat();

  const auto turn = ask();

  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->stop, ModelTurn::Stop::context_window);
}

TEST_F(HttpProviderTest, AFilterOfTheProviderIsARefusal) {
  imposter_.answer(kChat, refused(400, R"({"error":{"code":"content_filter","message":"The prompt was filtered."}})"));
  open_chat();

  const auto turn = ask();

  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->stop, ModelTurn::Stop::refusal);
  EXPECT_EQ(turn->message.text, "The prompt was filtered.");
}

TEST_F(HttpProviderTest, APausedTurnIsSentAgainAndIsOneTurn) {
  imposter_.answer_in_turn(kMessages, {streamed("anthropic_pause_turn.sse"), streamed("anthropic_text.sse")});
  open(imposter_.url("/"), ProviderKind::anthropic_messages);

  const auto turn = ask();

  ASSERT_TRUE(turn) << turn.error().message;
  EXPECT_EQ(turn->stop, ModelTurn::Stop::end);
  EXPECT_EQ(turn->message.text, "Searching. The scan found 3 issues – schön.");
  EXPECT_EQ(turn->usage.output_tokens, 35);
  EXPECT_EQ(turn->message.opaque["content"].size(), 3U);
  const Json again = *parse_json(imposter_.requests().at(1).body);
  ASSERT_EQ(again["messages"].size(), 2U);
  EXPECT_EQ(again["messages"][1]["role"], "assistant");
  EXPECT_EQ(again["messages"][1]["content"][1]["type"], "server_tool_use");
}

TEST_F(HttpProviderTest, ATurnThatIsPausedForEverEnds) {
  imposter_.answer(kMessages, streamed("anthropic_pause_turn.sse"));
  open(imposter_.url("/"), ProviderKind::anthropic_messages);

  const auto turn = ask();

  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->stop, ModelTurn::Stop::paused);
  EXPECT_EQ(imposter_.requests().size(), 1U + kPausesMax);
}

// What a provider leaves open after its last event is not waited for.
TEST_F(HttpProviderTest, AnAnswerEndsWithItsLastEvent) {
  imposter_.answer(kChat, {.status = 200,
                           .headers = {{"Content-Type", "text/event-stream"}, {"Content-Length", "100000"}},
                           .body = transcript("openai_text.sse")});
  open_chat();

  EXPECT_TRUE(ask(5s));
}

TEST(RetryDelayTest, JitterGrowsAndIsBounded) {
  testing::FakeRandom random;
  const RetrySettings settings;
  for (std::int64_t n = 1; n < 40; ++n) {
    const auto delay = retry_delay(settings, n, std::nullopt, random);
    ASSERT_TRUE(delay);
    EXPECT_LE(*delay, n == 1 ? settings.base : settings.most);
    EXPECT_GE(*delay, 0ms);
  }
  EXPECT_GE(retry_delay(settings, 1, 3s, random), 3s);
  EXPECT_EQ(retry_delay(settings, 1, 61s, random), std::nullopt);
}

}  // namespace
}  // namespace weir::tools::models
