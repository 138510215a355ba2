#include "limits/redis_connection.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/guarded.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_process.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using weir::testing::eventually;
using weir::testing::RedisProcess;

Result<RedisReply> ask(RedisConnection& connection, const std::vector<std::string_view>& arguments) {
  return connection.call(arguments);
}

// A port that nobody had a moment ago: redis-server cannot be given port 0.
std::uint16_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(listener);
  return ntohs(address.sin_port);
}

TEST(RedisConnectionTest, TheFirstCallWaitsForTheConnection) {
  const RedisProcess redis;
  RedisConnection connection(redis.settings());

  const Result<RedisReply> reply = ask(connection, {"PING"});

  ASSERT_TRUE(reply.has_value()) << reply.error().cause;
  EXPECT_EQ(reply->text, "PONG");
}

TEST(RedisConnectionTest, TellsNumbersListsTextsNothingAndErrorsApart) {
  const RedisProcess redis;
  RedisConnection connection(redis.settings());

  EXPECT_EQ(ask(connection, {"INCRBY", "n", "-7"})->integers, std::vector<std::int64_t>{-7});
  EXPECT_EQ(ask(connection, {"EVAL", "return {1, 2, 9007199254740992}", "0"})->integers,
            (std::vector<std::int64_t>{1, 2, 9'007'199'254'740'992}));
  EXPECT_EQ(ask(connection, {"ECHO", std::string_view{"a\r\n\0b", 5}})->text, (std::string{"a\r\n\0b", 5}));
  EXPECT_EQ(ask(connection, {"GET", "missing"})->kind, RedisReply::Kind::nothing);
  const Result<RedisReply> error = ask(connection, {"NOSUCHCOMMAND"});
  EXPECT_EQ(error->kind, RedisReply::Kind::error);
  EXPECT_TRUE(error->text.starts_with("ERR")) << error->text;
}

TEST(RedisConnectionTest, EveryCallerGetsItsOwnAnswer) {
  const RedisProcess redis;
  RedisConnection connection(redis.settings());
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 16; ++caller) {
      callers.emplace_back([&, caller] {
        for (int call = 0; call < 200; ++call) {
          const std::string said = std::to_string(caller) + "/" + std::to_string(call);
          const Result<RedisReply> heard = ask(connection, {"ECHO", said});
          if (!heard || heard->text != said) ++wrong;
        }
      });
    }
  }

  EXPECT_EQ(wrong, 0);
}

TEST(RedisConnectionTest, CallersShareOneConnection) {
  RedisProcess redis;
  const std::int64_t before = std::stoll(redis.info("stats", "total_connections_received"));
  RedisConnection connection(redis.settings());
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 8; ++caller) {
      callers.emplace_back([&] {
        for (int call = 0; call < 50; ++call) EXPECT_TRUE(ask(connection, {"PING"}).has_value());
      });
    }
  }

  EXPECT_EQ(std::stoll(redis.info("stats", "total_connections_received")), before + 1);
}

TEST(RedisConnectionTest, SpeaksTcpWithAPasswordAndADatabase) {
  const std::uint16_t port = free_port();
  RedisProcess redis({"--port", std::to_string(port), "--bind", "127.0.0.1", "--requirepass", "p@ss/word"},
                     "p@ss/word");
  Result<RedisSettings> settings =
      RedisSettings::parse("redis://:p%40ss%2Fword@127.0.0.1:" + std::to_string(port) + "/3");
  ASSERT_TRUE(settings.has_value());
  settings->deadline = std::chrono::seconds{10};
  RedisConnection connection(*settings);

  ASSERT_TRUE(ask(connection, {"SET", "here", "yes"}).has_value());

  EXPECT_EQ(redis.command({"GET", "here"}).kind, RedisReply::Kind::nothing);  // database 0
  redis.command({"SELECT", "3"});
  EXPECT_EQ(redis.command({"GET", "here"}).text, "yes");
}

TEST(RedisConnectionTest, LogsInAsAUserOfTheServersList) {
  RedisProcess redis;
  redis.command({"ACL", "SETUSER", "weir", "on", ">secret", "~*", "+@all"});
  auto settings = RedisSettings::parse("unix://weir:secret@" + redis.socket_path());
  settings->deadline = std::chrono::seconds{10};
  RedisConnection connection(*settings);

  EXPECT_EQ(ask(connection, {"ACL", "WHOAMI"})->text, "weir");
}

TEST(RedisConnectionTest, AWrongPasswordIsUnavailableAndIsNotRepeatedToAnyone) {
  const RedisProcess redis({"--requirepass", "right"}, "right");
  RedisSettings settings = redis.settings();
  settings.password = "wrong-secret";
  RedisConnection connection(settings);

  const Result<RedisReply> reply = ask(connection, {"PING"});

  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_NE(reply.error().cause.find("WRONGPASS"), std::string::npos) << reply.error().cause;
  EXPECT_EQ((reply.error().cause + reply.error().message).find("wrong-secret"), std::string::npos);
  EXPECT_FALSE(connection.is_connected());
}

TEST(RedisConnectionTest, RefusesAtOnceWhileThereIsNoServer) {
  const weir::testing::TempDir folder;
  RedisSettings settings;
  settings.socket_path = (folder.path() / "nobody.sock").string();
  settings.deadline = std::chrono::seconds{30};
  RedisConnection connection(settings);
  ASSERT_FALSE(ask(connection, {"PING"}).has_value());

  const auto begin = steady_clock::now();
  for (int call = 0; call < 1'000; ++call) ASSERT_FALSE(ask(connection, {"PING"}).has_value());

  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds{5});
}

TEST(RedisConnectionTest, AKilledServerFailsItsCallersAtOnceAndIsFoundAgain) {
  RedisProcess redis;
  RedisConnection connection(redis.settings());
  ASSERT_TRUE(ask(connection, {"PING"}).has_value());
  const std::jthread blocked([&] {
    const auto begin = steady_clock::now();
    EXPECT_FALSE(ask(connection, {"BLPOP", "never", "0"}).has_value());
    EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds{8});
  });
  ASSERT_TRUE(eventually([&] { return redis.info("clients", "blocked_clients") == "1"; }));

  redis.restart();

  EXPECT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
}

TEST(RedisConnectionTest, AHangingServerCostsTheDeadlineAndNoMore) {
  RedisProcess redis;
  RedisSettings settings = redis.settings();
  settings.deadline = milliseconds{25};
  RedisConnection connection(settings);
  ASSERT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
  redis.stop();

  const auto begin = steady_clock::now();
  const Result<RedisReply> reply = ask(connection, {"PING"});
  const auto took = steady_clock::now() - begin;

  redis.resume();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_GE(took, milliseconds{25});
  EXPECT_LT(took, std::chrono::seconds{2});
  EXPECT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
}

TEST(RedisConnectionTest, AServerThatHangsForLongIsLeftAndFoundAgain) {
  RedisProcess redis;
  RedisSettings settings = redis.settings();
  settings.deadline = milliseconds{25};
  RedisConnection connection(settings);
  ASSERT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
  redis.stop();
  ASSERT_FALSE(ask(connection, {"PING"}).has_value());

  EXPECT_TRUE(eventually([&] { return !connection.is_connected(); }));

  redis.resume();
  EXPECT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
}

// What was told, in order. Thread-safe.
struct Told {
  Guarded<std::vector<Result<RedisReply>>> replies;

  RedisConnection::Answered answered() {
    return [this](Result<RedisReply> reply) { replies.with([&](auto& all) { all.push_back(std::move(reply)); }); };
  }
  [[nodiscard]] std::size_t count() const {
    return replies.with([](const auto& all) { return all.size(); });
  }
};

TEST(RedisConnectionTest, CallsBackWithEachAnswerInOrder) {
  constexpr int kCalls = 500;
  RedisProcess redis;
  RedisConnection connection(redis.settings());
  ASSERT_TRUE(eventually([&] { return connection.is_connected(); }));
  Told told;
  const std::vector<std::string_view> increase{"INCR", "counter"};

  for (int call = 0; call < kCalls; ++call) ASSERT_TRUE(connection.call_back(increase, told.answered()).has_value());

  ASSERT_TRUE(eventually([&] { return told.count() == kCalls; }));
  told.replies.with([](const auto& all) {
    for (int call = 0; call < kCalls; ++call) ASSERT_EQ(all[static_cast<std::size_t>(call)]->integers.at(0), call + 1);
  });
}

TEST(RedisConnectionTest, CallsBackAfterTheDeadlineIfTheServerHangsAndOnlyOnce) {
  RedisProcess redis;
  RedisSettings settings = redis.settings();
  settings.deadline = milliseconds{25};
  RedisConnection connection(settings);
  ASSERT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
  redis.stop();
  Told told;
  const std::vector<std::string_view> ping{"PING"};

  const auto begin = steady_clock::now();
  ASSERT_TRUE(connection.call_back(ping, told.answered()).has_value());
  ASSERT_TRUE(connection.call_back(ping, told.answered()).has_value());
  ASSERT_TRUE(eventually([&] { return told.count() == 2; }));
  const auto took = steady_clock::now() - begin;
  redis.resume();
  ASSERT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));

  EXPECT_GE(took, milliseconds{25});
  EXPECT_EQ(told.count(), 2U);  // the late answers found nobody
  told.replies.with([](const auto& all) {
    for (const Result<RedisReply>& reply : all) EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  });
}

TEST(RedisConnectionTest, ALostServerAndAnEndFailWhoeverIsToBeCalled) {
  RedisProcess redis;
  Told told;
  RedisSettings settings = redis.settings();
  settings.deadline = std::chrono::seconds{60};
  RedisConnection connection(settings);
  ASSERT_TRUE(eventually([&] { return connection.is_connected(); }));
  const std::vector<std::string_view> blocking{"BLPOP", "never", "0"};
  ASSERT_TRUE(connection.call_back(blocking, told.answered()).has_value());
  ASSERT_TRUE(eventually([&] { return redis.info("clients", "blocked_clients") == "1"; }));

  redis.restart();

  ASSERT_TRUE(eventually([&] { return told.count() == 1; }));
  ASSERT_TRUE(eventually([&] { return connection.is_connected(); }));
  ASSERT_TRUE(connection.call_back(blocking, told.answered()).has_value());
  connection.stop();
  EXPECT_EQ(told.count(), 2U);
  EXPECT_FALSE(connection.call_back(blocking, told.answered()).has_value());
  EXPECT_EQ(told.count(), 2U);
}

TEST(RedisConnectionTest, KeepsABoundedNumberOfCallsWaiting) {
  RedisProcess redis;
  RedisSettings settings = redis.settings();
  settings.calls_max = 10;
  RedisConnection connection(settings);
  ASSERT_TRUE(ask(connection, {"PING"}).has_value());
  redis.stop();
  const std::vector<std::string_view> ping{"PING"};
  int accepted = 0;
  while (accepted < 1'000 && connection.post(ping)) ++accepted;

  const Result<RedisReply> beyond = ask(connection, {"PING"});

  redis.resume();
  EXPECT_EQ(accepted, 10);
  ASSERT_FALSE(beyond.has_value());
  EXPECT_NE(beyond.error().cause.find("more than 10 calls"), std::string::npos) << beyond.error().cause;
  EXPECT_TRUE(eventually([&] { return ask(connection, {"PING"}).has_value(); }));
}

TEST(RedisConnectionTest, ACommandOfSeveralMegabytesAndItsAnswerArriveWhole) {
  const RedisProcess redis;
  RedisConnection connection(redis.settings());
  const std::string large(5'000'000, 'x');

  const Result<RedisReply> reply = ask(connection, {"ECHO", large});

  ASSERT_TRUE(reply.has_value()) << reply.error().cause;
  EXPECT_EQ(reply->text, large);
}

}  // namespace
}  // namespace weir::limits
