#include "tests/unit/models/transcripts.h"

#include <gmock/gmock.h>

namespace weir::tools::models {
namespace {

using Stop = ModelTurn::Stop;
using ::testing::HasSubstr;

// The law of every decoder: where the network cut the bytes does not matter.
TEST(TranscriptsTest, AnAnswerIsTheSameWhereverItIsCut) {
  for (const auto& [name, body] : transcripts()) {
    const std::string_view whole = body;
    const std::string expected = described(read_pieces(name, {whole}));
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      ASSERT_EQ(described(read_pieces(name, {whole.substr(0, cut), whole.substr(cut)})), expected)
          << name << " cut at " << cut;
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < whole.size(); ++i) bytes.push_back(whole.substr(i, 1));
    EXPECT_EQ(described(read_pieces(name, bytes)), expected) << name << " byte by byte";
  }
  EXPECT_GE(transcripts().size(), 20U);
}

// A lost connection never makes an answer up: what is left of a stream is an error, or the same turn once the rest is only
// what may be missing (usage, the closing event).
TEST(TranscriptsTest, AnAnswerThatBreaksOffIsNeverAnotherAnswer) {
  for (const auto& [name, body] : transcripts()) {
    const Read whole = read_pieces(name, {body});
    if (!whole.turn) continue;
    // Every third byte: nothing of the law hangs on a single one, as the cuts above do.
    for (std::size_t size = 0; size < body.size(); size += 3) {
      const Read part = read_pieces(name, {std::string_view(body).substr(0, size)});
      if (!part.turn) {
        EXPECT_EQ(part.turn.error().code, ErrorCode::unavailable) << name << " after " << size;
        continue;
      }
      EXPECT_EQ(part.turn->stop, whole.turn->stop) << name << " after " << size;
      EXPECT_EQ(to_text(message_json(part.turn->message)), to_text(message_json(whole.turn->message)))
          << name << " after " << size;
    }
  }
}

TEST(TranscriptsTest, PiecesAreTheText) {
  for (const auto& [name, body] : transcripts()) {
    const Read read = read_pieces(name, {body});
    if (!read.turn || read.turn->stop == Stop::refusal || name.ends_with(".json")) continue;
    EXPECT_EQ(read.text, read.turn->message.text) << name;
    EXPECT_EQ(read.reasoning, read.turn->reasoning) << name;
  }
}

TEST(OpenAiTranscriptsTest, UsageComesInAChunkWithoutChoices) {
  const Read read = read_whole("openai_text.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::end);
  EXPECT_EQ(read.turn->message.text, "The scan found 3 issues.");
  EXPECT_EQ(read.turn->usage.input_tokens, 412);
  EXPECT_EQ(read.turn->usage.output_tokens, 9);
  EXPECT_EQ(read.turn->usage.cached_input_tokens, 256);
  EXPECT_EQ(read.turn->usage.reasoning_tokens, 0);
}

TEST(OpenAiTranscriptsTest, FragmentsOfCallsAreJoinedByIndex) {
  const Read read = read_whole("openai_tool_calls.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::tool_calls);
  ASSERT_EQ(read.turn->message.calls.size(), 2U);
  EXPECT_EQ(read.turn->message.calls[0].id, "call_Qm1");
  EXPECT_EQ(read.turn->message.calls[0].name, "create_scan");
  EXPECT_EQ(read.turn->message.calls[0].arguments_text, R"({"target_id":"tgt_1","profile":"passive"})");
  EXPECT_EQ(read.turn->message.calls[1].id, "call_Qm2");
  EXPECT_EQ(read.turn->message.calls[1].arguments_text, R"({"severity":"high"})");
}

TEST(OpenAiTranscriptsTest, CallsWinOverStopAndGetAnId) {
  const Read read = read_whole("openai_whole_call.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::tool_calls);
  EXPECT_EQ(read.turn->reasoning, "I should look at the findings.");
  EXPECT_EQ(read.turn->message.text, "");
  ASSERT_EQ(read.turn->message.calls.size(), 1U);
  EXPECT_EQ(read.turn->message.calls[0].id, "minted_1");
  EXPECT_EQ(read.turn->usage.input_tokens, std::nullopt);
}

TEST(OpenAiTranscriptsTest, CommentsLineEndsAndCharactersOfManyBytesAreRead) {
  const Read read = read_whole("openai_crlf_utf8.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->message.text, "Zertifikat läuft ab – 期限切れ 🔒");
  EXPECT_EQ(read.turn->reasoning, "Größe prüfen… 検査する。");
  EXPECT_EQ(read.turn->usage.output_tokens, 21);
}

TEST(OpenAiTranscriptsTest, AnErrorInMidStreamIsTheProvidersOwnWords) {
  const Read read = read_whole("openai_error_midstream.sse");

  ASSERT_FALSE(read.turn);
  EXPECT_EQ(read.turn.error().code, ErrorCode::unavailable);
  EXPECT_THAT(read.turn.error().message, HasSubstr("The server had an error while processing your request."));
  EXPECT_EQ(read.text, "Let me see");
}

TEST(OpenAiTranscriptsTest, AStreamWithoutAnEndIsUnavailable) {
  const Read read = read_whole("openai_truncated.sse");

  ASSERT_FALSE(read.turn);
  EXPECT_EQ(read.turn.error().code, ErrorCode::unavailable);
  EXPECT_THAT(read.turn.error().message, HasSubstr("in the middle of its answer"));
}

TEST(OpenAiTranscriptsTest, AnAnswerInOnePieceIsTheSameTurn) {
  const Read read = read_whole("openai_document.json");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::tool_calls);
  EXPECT_EQ(read.turn->message.text, "Checking.");
  EXPECT_EQ(read.turn->reasoning, "Hm.");
  EXPECT_EQ(read.turn->message.calls.at(0).arguments_text, R"({"scan_id":"scn_9"})");
  EXPECT_EQ(read.turn->usage.output_tokens, 12);
}

TEST(OpenAiTranscriptsTest, ARefusalIsNoAnswer) {
  const Read read = read_whole("openai_refusal.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::refusal);
  EXPECT_EQ(read.turn->message.text, "I can't help with that.");
}

TEST(OpenAiTranscriptsTest, NoCallOfACutAnswerIsMade) {
  const Read read = read_whole("openai_length.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::max_tokens);
  EXPECT_EQ(read.turn->message.text, "The first finding is");
  EXPECT_TRUE(read.turn->message.calls.empty());
}

TEST(OpenAiTranscriptsTest, ArgumentsThatAreNoJsonAreHandedOnAsTheyAre) {
  const Read read = read_whole("openai_bad_arguments.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::tool_calls);
  EXPECT_EQ(read.turn->message.calls.at(0).arguments_text, "{target_id: tgt_1");
}

TEST(OpenAiTranscriptsTest, CallsWithOneIndexAreToldApartByTheirIds) {
  const Read read = read_whole("openai_same_index.sse");

  ASSERT_TRUE(read.turn);
  ASSERT_EQ(read.turn->message.calls.size(), 2U);
  EXPECT_EQ(read.turn->message.calls[0].arguments_text, R"({"scan_id":"scn_1"})");
  EXPECT_EQ(read.turn->message.calls[1].arguments_text, R"({"scan_id":"scn_2"})");
}

TEST(OpenAiAnswerTest, ACallWithoutIndexesIdsOrArgumentsIsStillACall) {
  const std::string body =
      "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"get_quota\"}}]}}]}\n\n"
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"list_checks\",\"arguments\":{\"group\":"
      "\"tls\"}}}]},"
      "\"finish_reason\":\"tool_calls\"}]}\n\n";
  const Read read = read_pieces("openai", {body});

  ASSERT_TRUE(read.turn);
  ASSERT_EQ(read.turn->message.calls.size(), 2U);
  EXPECT_EQ(read.turn->message.calls[0].name, "get_quota");
  EXPECT_EQ(read.turn->message.calls[0].arguments_text, "{}");
  EXPECT_EQ(read.turn->message.calls[1].arguments_text, R"({"group":"tls"})");
  EXPECT_NE(read.turn->message.calls[0].id, read.turn->message.calls[1].id);
}

// An old vLLM gave each fragment a new id; the name comes once.
TEST(OpenAiAnswerTest, AnIdThatChangesWithoutANameContinuesItsCall) {
  const std::string body =
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":"
      "\"{\"}}]}}]}\n\n"
      "data: "
      "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"arguments\":\"}\"}}]}}]}\n\n"
      "data: [DONE]\n\n";
  const Read read = read_pieces("openai", {body});

  ASSERT_TRUE(read.turn);
  ASSERT_EQ(read.turn->message.calls.size(), 1U);
  EXPECT_EQ(read.turn->message.calls[0].arguments_text, "{}");
}

TEST(OpenAiAnswerTest, AnErrorIsUnderstoodInEveryShape) {
  const auto code_of = [](std::string_view data) {
    const std::string body = "data: " + std::string(data) + "\n\n";
    return read_pieces("openai", {body}).turn.error().code;
  };
  EXPECT_EQ(code_of(R"({"object":"error","message":"no","type":"BadRequestError","code":400})"),
            ErrorCode::validation_failed);
  EXPECT_EQ(code_of(R"({"error":"model runner has unexpectedly stopped"})"), ErrorCode::unavailable);
  EXPECT_EQ(code_of(R"({"error":{"message":"slow down","type":"rate_limit_error"}})"), ErrorCode::rate_limit_exceeded);
  EXPECT_EQ(code_of(R"({"choices":[{"delta":{},"finish_reason":"error"}]})"), ErrorCode::unavailable);
  EXPECT_EQ(code_of("this is no JSON"), ErrorCode::unavailable);
}

TEST(OpenAiAnswerTest, BytesThatAreNoUtf8AreReplacedNotFatal) {
  const Read read = read_pieces(
      "openai", {"data: {\"choices\":[{\"delta\":{\"content\":\"a\xE6\x9C\"},\"finish_reason\":\"stop\"}]}\n\n"});

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->message.text, "a\xEF\xBF\xBD");
}

TEST(AnthropicTranscriptsTest, CountsIncludeWhatTheCacheHeld) {
  const Read read = read_whole("anthropic_text.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::end);
  EXPECT_EQ(read.turn->message.text, "The scan found 3 issues – schön.");
  EXPECT_EQ(read.turn->usage.input_tokens, 582);
  EXPECT_EQ(read.turn->usage.cached_input_tokens, 100);
  EXPECT_EQ(read.turn->usage.output_tokens, 15);
  EXPECT_TRUE(read.turn->message.opaque.is_null());
}

TEST(AnthropicTranscriptsTest, NoInputIsAnEmptyObject) {
  const Read read = read_whole("anthropic_tool_use.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->stop, Stop::tool_calls);
  EXPECT_EQ(read.turn->message.text, "I'll start a scan.");
  ASSERT_EQ(read.turn->message.calls.size(), 2U);
  EXPECT_EQ(read.turn->message.calls[0].arguments_text, R"({"target_id": "tgt_1", "profile": "passive"})");
  EXPECT_EQ(read.turn->message.calls[1].name, "list_checks");
  EXPECT_EQ(read.turn->message.calls[1].arguments_text, "{}");
}

TEST(AnthropicTranscriptsTest, ThinkingIsKeptWithItsSignatureAndSentBackUnchanged) {
  const Read read = read_whole("anthropic_thinking.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->reasoning, "The user wants a posture check.");
  const Json* content = find_member(read.turn->message.opaque, "content");
  ASSERT_NE(content, nullptr);
  ASSERT_EQ(content->size(), 4U);
  EXPECT_EQ((*content)[0], Json({{"type", "thinking"},
                                 {"thinking", "The user wants a posture check."},
                                 {"signature", "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}}));
  EXPECT_EQ((*content)[1], Json({{"type", "redacted_thinking"}, {"data", "EmwKAhgBEgy3va3pzix"}}));
  EXPECT_EQ((*content)[3]["input"], Json({{"target_id", "tgt_1"}}));
}

TEST(AnthropicTranscriptsTest, AnErrorInMidStreamIsUnavailable) {
  const Read read = read_whole("anthropic_error_midstream.sse");

  ASSERT_FALSE(read.turn);
  EXPECT_EQ(read.turn.error().code, ErrorCode::unavailable);
  EXPECT_THAT(read.turn.error().message, HasSubstr("Overloaded"));
}

TEST(AnthropicTranscriptsTest, AStreamWithoutAStopReasonIsUnavailable) {
  const Read read = read_whole("anthropic_truncated.sse");

  ASSERT_FALSE(read.turn);
  EXPECT_THAT(read.turn.error().message, HasSubstr("in the middle of its answer"));
}

TEST(AnthropicTranscriptsTest, EveryStopReasonHasItsMeaning) {
  const std::vector<std::pair<std::string, Stop>> expected = {{"anthropic_text.sse", Stop::end},
                                                              {"anthropic_stop_sequence.sse", Stop::end},
                                                              {"anthropic_tool_use.sse", Stop::tool_calls},
                                                              {"anthropic_max_tokens.sse", Stop::max_tokens},
                                                              {"anthropic_pause_turn.sse", Stop::paused},
                                                              {"anthropic_refusal.sse", Stop::refusal},
                                                              {"anthropic_context_window.sse", Stop::context_window},
                                                              {"anthropic_document.json", Stop::tool_calls}};
  for (const auto& [name, stop] : expected) {
    const Read read = read_whole(name);
    ASSERT_TRUE(read.turn) << name;
    EXPECT_EQ(read.turn->stop, stop) << name;
  }
}

TEST(AnthropicAnswerTest, ABlockThatIsBegunAgainOrNotAtAllLosesNothing) {
  const std::string body =
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"One. \"}}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Two. "
      "\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Three.\"}}\n\n"
      "data: {\"type\":\"message_stop\"}\n\n";
  const Read read = read_pieces("anthropic", {body});

  ASSERT_TRUE(read.turn);
  EXPECT_EQ(read.turn->message.text, "One. Two. Three.");
  EXPECT_EQ(read.text, "One. Two. Three.");
}

TEST(AnthropicTranscriptsTest, NoCallOfACutAnswerIsMade) {
  const Read read = read_whole("anthropic_max_tokens.sse");

  ASSERT_TRUE(read.turn);
  EXPECT_TRUE(read.turn->message.calls.empty());
  EXPECT_EQ(read.turn->message.text, "First");
}

TEST(StreamDecoderTest, AWebPageIsNoAnswer) {
  const Read read = read_pieces("openai", {"\n<!DOCTYPE html><title>Welcome</title>"});

  ASSERT_FALSE(read.turn);
  EXPECT_THAT(read.turn.error().message, HasSubstr("web page"));
}

TEST(StreamDecoderTest, AnEmptyBodyIsNoAnswer) {
  EXPECT_THAT(read_pieces("openai", {}).turn.error().message, HasSubstr("without an answer"));
  EXPECT_THAT(read_pieces("anthropic", {"\n\n"}).turn.error().message, HasSubstr("without an answer"));
}

TEST(StreamDecoderTest, AnEndlessStreamIsGivenUp) {
  const std::string event = "data: {}\n\n";
  std::string many;
  while (many.size() < 64 * 1024) many += event;
  OpenAiAnswer* answer = nullptr;
  auto assembler = std::make_unique<OpenAiAnswer>(AssemblerHooks{});
  answer = assembler.get();
  StreamDecoder decoder(std::move(assembler));
  std::size_t fed = 0;
  while (decoder.feed(many) && fed <= kStreamBytesMax) fed += many.size();

  EXPECT_LE(fed, kStreamEventsMax * event.size());
  EXPECT_FALSE(answer->is_complete());
  const auto turn = decoder.finish();
  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code, ErrorCode::unavailable);
  EXPECT_THAT(turn.error().message, HasSubstr("beyond every bound"));
}

TEST(StreamDecoderTest, EndlessCommentsAreGivenUp) {
  StreamDecoder decoder(std::make_unique<OpenAiAnswer>(AssemblerHooks{}));
  const std::string comments = std::string(1024 * 1024 - 3, ':') + "\n\n\n";
  std::size_t fed = 0;
  while (decoder.feed(comments) && fed <= 2 * kStreamBytesMax) fed += comments.size();

  EXPECT_LE(fed, kStreamBytesMax);
  EXPECT_FALSE(decoder.finish());
}

TEST(StreamDecoderTest, AnEndlessTextIsGivenUp) {
  std::string piece = "data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(100'000, 'x') + "\"}}]}\n\n";
  StreamDecoder decoder(std::make_unique<OpenAiAnswer>(AssemblerHooks{}));
  std::size_t text = 0;
  while (decoder.feed(piece) && text < 2 * kAnswerBytesMax) text += 100'000;

  EXPECT_LE(text, kAnswerBytesMax);
  EXPECT_THAT(decoder.finish().error().message, HasSubstr("beyond every bound"));
}

TEST(StreamDecoderTest, TooManyCallsAreGivenUp) {
  std::string body;
  for (std::size_t i = 0; i <= kCallsMax; ++i) {
    body += "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":" + std::to_string(i) +
            ",\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n";
  }
  EXPECT_THAT(read_pieces("openai", {body}).turn.error().message, HasSubstr("more tool calls than 128"));
}

}  // namespace
}  // namespace weir::tools::models
