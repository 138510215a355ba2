#include "streaming/sse.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/rest/rest_fixture.h"

namespace weir::rest {
namespace {

class EventsApiTest : public RestTest {
 protected:
  // Reads a stream to its end: the server closes it after the terminal event.
  std::vector<streaming::SseEvent> follow(const std::string& scan_id, const std::string& lines = "",
                                          const std::string& query = "") {
    return read("/v1/scans/" + scan_id + "/events" + query, bearer() + lines);
  }
  std::vector<streaming::SseEvent> read(const std::string& target, const std::string& lines) {
    http::RawClient client(server_->port());
    client.send("GET " + target + " HTTP/1.1\r\nHost: weir.test\r\n" + lines + "Connection: close\r\n\r\n");
    head_ = client.read_until("\r\n\r\n");
    std::string body;
    std::string rest = client.read_to_end();
    if (head_.find("chunked") == std::string::npos) {
      body = rest;
    } else {
      while (!rest.empty()) {
        const std::size_t line_end = rest.find("\r\n");
        if (line_end == std::string::npos) break;
        const std::size_t size = std::stoul(rest.substr(0, line_end), nullptr, 16);
        if (size == 0) break;
        body += rest.substr(line_end + 2, size);
        rest.erase(0, line_end + 2 + size + 2);
      }
    }
    streaming::SseDecoder decoder;
    return decoder.feed(body);
  }
  static std::vector<std::string> types(const std::vector<streaming::SseEvent>& events) {
    std::vector<std::string> names;
    for (const auto& event : events) names.push_back(event.type);
    return names;
  }

  std::string head_;
  testing::FakeClock later_{clock_.now()};
};

TEST_F(EventsApiTest, AStreamStartsWithASnapshotAndEndsAfterTheTerminalEvent) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  scans_do([this](const tools::scans::ScanPlan&, tools::scans::ScanObserver&,
                  std::stop_token) -> Result<tools::scans::ScanOutcome> {
    testing::eventually([&] { return hub_->subscriptions() > 0; });
    return outcome_with({"hdr.csp.missing"});
  });
  jobs_->start();

  const auto events = follow(id);

  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().type, "snapshot");
  EXPECT_EQ((*parse_json(events.front().data))["data"]["id"], id);
  EXPECT_EQ(events.back().type, "scan.completed");
  EXPECT_NE(head_.find("text/event-stream"), std::string::npos);
  EXPECT_NE(head_.find("X-Accel-Buffering: no"), std::string::npos);
  EXPECT_NE(head_.find("X-RateLimit-Limit"), std::string::npos);
}

TEST_F(EventsApiTest, AResumedStreamHasEveryLaterEventOnceAndNoSnapshot) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];
  const std::vector<std::string> all = event_types(id);

  const auto by_header = follow(id, "Last-Event-ID: " + events_->epoch() + "-1\r\n");
  const auto by_query = follow(id, "", "?after=0");

  EXPECT_EQ(types(by_header), std::vector<std::string>(all.begin() + 1, all.end()));
  EXPECT_EQ(types(by_query), all);
}

TEST_F(EventsApiTest, AReaderThatComesBackAfterTheEndIsToldToStayAway) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];
  const std::size_t last = event_types(id).size();

  EXPECT_EQ(
      get("/v1/scans/" + id + "/events", "Last-Event-ID: " + events_->id_of(static_cast<std::int64_t>(last)) + "\r\n")
          .status,
      204);
  EXPECT_EQ(follow(id, "Last-Event-ID: " + events_->id_of(static_cast<std::int64_t>(last) - 1) + "\r\n").size(), 1U);
}

TEST_F(EventsApiTest, AnEndedScanGivesItsSnapshotAndEnds) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];

  EXPECT_EQ(types(follow(id)), std::vector<std::string>{"snapshot"});
}

TEST_F(EventsApiTest, CallersThatAskForJsonGetPages) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];
  const std::string accept = "Accept: application/json\r\n";

  const Json first = get("/v1/scans/" + id + "/events?limit=2", accept).json();
  const Json rest =
      get("/v1/scans/" + id + "/events?after=" + std::to_string(first["next_after"].get<int>()), accept).json();

  ASSERT_EQ(first["data"].size(), 2U);
  EXPECT_EQ(first["data"][0]["type"], "scan.queued");
  EXPECT_EQ(first["data"].size() + rest["data"].size(), first["last_seq"].get<std::size_t>());
  EXPECT_TRUE(rest["next_after"].is_null());
  EXPECT_EQ(get("/v1/scans/" + id + "/events?limit=0", accept).status, 422);
  EXPECT_EQ(get("/v1/scans/" + id + "/events?after=x", accept).status, 422);
}

TEST_F(EventsApiTest, TypesNarrowAStreamAndAPage) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];

  EXPECT_EQ(types(follow(id, "", "?after=0&types=scan.completed,scan.queued")),
            (std::vector<std::string>{"scan.queued", "scan.completed"}));
  const Json page = get("/v1/events?types=scan.completed", "Accept: application/json\r\n").json();
  ASSERT_EQ(page["data"].size(), 1U);
  EXPECT_EQ(page["data"][0]["resource"], id);
  EXPECT_EQ(get("/v1/events?types=scam.*").status, 422);
  EXPECT_EQ(get("/v1/events?resource=nonsense").status, 422);
}

TEST_F(EventsApiTest, TheAccountsStreamHasHistoryASnapshotAndItsOwnIds) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  http::RawClient client(server_->port());
  client.send("GET /v1/events HTTP/1.1\r\nHost: weir.test\r\n" + bearer() + "\r\n");
  const std::string first = client.read_until("\"active_scans\":[{");
  EXPECT_NE(first.find("event: snapshot"), std::string::npos) << first;

  jobs_->start();
  const std::string live = client.read_until("event: scan.completed");
  EXPECT_NE(live.find("id: " + events_->epoch() + "-a"), std::string::npos) << live;
  EXPECT_EQ(live.find("event: scan.queued"), std::string::npos) << "that was before";

  http::RawClient again(server_->port());
  again.send("GET /v1/events?after=0&resource=" + id + " HTTP/1.1\r\nHost: weir.test\r\n" + bearer() + "\r\n");
  const std::string history = again.read_until("event: scan.completed");
  EXPECT_NE(history.find("event: scan.queued"), std::string::npos);
  EXPECT_EQ(history.find("event: snapshot"), std::string::npos);
}

TEST_F(EventsApiTest, ATokenOpensStreamsAndNothingElse) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];
  const Answer minted = post("/v1/stream-tokens", Json::object());
  ASSERT_EQ(minted.status, 201) << minted.body;
  const std::string token = minted.json()["token"];

  const auto events = read("/v1/scans/" + id + "/events?after=0&token=" + token, "");
  EXPECT_EQ(types(events), event_types(id));
  EXPECT_NE(head_.find("Access-Control-Allow-Origin: *"), std::string::npos) << head_;
  const auto json = [&](const std::string& query) {
    return ask_with("Accept: application/json\r\n", "GET", "/v1/events?" + query).status;
  };
  EXPECT_EQ(json("token=" + token), 200) << "again";
  EXPECT_EQ(json("token=wst_00000000000000000000000000000000"), 401);
  EXPECT_EQ(json("token=" + key_), 400) << "a key does not belong in a URL";
  EXPECT_EQ(ask_with("", "GET", "/v1/scans?token=" + token).status, 401);
  EXPECT_EQ(ask_with("Authorization: Bearer " + token + "\r\n", "GET", "/v1/scans").status, 401);
}

TEST_F(EventsApiTest, ATokenIsGoodForAMinuteAfterItsStreamAndEndsWithItsKey) {
  server::StreamTokens early(*database_, later_, random_);
  const auto minted = must(early.mint(*alice_));

  later_.advance(server::StreamTokens::kOpenTime - std::chrono::seconds{1});
  const auto opened = early.open(minted.token);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->key_id, alice_->key_id);
  later_.advance(std::chrono::hours{3});
  EXPECT_TRUE(early.open(minted.token)) << "its stream is still open";
  early.closed(opened->hash);
  later_.advance(server::StreamTokens::kOpenTime);
  EXPECT_FALSE(early.open(minted.token));

  const auto unused = must(early.mint(*alice_));
  later_.advance(server::StreamTokens::kOpenTime);
  EXPECT_EQ(early.open(unused.token).error().code, ErrorCode::unauthorized);

  const std::string key = add_key(alice_->account_id, {"read"});
  const Answer own = ask_with("Authorization: Bearer " + key + "\r\nContent-Type: application/json\r\n", "POST",
                              "/v1/stream-tokens", "{}");
  ASSERT_EQ(own.status, 201) << own.body;
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Result<void> {
    auto row = store::key_by_hash(transaction, server::hash_of_key(key));
    if (!row) return row.error();
    return store::revoke_key(transaction, row->key.id, clock_.now());
  }));
  EXPECT_EQ(
      ask_with("Accept: application/json\r\n", "GET", "/v1/events?token=" + own.json()["token"].get<std::string>())
          .status,
      401);
}

TEST_F(EventsApiTest, APositionThatIsGoneIsAnsweredWithAGapInAStreamAndInAPage) {
  jobs_->start();
  const std::string id = scan(make_target())["id"];

  const auto events = follow(id, "Last-Event-ID: elsewhere-3\r\n");
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().type, "gap");
  EXPECT_EQ(*parse_json(events.front().data),
            Json({{"requested", "elsewhere-3"}, {"first_available", events_->epoch() + "-1"}}));
  const Json page = get("/v1/scans/" + id + "/events?after=elsewhere-3", "Accept: application/json\r\n").json();
  EXPECT_EQ(page["gap"]["requested"], "elsewhere-3");
  EXPECT_EQ(page["data"].size(), event_types(id).size());
}

TEST_F(EventsApiTest, AKeyThatMayNotReadRunsHearsNothingOfThem) {
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Result<void> {
    auto event = events_->append(transaction, {.account_id = alice_->account_id,
                                               .resource_type = "run",
                                               .resource_id = "run_1",
                                               .type = "run.queued",
                                               .data = Json::object()});
    if (!event) return event.error();
    return {};
  }));
  const auto seen_with = [&](const std::string& scope) {
    const std::string key = add_key(alice_->account_id, {scope});
    return ask_with("Authorization: Bearer " + key + "\r\nAccept: application/json\r\n", "GET", "/v1/events")
        .json()["data"]
        .size();
  };

  EXPECT_EQ(seen_with("read"), 1U);
  EXPECT_EQ(seen_with("scans:read"), 0U);
}

TEST_F(EventsApiTest, AnotherAccountsScanHasNoEvents) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  const std::string key = add_key(bob_->account_id, {"read"});

  EXPECT_EQ(ask_with("Authorization: Bearer " + key + "\r\n", "GET", "/v1/scans/" + id + "/events").status, 404);
  EXPECT_EQ(get("/v1/scans/nonsense/events").status, 404);
}

}  // namespace
}  // namespace weir::rest
