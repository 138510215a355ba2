// Server-Sent Event streams: framing, slow readers, heartbeats, the end.
#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/server_http/server_fixture.h"

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class StreamTest : public ServerTest {
 protected:
  std::shared_ptr<SseStream> open(RawClient& client, const std::string& lines = {}) {
    client.send(get("/stream", lines));
    return opened_stream();
  }
};

TEST_F(StreamTest, SendsFramesAsChunks) {
  start();
  RawClient client(port());
  const auto stream = open(client);

  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(stream->send(frame("data: one\n\n")));

  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nCache-Control: no-cache, no-transform\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_EQ(client.read_until("\n\n\r\n"), "b\r\ndata: one\n\n\r\n");
  EXPECT_EQ(server_->stats().streams, 1U);
}

TEST_F(StreamTest, KeepsTheConnectionAfterItsEnd) {
  start();
  RawClient client(port());
  const auto stream = open(client);
  client.read_until("\r\n\r\n");
  stream->send(frame("data: x\n\n"));

  stream->close();

  EXPECT_THAT(client.read_until("0\r\n\r\n"), EndsWith("\r\n0\r\n\r\n"));
  EXPECT_TRUE(stream->is_closed());
  EXPECT_FALSE(stream->send(frame("data: y\n\n")));
  EXPECT_EQ(server_->stats().streams, 0U);
  client.send(get("/next"));
  EXPECT_THAT(client.read_response(), EndsWith("GET /next "));
}

TEST_F(StreamTest, EndsAStreamToAnOldClientByClosing) {
  start();
  RawClient client(port());
  client.send("GET /stream HTTP/1.0\r\n\r\n");
  const auto stream = opened_stream();
  stream->send(frame("data: x\n\n"));
  stream->close();
  const std::string response = client.read_to_end();
  EXPECT_THAT(response, Not(HasSubstr("chunked")));
  EXPECT_THAT(response, EndsWith("\r\n\r\ndata: x\n\n"));
}

TEST_F(StreamTest, AnswersHeadWithoutAStream) {
  start();
  RawClient client(port());
  client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/next"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  EXPECT_THAT(client.read_response(), EndsWith("GET /next "));
}

TEST_F(StreamTest, BeatsWhileNothingHappens) {
  start({.stream_heartbeat = 40ms});
  RawClient client(port());
  const auto stream = open(client);
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n:\n\n\r\n"), "3\r\n:\n\n\r\n");
  EXPECT_EQ(client.read_until("\r\n:\n\n\r\n"), "3\r\n:\n\n\r\n");
}

TEST_F(StreamTest, TellsItsFeederOnceThatTheReaderHasGone) {
  start();
  RawClient client(port());
  const auto stream = open(client);
  std::atomic<int> calls{0};
  stream->on_closed([&] { ++calls; });

  client.close();

  EXPECT_TRUE(eventually([&] { return calls == 1; }));
  EXPECT_TRUE(stream->is_closed());
  EXPECT_FALSE(stream->send(frame("data: x\n\n")));
  std::atomic<bool> at_once{false};
  stream->on_closed([&] { at_once = true; });
  EXPECT_TRUE(at_once);
  EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
}

TEST_F(StreamTest, SendsSeveralFramesInOrder) {
  start();
  RawClient client(port());
  const auto stream = open(client);
  client.read_until("\r\n\r\n");

  EXPECT_TRUE(stream->send_all({frame("data: 1\n\n"), frame("data: 2\n\n"), frame("data: 3\n\n")}));

  EXPECT_EQ(client.read_until("data: 3\n\n\r\n"), "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n9\r\ndata: 3\n\n\r\n");
}

// What may wait is what the reader has not taken, however much comes at once.
TEST_F(StreamTest, ABatchThatTheSocketTakesIsNotTooMuch) {
  start({.stream_pending_bytes_max = 16 * 1024, .stream_pending_frames_max = 100});
  RawClient client(port());
  const auto stream = open(client);
  client.read_until("\r\n\r\n");
  std::vector<std::shared_ptr<const std::string>> frames(300, frame("data: " + std::string(100, 'x') + "\n\n"));
  frames.push_back(frame("data: last\n\n"));

  EXPECT_TRUE(stream->send_all(frames));

  EXPECT_THAT(client.read_until("data: last"), HasSubstr("data: last"));
  EXPECT_FALSE(stream->is_closed());
}

TEST_F(StreamTest, SaysWhenWhatWasSentIsTaken) {
  start({.stream_pending_bytes_max = 64 * 1024 * 1024, .stream_pending_frames_max = 100'000});
  RawClient client(port());
  const auto stream = open(client);
  client.read_until("\r\n\r\n");
  std::atomic<int> calls{0};
  stream->when_drained([&] { ++calls; });
  EXPECT_EQ(calls, 1) << "at once: nothing waits";

  constexpr int kLines = 192;
  std::string large;
  for (int i = 0; i < kLines; ++i) large += "data: " + std::string(64 * 1024, 'x') + "|\n";
  ASSERT_TRUE(stream->send(frame(large)));
  stream->when_drained([&] { ++calls; });
  EXPECT_EQ(calls, 1) << "no socket takes so much";
  for (int i = 0; i < kLines; ++i) client.read_until("|\n");

  EXPECT_TRUE(eventually([&] { return calls == 2; }));
  ASSERT_TRUE(stream->send(frame("data: y\n\n")));
  client.read_until("data: y\n\n");
  EXPECT_EQ(calls, 2) << "once";
}

TEST_F(StreamTest, AReaderThatGoesDrainsNothing) {
  start({.stream_pending_bytes_max = 64 * 1024 * 1024, .stream_pending_frames_max = 100'000});
  RawClient client(port(), 4 * 1024);
  const auto stream = open(client);
  client.read_until("\r\n\r\n");
  const auto held = std::make_shared<int>(0);
  std::atomic<int> calls{0};
  ASSERT_TRUE(stream->send(frame("data: " + std::string(16 * 1024 * 1024, 'x') + "\n\n")));
  stream->when_drained([&, held] { ++calls; });

  client.close();

  EXPECT_TRUE(eventually([&] { return stream->is_closed() && held.use_count() == 1; }));
  EXPECT_EQ(calls, 0);
}

TEST_F(StreamTest, ClosesASlowReaderWhileOthersContinue) {
  start({.stream_pending_bytes_max = 64 * 1024, .stream_pending_frames_max = 100'000});
  RawClient slow(port(), 4 * 1024);
  RawClient quick(port());
  const auto to_slow = open(slow);
  const auto to_quick = open(quick);
  std::atomic<bool> closed{false};
  to_slow->on_closed([&] { closed = true; });
  std::string received;
  std::thread reader([&] { received = quick.read_until("data: last\n\n"); });

  const auto shared = frame("data: " + std::string(1'000, 'd') + "\n\n");
  int sent = 0;
  while (to_slow->send(shared)) ++sent;
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(to_quick->send(shared));
  EXPECT_TRUE(to_quick->send(frame("data: last\n\n")));
  reader.join();

  EXPECT_TRUE(closed);
  EXPECT_GT(sent, 60);
  EXPECT_THAT(received, EndsWith("data: last\n\n"));
  EXPECT_EQ(server_->stats().slow_readers_closed, 1U);
  EXPECT_EQ(shared.use_count() <= 2, true);  // what waited is let go
  const std::string rest = slow.read_to_end();
  EXPECT_THAT(rest, HasSubstr("\n:closed because the reader is too slow"));
  EXPECT_THAT(rest, EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, LimitsThePendingFrames) {
  start({.stream_pending_bytes_max = 100'000'000, .stream_pending_frames_max = 10});
  RawClient slow(port(), 4 * 1024);
  const auto stream = open(slow);
  const auto large = frame("data: " + std::string(1'000'000, 'd') + "\n\n");
  int sent = 0;
  while (sent < 1'000 && stream->send(large)) ++sent;
  EXPECT_LT(sent, 50);
  EXPECT_EQ(server_->stats().slow_readers_closed, 1U);
}

TEST_F(StreamTest, DeliversEverythingThatSeveralThreadsSend) {
  start({.stream_pending_bytes_max = 10'000'000, .stream_pending_frames_max = 100'000});
  RawClient client(port());
  const auto stream = open(client);
  std::vector<std::thread> senders;
  for (int t = 0; t < 4; ++t) {
    senders.emplace_back([&] {
      for (int i = 0; i < 500; ++i) stream->send(frame("data: x\n\n"));
    });
  }
  for (auto& sender : senders) sender.join();
  stream->close();
  const std::string body = client.read_until("0\r\n\r\n");
  std::size_t frames = 0;
  for (std::size_t at = body.find("data: x\n\n"); at != std::string::npos; at = body.find("data: x\n\n", at + 1)) {
    ++frames;
  }
  EXPECT_EQ(frames, 2'000U);
}

TEST_F(StreamTest, TellsReadersToComeBackWhenTheServerStops) {
  start({.stream_retry = 1'500ms});
  RawClient client(port());
  const auto stream = open(client);

  server_->stop();

  EXPECT_THAT(client.read_to_end(), EndsWith("retry: 1500\n\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(stream->is_closed());
}

}  // namespace
}  // namespace weir::http
