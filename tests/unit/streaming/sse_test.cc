#include "streaming/sse.h"

#include <random>

#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::streaming {
namespace {

SseEvent event(std::string id, std::string type, std::string data) {
  return {.id = std::move(id), .type = std::move(type), .data = std::move(data), .retry = std::nullopt};
}

TEST(SseTest, AFrameHasOneLineForEachFieldAndAnEmptyOne) {
  EXPECT_EQ(encode_sse(event("e-1", "scan.started", "{}")), "id: e-1\nevent: scan.started\ndata: {}\n\n");
  EXPECT_EQ(encode_sse(event("", "", "a\nb\r\nc\rd\n")), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(encode_sse(event("", "", "")), "data: \n\n");
  EXPECT_EQ(encode_sse({.id = "", .type = "", .data = "", .retry = std::chrono::seconds{2}}), "retry: 2000\n\n");
  EXPECT_EQ(encode_sse_comment("bye\nevent: x"), ": bye event: x\n\n");
}

TEST(SseTest, NothingInAnIdOrTypeBreaksOutOfItsLine) {
  EXPECT_EQ(encode_sse(event(std::string("1\n\ndata: x\r\0", 12), "a\nb", "y")),
            "id: 1data: x\nevent: ab\ndata: y\n\n");
}

TEST(SseDecoderTest, AllLineEndsCommentsAndFieldsAreUnderstood) {
  SseDecoder decoder;

  const auto events = decoder.feed(
      "\xEF\xBB\xBF: comment\r\nid: 1\r\nevent: a\r\ndata: x\r\ndata:y\r\n\r\n"
      "data\rretry: 250\r\r"
      "event: lost\n\n"
      "unknown: 1\nretry: 1x\nid: has\0\ndata:  two spaces\n\n");

  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].id, "1");
  EXPECT_EQ(events[0].type, "a");
  EXPECT_EQ(events[0].data, "x\ny");
  EXPECT_EQ(events[1].data, "");
  EXPECT_EQ(events[1].retry, std::chrono::milliseconds{250});
  EXPECT_EQ(decoder.last_id(), "1");
}

TEST(SseDecoderTest, AnIdWithNulAndARetryWithLettersAreIgnored) {
  SseDecoder decoder;

  const auto events = decoder.feed(std::string("id: a\0b\nretry: 1x\ndata:  two\n\n", 31));

  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].id, "");
  EXPECT_FALSE(events[0].retry);
  EXPECT_EQ(events[0].data, " two");
}

TEST(SseDecoderTest, AnOversizeEventIsDroppedAndTheNextOneRead) {
  SseDecoder decoder;
  const std::string half(SseDecoder::kDataBytesMax / 2 + 1, 'x');

  auto events = decoder.feed("data: " + half + "\ndata: " + half + "\n\ndata: small\n\n");
  const auto more = decoder.feed("data: " + half + half + half + "\n\ndata: again\n\n");
  events.insert(events.end(), more.begin(), more.end());

  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].data, "small");
  EXPECT_EQ(events[1].data, "again");
  EXPECT_EQ(decoder.dropped(), 2U);
}

TEST(SseDecoderTest, WhatIsWrittenIsReadAgainWhereverItIsCut) {
  const unsigned seed = 20261122;
  std::minstd_rand random(seed);
  const std::vector<std::string> pieces{
      "a", "ü", "😀", ":", " ", "\n", "data: ", "id", "\t", "{\"x\":1}", std::string(1, '\0')};
  const auto text = [&](bool is_one_line) {
    std::string value;
    for (std::size_t i = random() % 6; i > 0; --i) {
      const std::string& piece = pieces[random() % pieces.size()];
      if (!is_one_line || (piece != "\n" && piece[0] != '\0')) value += piece;
    }
    return value;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<SseEvent> events;
    std::string written;
    for (std::size_t i = random() % 5; i > 0; --i) {
      events.push_back(event(text(true), text(true), text(false)));
      if (random() % 3 == 0 && !events.back().data.empty())
        events.back().retry = std::chrono::milliseconds{random() % 9'999};
      written += encode_sse(events.back());
      if (random() % 3 == 0) written += encode_sse_comment("heartbeat");
    }

    SseDecoder decoder;
    std::vector<SseEvent> read;
    for (std::size_t at = 0; at < written.size();) {
      const std::size_t size = 1 + random() % 9;
      for (SseEvent& one : decoder.feed(std::string_view(written).substr(at, size))) read.push_back(std::move(one));
      at += size;
    }

    ASSERT_EQ(read.size(), events.size()) << "seed " << seed << " round " << round;
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(read[i].id, events[i].id);
      EXPECT_EQ(read[i].type, events[i].type);
      EXPECT_EQ(read[i].data, events[i].data);
      EXPECT_EQ(read[i].retry, events[i].retry);
    }
  }
}

TEST(SseDecoderTest, AnEventThatIsCutOffIsNotTheLastOneSeen) {
  SseDecoder decoder;

  decoder.feed("id: 1\ndata: a\n\nid: 2\ndata: b\n");
  EXPECT_EQ(decoder.last_id(), "1");
  decoder.feed("\n");
  EXPECT_EQ(decoder.last_id(), "2");
}

TEST(SseFuzzTest, TheCorpusKeepsTheLaws) { EXPECT_GE(weir::testing::replay_corpus("sse", LLVMFuzzerTestOneInput), 5); }

TEST(SseFuzzTest, RandomBytesKeepTheLaws) {
  std::minstd_rand random(7);
  const std::string alphabet = std::string("\r\n\n:: didatevenrty0123\xEF\xBB\xBF", 26) + '\0';
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes;
    for (std::size_t i = random() % 60; i > 0; --i) {
      switch (random() % 12) {
        case 0: bytes += "data:"; break;
        case 1: bytes += "id: "; break;
        case 2: bytes += "event:"; break;
        case 3: bytes += "retry: "; break;
        default: bytes += alphabet[random() % alphabet.size()];
      }
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
}

}  // namespace
}  // namespace weir::streaming
