// Requests and answers over real sockets.
#include "server/http/server.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/json.h"
#include "tests/unit/server_http/server_fixture.h"

namespace weir::http {
namespace {

using ::testing::EndsWith;
using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(ServerTest, AnswersARequest) {
  start();
  RawClient client(port());

  client.send(post("/v1/scans", "{}"));

  const std::string response = client.read_response();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 17\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nPOST /v1/scans {}"));
}

TEST_F(ServerTest, GivesTheHandlerWhatWasSent) {
  Request seen;
  start({}, [&](Shared exchange) {
    seen = exchange->request();
    exchange->reply({});
  });
  RawClient client(port());

  client.send("GET /a%20b/c?x=1%262&y=a+b&x=2 HTTP/1.1\r\nhOST: weir.test\r\nX-One:  50%25 \r\nX-Two:\r\n\r\n");
  client.read_response();

  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/a%20b/c?x=1%262&y=a+b&x=2");
  EXPECT_EQ(seen.path, "/a b/c");
  EXPECT_EQ(seen.query_value("x"), "1&2");
  EXPECT_EQ(seen.query_value("y"), "a b");
  EXPECT_EQ(seen.query_value("z"), std::nullopt);
  EXPECT_EQ(seen.headers.fields()[0].first, "hOST");
  EXPECT_EQ(seen.headers.find("x-one"), "50%25");  // values are not decoded
  EXPECT_EQ(seen.headers.find("X-Two"), "");
  EXPECT_EQ(seen.peer_address, "127.0.0.1");
}

TEST_F(ServerTest, ReadsTheAbsoluteFormOfATarget) {
  start();
  RawClient client(port());
  client.send(get("http://weir.test/v1/health?x=1"));
  EXPECT_THAT(client.read_response(), EndsWith("GET /v1/health "));
}

TEST_F(ServerTest, KeepsTheConnection) {
  start();
  RawClient client(port());

  for (int i = 0; i < 20; ++i) {
    client.send(get("/" + std::to_string(i)));
    EXPECT_THAT(client.read_response(), EndsWith("GET /" + std::to_string(i) + ' '));
  }

  EXPECT_EQ(server_->stats().connections, 1U);
  EXPECT_EQ(server_->stats().requests, 20U);
}

TEST_F(ServerTest, ClosesWhenAsked) {
  start();
  RawClient client(port());
  client.send(get("/a", "Connection: close\r\n"));
  const std::string response = client.read_to_end();
  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(response, EndsWith("GET /a "));
}

TEST_F(ServerTest, SpeaksToOldClients) {
  start();
  RawClient closing(port());
  closing.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(closing.read_to_end(), HasSubstr("\r\nConnection: close\r\n"));

  RawClient keeping(port());
  keeping.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(keeping.read_response(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  keeping.send("GET /b HTTP/1.0\r\n\r\n");
  EXPECT_THAT(keeping.read_to_end(), EndsWith("GET /b "));
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  RawClient client(port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + get("/next"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("\r\nContent-Length: 10\r\n"));
  EXPECT_THAT(client.read_response(), EndsWith("GET /next "));
}

TEST_F(ServerTest, SendsNoBodyWith204) {
  start();
  RawClient client(port());
  client.send(get("/empty") + get("/next"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, SendsContinueOnlyIfTheHeadIsAccepted) {
  start();
  RawClient accepted(port());
  accepted.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(accepted.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  accepted.send("hi");
  EXPECT_THAT(accepted.read_response(), EndsWith("POST /a hi"));

  RawClient refused(port());
  refused.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_THAT(refused.read_response(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderThoughTheFirstIsHeld) {
  start();
  RawClient client(port());
  client.send(get("/later") + get("/second") + get("/third"));
  const Shared first = held();
  EXPECT_FALSE(client.has_input());

  std::thread replier([&] { EXPECT_TRUE(first->reply(text("first"))); });
  replier.join();

  EXPECT_THAT(client.read_response(), EndsWith("first"));
  EXPECT_THAT(client.read_response(), EndsWith("GET /second "));
  EXPECT_THAT(client.read_response(), EndsWith("GET /third "));
}

TEST_F(ServerTest, AnswersManyPipelinedRequests) {
  start();
  RawClient client(port());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += get("/" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 500; ++i) {
    ASSERT_THAT(client.read_response(), EndsWith("GET /" + std::to_string(i) + ' '));
  }
}

TEST_F(ServerTest, CountsOnlyTheFirstReply) {
  start();
  RawClient client(port());
  client.send(get("/later"));
  const Shared exchange = held();
  EXPECT_EQ(server_->stats().waiting_exchanges, 1U);

  EXPECT_TRUE(exchange->reply(text("one")));
  EXPECT_FALSE(exchange->reply(text("two")));
  EXPECT_EQ(exchange->start_stream({}), nullptr);

  EXPECT_THAT(client.read_response(), EndsWith("one"));
  EXPECT_EQ(server_->stats().waiting_exchanges, 0U);
}

TEST_F(ServerTest, Answers500WhenAHandlerThrowsOrForgets) {
  start();
  RawClient client(port());
  for (const std::string path : {"/throw", "/drop"}) {
    client.send(get(path));
    const std::string response = client.read_response();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
    EXPECT_THAT(response, HasSubstr("\"error\":\"internal\""));
  }
}

TEST_F(ServerTest, Answers500WhenAHeldExchangeIsDropped) {
  start();
  RawClient client(port());
  client.send(get("/later"));
  held().reset();
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 500 "));
}

TEST_F(ServerTest, RefusesInTheProductsErrorFormat) {
  start();
  RawClient client(port());
  client.send("GET / HTTP/1.1\r\n\r\n");

  const std::string response = client.read_to_end();
  const Json body = *parse_json(response.substr(response.find("\r\n\r\n") + 4));

  EXPECT_THAT(response, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_EQ(body["error"], "bad_request");
  EXPECT_EQ(body["status"], 400);
  EXPECT_THAT(body["message"], HasSubstr("Host header is missing"));
  EXPECT_TRUE(body.contains("detail"));
  EXPECT_THAT(response, HasSubstr("\r\nX-Request-ID: " + body["request_id"].get<std::string>() + "\r\n"));
}

TEST_F(ServerTest, UsesTheProgramsErrorBody) {
  ServerSettings settings;
  settings.port = 0;
  server_ = std::move(*Server::open(settings, timers_));
  server_->set_error_body(
      [](int status, std::string_view message) { return text("ours: " + std::string(message), status); });
  server_->start([](const Shared&) {});
  RawClient client(port());
  client.send("BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), EndsWith("ours: The method BREW is not known to this server."));
}

TEST_F(ServerTest, LetsTheSenderOfTooMuchReadTheRefusal) {
  start();
  const std::string megabytes(3 * 1024 * 1024, 'x');
  RawClient head(port());
  head.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + megabytes + "\r\n\r\n");
  EXPECT_THAT(head.read_response(), StartsWith("HTTP/1.1 431 "));

  RawClient body(port());
  body.send(post("/", megabytes));
  EXPECT_THAT(body.read_response(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, CleansHeaderValuesOfLineEnds) {
  start({}, [](const Shared& exchange) {
    Response response = text("x");
    response.headers.add("X-Note", "a\r\nX-Injected: yes");
    response.headers.add("Bad Name", "b");
    response.headers.add("Content-Length", "999");
    exchange->reply(std::move(response));
  });
  RawClient client(port());
  client.send(get("/", "Connection: close\r\n"));
  const std::string response = client.read_to_end();
  EXPECT_THAT(response, HasSubstr("\r\nX-Note: a  X-Injected: yes\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("Bad Name")));
  EXPECT_THAT(response, Not(HasSubstr("999")));
}

TEST_F(ServerTest, SendsALargeAnswerToASlowReader) {
  start({.workers = 1});
  RawClient slow(port(), 4 * 1024);
  slow.send(get("/large"));
  RawClient other(port());
  other.send(get("/quick"));
  EXPECT_THAT(other.read_response(), EndsWith("GET /quick "));

  const std::string response = slow.read_response();

  EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, kLargeBytes);
}

TEST_F(ServerTest, TellsAWaitingExchangeThatItsClientHasGone) {
  start();
  for (const bool hard : {false, true}) {
    RawClient client(port());
    client.send(get("/later"));
    const Shared exchange = held();
    std::atomic<int> calls{0};
    exchange->on_departed([&] { ++calls; });

    hard ? client.abort() : client.close();

    EXPECT_TRUE(eventually([&] { return calls == 1; }));
    std::atomic<bool> at_once{false};
    exchange->on_departed([&] { at_once = true; });
    EXPECT_TRUE(at_once);
  }
}

TEST_F(ServerTest, FreesAnExchangeThatItsOwnCallbackHolds) {
  start();
  RawClient client(port());
  client.send(get("/later"));
  Shared exchange = held();
  const std::weak_ptr<Exchange> weak = exchange;
  exchange->on_departed([exchange] {});

  exchange->reply(text("done"));
  exchange.reset();

  EXPECT_TRUE(weak.expired());
}

TEST_F(ServerTest, AnswersAClientThatHasShutDownItsSendingSide) {
  start();
  RawClient immediate(port());
  immediate.send(get("/now"));
  immediate.half_close();
  EXPECT_THAT(immediate.read_to_end(), EndsWith("GET /now "));

  RawClient waiting(port());
  waiting.send(get("/later"));
  waiting.half_close();
  const Shared exchange = held();
  std::atomic<bool> departed{false};
  exchange->on_departed([&] { departed = true; });
  EXPECT_TRUE(eventually([&] { return departed.load(); }));
  EXPECT_TRUE(exchange->reply(text("still")));
  EXPECT_THAT(waiting.read_to_end(), EndsWith("still"));
}

TEST_F(ServerTest, RunsPostedWorkOnAWorker) {
  start();
  std::atomic<int> runs{0};
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(server_->post([&] { ++runs; }));
  EXPECT_TRUE(eventually([&] { return runs == 1'000; }));
}

TEST_F(ServerTest, SurvivesRepliesFromManyThreads) {
  std::mutex mutex;
  std::vector<Shared> waiting;
  start({}, [&](Shared exchange) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(exchange));
  });
  std::atomic<bool> done{false};
  std::vector<std::thread> repliers;
  for (int i = 0; i < 3; ++i) {
    repliers.emplace_back([&] {
      while (!done) {
        Shared next;
        {
          const std::lock_guard lock(mutex);
          if (!waiting.empty()) {
            next = std::move(waiting.back());
            waiting.pop_back();
          }
        }
        if (next) next->reply(text(next->request().path));
        std::this_thread::yield();
      }
    });
  }
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      RawClient client(port());
      for (int i = 0; i < 100; ++i) {
        client.send(get("/" + std::to_string(i)));
        answered += client.read_response().ends_with("/" + std::to_string(i)) ? 1 : 0;
      }
    });
  }
  for (auto& thread : clients) thread.join();
  done = true;
  for (auto& thread : repliers) thread.join();
  EXPECT_EQ(answered, 400);
}

}  // namespace
}  // namespace weir::http
