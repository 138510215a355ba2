// Deadlines, caps, listening and stopping.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <ctime>
#include <thread>

#include "tests/unit/server_http/server_fixture.h"

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServerLimitsTest : public ServerTest {};

TEST_F(ServerLimitsTest, SlowSendersDoNotHoldTheOnlyWorker) {
  start({.workers = 1});
  std::vector<std::unique_ptr<RawClient>> slow;
  const std::string request = post("/slow", "0123456789");
  for (int i = 0; i < 200; ++i) slow.push_back(std::make_unique<RawClient>(port()));

  std::chrono::steady_clock::duration longest{};
  RawClient quick(port());
  for (std::size_t byte = 0; byte + 1 < request.size(); ++byte) {
    for (const auto& client : slow) client->send(request.substr(byte, 1));
    const auto start = std::chrono::steady_clock::now();
    quick.send(get("/quick"));
    ASSERT_THAT(quick.read_response(), EndsWith("GET /quick "));
    longest = std::max(longest, std::chrono::steady_clock::now() - start);
  }

  EXPECT_LT(longest, 2s);
  for (const auto& client : slow) {
    client->send(request.substr(request.size() - 1));
    EXPECT_THAT(client->read_response(), EndsWith("POST /slow 0123456789"));
  }
}

TEST_F(ServerLimitsTest, AnswersAnUnfinishedHeadWith408) {
  start({.head_timeout = 100ms});
  RawClient client(port());
  client.send("GET / HTTP/1.1\r\nHo");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
}

TEST_F(ServerLimitsTest, DoesNotExtendTheHeadTimeoutByTrickling) {
  start({.head_timeout = 200ms});
  RawClient client(port());
  EXPECT_TRUE(eventually([&] {
    client.send("A");
    return client.has_input();
  }));
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerLimitsTest, AnswersAnUnfinishedBodyWith408) {
  start({.body_timeout = 100ms});
  RawClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(ServerLimitsTest, ClosesIdleConnectionsWithoutAWord) {
  start({.idle_timeout = 100ms});
  RawClient fresh(port());
  RawClient used(port());
  used.send(get("/"));
  used.read_response();
  EXPECT_EQ(used.read_to_end(), "");
  EXPECT_EQ(fresh.read_to_end(), "");
  EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
}

TEST_F(ServerLimitsTest, DoesNotTimeOutWhileAnExchangeWaits) {
  start({.head_timeout = 50ms, .body_timeout = 50ms, .idle_timeout = 50ms});
  RawClient client(port());
  client.send(get("/later"));
  const Shared exchange = held();
  RawClient idle(port());
  ASSERT_TRUE(idle.is_closed_by_server());  // the timeout has passed, and the sweep has run

  EXPECT_TRUE(exchange->reply(text("late")));

  EXPECT_THAT(client.read_response(), EndsWith("late"));
}

TEST_F(ServerLimitsTest, ClosesAReaderThatDoesNotRead) {
  start({.write_timeout = 100ms});
  RawClient client(port(), 4 * 1024);
  client.send(get("/large"));
  EXPECT_TRUE(eventually([&] { return server_->stats().requests == 1; }));
  EXPECT_TRUE(eventually([&] { return server_->stats().connections == 0; }));
}

TEST_F(ServerLimitsTest, TurnsAwayMoreConnectionsThanTheCap) {
  start({.connections_max = 3});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(port()));
    clients.back()->send(get("/"));
    clients.back()->read_response();
  }

  RawClient refused(port());
  EXPECT_THAT(refused.read_to_end(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_EQ(server_->stats().refused_connections, 1U);

  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return server_->stats().connections == 2; }));
  RawClient admitted(port());
  admitted.send(get("/"));
  EXPECT_THAT(admitted.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerLimitsTest, TurnsAwayMoreConnectionsOfOneAddressThanItsShare) {
  start({.connections_per_address_max = 2});
  RawClient first(port());
  RawClient second(port());
  RawClient third(port());
  // Several workers accept, so it need not be the last one.
  RawClient* refused = nullptr;
  ASSERT_TRUE(eventually([&] {
    for (RawClient* const each : {&first, &second, &third}) {
      if (each->has_input()) refused = each;
    }
    return refused != nullptr;
  }));

  EXPECT_THAT(refused->read_to_end(), StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
}

TEST_F(ServerLimitsTest, BoundsWhatAllUnfinishedRequestsHoldTogether) {
  start({.workers = 1, .buffered_bytes_max = 500'000});  // two workers might refuse both
  const std::string unfinished = post("/a", std::string(400'000, 'x')).substr(0, 390'000);
  RawClient first(port());
  first.send(unfinished);
  RawClient second(port());
  second.send(unfinished);
  ASSERT_TRUE(eventually([&] { return first.has_input() || second.has_input(); }));
  RawClient& refused = first.has_input() ? first : second;
  RawClient& kept = first.has_input() ? second : first;

  EXPECT_THAT(refused.read_response(), StartsWith("HTTP/1.1 503 "));
  kept.send(std::string(20'000, 'x'));

  EXPECT_THAT(kept.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerLimitsTest, WaitsForFreeDescriptorsWithoutSpinning) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "UBSan's check of virtual calls opens a pipe, and reports an error when it cannot";
#endif
  start();
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit old_limit = limit;
  const FileDescriptor next(dup(0));
  limit.rlim_cur = static_cast<rlim_t>(next.get()) + 2;  // one more may be opened: the client's
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  const std::clock_t cpu = std::clock();
  RawClient client(port());
  const bool is_sent = client.send(get("/"));
  const bool is_admitted = eventually([&] { return server_->stats().connections > 0; }, 700ms);
  const double busy_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  setrlimit(RLIMIT_NOFILE, &old_limit);

  EXPECT_TRUE(is_sent);
  EXPECT_FALSE(is_admitted);
  EXPECT_LT(busy_seconds, 0.35);
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerLimitsTest, SaysThatAPortIsTakenAndWhatToDo) {
  start();
  ServerSettings settings;
  settings.port = port();

  const auto second = Server::open(settings, timers_);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(port())));
  EXPECT_THAT(second.error().message, HasSubstr("choose another port"));
}

TEST_F(ServerLimitsTest, SaysThatAHostIsUnknown) {
  ServerSettings settings;
  settings.host = "no such host";
  const auto opened = Server::open(settings, timers_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
}

TEST_F(ServerLimitsTest, ListensOnNames) {
  for (const std::string host : {"localhost", "127.0.0.1", "0.0.0.0"}) {
    start({.host = host});
    RawClient client(port());
    client.send(get("/" + host));
    EXPECT_THAT(client.read_response(), EndsWith("GET /" + host + ' '));
  }
}

TEST_F(ServerLimitsTest, ListensOnIpv6IfTheMachineHasIt) {
  ServerSettings settings;
  settings.port = 0;
  settings.host = "::";
  auto opened = Server::open(settings, timers_);
  if (!opened) GTEST_SKIP() << opened.error().message;
  server_ = std::move(*opened);
  std::string peer;
  server_->start([&](const Shared& exchange) {
    peer = exchange->request().peer_address;
    exchange->reply({});
  });
  RawClient client(port());  // over IPv4
  client.send(get("/"));
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(peer, "127.0.0.1");
}

TEST_F(ServerLimitsTest, StopsAfterRunningExchangesHaveFinished) {
  start();
  RawClient idle(port());
  idle.send(get("/"));
  idle.read_response();
  RawClient waiting(port());
  waiting.send(get("/later"));
  Shared exchange = held();
  const std::uint16_t old_port = port();

  std::thread stopper([&] { server_->stop(); });
  EXPECT_TRUE(idle.is_closed_by_server());
  EXPECT_TRUE(exchange->reply(text("finished")));
  const std::string response = waiting.read_to_end();
  stopper.join();

  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(response, EndsWith("finished"));
  EXPECT_FALSE(RawClient(old_port).is_connected());
  EXPECT_FALSE(server_->post([] {}));
}

TEST_F(ServerLimitsTest, CutsWhatDoesNotFinishInTime) {
  start({.stop_timeout = 100ms});
  RawClient waiting(port());
  waiting.send(get("/later"));
  const Shared exchange = held();
  std::atomic<bool> departed{false};
  exchange->on_departed([&] { departed = true; });

  server_->stop();

  EXPECT_TRUE(departed);
  EXPECT_TRUE(waiting.is_closed_by_server());
  EXPECT_FALSE(exchange->reply(text("too late")));
}

TEST_F(ServerLimitsTest, AnExchangeMayOutliveTheServer) {
  start({.stop_timeout = 10ms});
  RawClient waiting(port());
  waiting.send(get("/later"));
  const Shared exchange = held();

  server_.reset();

  EXPECT_FALSE(exchange->reply(text("too late")));
  EXPECT_EQ(exchange->request().path, "/later");
}

TEST_F(ServerLimitsTest, StopsWithoutHavingStarted) {
  ServerSettings settings;
  settings.port = 0;
  const auto opened = Server::open(settings, timers_);
  ASSERT_TRUE(opened);
  (*opened)->stop();
}

}  // namespace
}  // namespace weir::http
