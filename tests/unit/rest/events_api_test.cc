#include "streaming/sse.h"
#include "tests/unit/rest/rest_fixture.h"

namespace weir::rest {
namespace {

class EventsApiTest : public RestTest {
 protected:
  // Reads a stream to its end: the server closes it after the terminal event.
  std::vector<streaming::SseEvent> follow(const std::string& scan_id, const std::string& lines = "", const std::string& query = "") {
    http::RawClient client(server_->port());
    client.send("GET /v1/scans/" + scan_id + "/events" + query + " HTTP/1.1\r\nHost: weir.test\r\n" + bearer() + lines +
                "Connection: close\r\n\r\n");
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
};

TEST_F(EventsApiTest, AStreamStartsWithASnapshotAndEndsAfterTheTerminalEvent) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  scans_do([this](const tools::scans::ScanPlan&, tools::scans::ScanObserver&, std::stop_token) -> Result<tools::scans::ScanOutcome> {
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
  const Json rest = get("/v1/scans/" + id + "/events?after=" + std::to_string(first["next_after"].get<int>()), accept).json();

  ASSERT_EQ(first["data"].size(), 2U);
  EXPECT_EQ(first["data"][0]["type"], "scan.queued");
  EXPECT_EQ(first["data"].size() + rest["data"].size(), first["last_seq"].get<std::size_t>());
  EXPECT_TRUE(rest["next_after"].is_null());
  EXPECT_EQ(get("/v1/scans/" + id + "/events?limit=0", accept).status, 422);
  EXPECT_EQ(get("/v1/scans/" + id + "/events?after=x", accept).status, 422);
}

TEST_F(EventsApiTest, AnotherAccountsScanHasNoEvents) {
  const std::string id = call("create_scan", {{"target_id", make_target()}, {"profile", "passive"}})["id"];
  const std::string key = add_key(bob_->account_id, {"read"});

  EXPECT_EQ(ask_with("Authorization: Bearer " + key + "\r\n", "GET", "/v1/scans/" + id + "/events").status, 404);
  EXPECT_EQ(get("/v1/scans/nonsense/events").status, 404);
}

}  // namespace
}  // namespace weir::rest
