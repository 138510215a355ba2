#include "streaming/webhook_sender.h"

#include "base/hmac.h"
#include "store/accounts_store.h"
#include "streaming/webhook_outbox.h"
#include "streaming/webhook_signature.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/http_imposter.h"
#include "tests/support/temp_dir.h"

namespace weir::streaming {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::HttpImposter;
using testing::ImposterAnswer;
using testing::RecordedRequest;
using Failure = ImposterAnswer::Failure;

// The address of every name, which a test may change. Thread-safe.
class OneAddress final : public egress::Resolver {
 public:
  void set(const std::string& address) {
    address_.with([&](std::string& text) { text = address; });
  }
  Result<std::vector<egress::IpAddress>> resolve(const std::string&) override {
    return std::vector{*egress::IpAddress::parse(address_.with([](const std::string& text) { return text; }))};
  }

 private:
  Guarded<std::string> address_{std::in_place, "127.0.0.1"};
};

class WebhookSenderTest : public ::testing::Test {
 protected:
  WebhookSenderTest() {
    database_ = must(store::Database::open({.path = (folder_.path() / "weir.db").string()}));
    log_ = must(EventLog::open(*database_, *hub_, clock_));
    outbox_ = must(WebhookOutbox::open(*database_, ids_, clock_, notices_));
    log_->set_outbox(*outbox_);
    must(database_->write([&](store::Transaction& t) {
      return store::insert_account(t, {.id = "acc_1",
                                       .name = "one",
                                       .tier = "free",
                                       .limit_override = std::nullopt,
                                       .created_at = clock_.now(),
                                       .updated_at = clock_.now()});
    }));
    settings_.timeout = 5s;
    settings_.user_agent = "Weir/test";
  }
  ~WebhookSenderTest() override { sender_.reset(); }

  static void must(const Result<void>& done) {
    if (!done) throw std::runtime_error(done.error().message + " / " + done.error().cause);
  }
  template <typename T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
    return std::move(*result);
  }

  void start() {
    sender_ = std::make_unique<WebhookSender>(
        settings_, WebhookSenderParts{*database_, *log_, notices_, sealer_, policy_, resolver_, clock_, random_, ids_});
    sender_->start();
  }
  // Moves the clock and makes the sender look at it.
  void advance(std::chrono::milliseconds by) {
    clock_.advance(by);
    notices_.note_due("");
  }

  std::string add_webhook(const std::string& url, const std::string& secret = kSecret) {
    store::WebhookRow row;
    row.id = ids_.make("whk");
    row.account_id = "acc_1";
    row.url = url;
    row.events = {"*"};
    row.sealed_secret = sealer_.seal(secret, row.id);
    row.created_at = clock_.now();
    row.updated_at = clock_.now();
    outbox_->expect_webhooks_of("acc_1");
    must(database_->write([&](store::Transaction& t) { return store::insert_webhook(t, row); }));
    return row.id;
  }
  void publish(int count = 1) {
    for (int i = 0; i < count; ++i) {
      must(database_->write_for([&](store::Transaction& t) {
        return log_->append(t, {.account_id = "acc_1",
                                .resource_type = "scan",
                                .resource_id = "scn_1",
                                .type = "scan.started",
                                .data = {{"n", i}}});
      }));
    }
  }
  store::WebhookRow webhook(const std::string& id) {
    return must(database_->read_for([&](store::Transaction& t) { return store::webhook_by_id(t, "acc_1", id); }));
  }
  std::vector<store::DeliveryRow> deliveries(const std::string& webhook_id) {
    return must(database_->read_for([&](store::Transaction& t) {
             return store::list_deliveries(t, {.webhook_id = webhook_id, .state = ""}, {.limit = 100, .after_id = ""});
           }))
        .items;
  }
  std::vector<store::AttemptRow> attempts(const std::string& delivery_id) {
    return must(database_->read_for([&](store::Transaction& t) { return store::attempts_of(t, delivery_id); }));
  }
  bool all_are(const std::string& webhook_id, const std::string& state) {
    return eventually([&] {
      const auto rows = deliveries(webhook_id);
      return !rows.empty() &&
             std::all_of(rows.begin(), rows.end(), [&](const auto& row) { return row.state == state; });
    });
  }
  bool has_attempts(const std::string& webhook_id, std::int64_t count) {
    return eventually([&] { return deliveries(webhook_id).front().attempts == count; });
  }
  static bool verifies(const RecordedRequest& request, const std::string& secret) {
    const std::string content =
        request.header("webhook-id") + "." + request.header("webhook-timestamp") + "." + request.body;
    const std::string wanted =
        "v1," + to_base64(as_bytes(hmac_sha256(*from_base64(std::string_view(secret).substr(6)), content)));
    return (" " + request.header("webhook-signature") + " ").find(" " + wanted + " ") != std::string::npos;
  }

  inline static const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  testing::TempDir folder_;
  testing::FakeClock clock_;
  testing::FakeRandom random_;
  IdGenerator ids_{clock_, random_};
  HttpImposter receiver_;
  OneAddress resolver_;
  egress::AddressPolicy policy_{egress::PolicySettings{.allow_loopback = true}};
  Sealer sealer_{std::string(Sealer::kKeyBytes, 'k'), random_};
  WebhookSettings settings_;
  WebhookNotices notices_;
  std::unique_ptr<EventHub> hub_ = EventHub::create();
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<WebhookOutbox> outbox_;
  std::unique_ptr<WebhookSender> sender_;
};

TEST_F(WebhookSenderTest, DeliversTheEventSignedAndLogsWhatWasAnswered) {
  receiver_.answer("/hook", {.status = 202, .headers = {{"X-Seen", "yes"}}, .body = "thanks"});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();

  publish();

  ASSERT_TRUE(all_are(id, "delivered"));
  const RecordedRequest request = receiver_.requests().front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_TRUE(verifies(request, kSecret));
  EXPECT_EQ(request.header("X-Weir-Event"), "scan.started");
  const Json body = *parse_json(request.body);
  EXPECT_EQ(body["type"], "scan.started");
  EXPECT_EQ(body["data"]["seq"], 1);
  EXPECT_EQ(body["data"]["id"], log_->epoch() + "-1");
  EXPECT_EQ(body["data"]["resource"], "scn_1");
  EXPECT_EQ(body["data"]["data"]["n"], 0);
  const auto log = attempts(deliveries(id).front().id);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log.front().status, 202);
  EXPECT_EQ(log.front().response_body, "thanks");
  EXPECT_NE(log.front().response_head.find("X-Seen: yes"), std::string::npos);
  EXPECT_EQ(webhook(id).health.last_success_at, clock_.now());
}

TEST_F(WebhookSenderTest, RepeatsWithTheSameIdUntilItIsTaken) {
  receiver_.answer_in_turn("/hook", {{.status = 500, .body = "broken"}, {.status = 500}, {.status = 200}});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();
  publish();
  ASSERT_TRUE(has_attempts(id, 1));
  EXPECT_EQ(deliveries(id).front().state, "pending");

  advance(6s);
  ASSERT_TRUE(has_attempts(id, 2));
  advance(72s);

  ASSERT_TRUE(all_are(id, "delivered"));
  const auto requests = receiver_.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
  EXPECT_EQ(requests[0].header("webhook-id"), requests[2].header("webhook-id"));
  EXPECT_NE(requests[0].header("webhook-timestamp"), requests[2].header("webhook-timestamp"));
  for (const auto& request : requests) EXPECT_TRUE(verifies(request, kSecret));
  const auto log = attempts(deliveries(id).front().id);
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0].status, 500);
  EXPECT_EQ(log[0].response_body, "broken");
  EXPECT_EQ(log[2].status, 200);
}

TEST_F(WebhookSenderTest, IsNotSentBeforeItsTime) {
  receiver_.answer("/hook", {.status = 500});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();
  publish();
  ASSERT_TRUE(has_attempts(id, 1));

  advance(3s);
  const std::string other = add_webhook(receiver_.url("/other"));
  receiver_.answer("/other", {.status = 200});
  publish();

  ASSERT_TRUE(all_are(other, "delivered"));
  EXPECT_EQ(deliveries(id).back().attempts, 1);
}

TEST_F(WebhookSenderTest, GoneDisablesTheEndpointAndAnEventSaysSo) {
  receiver_.answer("/hook", {.status = 410});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();

  publish(3);

  ASSERT_TRUE(eventually([&] { return !webhook(id).is_enabled; }));
  EXPECT_EQ(webhook(id).disabled_reason, "gone");
  EXPECT_TRUE(all_are(id, "failed"));
  const auto events = must(log_->read_after(id, 0, 10));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().type, "webhook.disabled");
  EXPECT_EQ(events.front().data["reason"], "gone");
  publish();
  EXPECT_EQ(deliveries(id).size(), 3U);
}

TEST_F(WebhookSenderTest, DaysOfFailuresDisableTheEndpoint) {
  receiver_.answer("/hook", {.status = 500});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();
  publish();
  ASSERT_TRUE(has_attempts(id, 1));

  advance(121h);

  ASSERT_TRUE(eventually([&] { return !webhook(id).is_enabled; }));
  EXPECT_EQ(webhook(id).disabled_reason, "failing");
  EXPECT_EQ(must(log_->read_after(id, 0, 10)).front().type, "webhook.disabled");
}

TEST_F(WebhookSenderTest, AReceiverThatAsksForTimeGetsIt) {
  receiver_.answer_in_turn("/hook", {{.status = 429, .headers = {{"Retry-After", "100"}}}, {.status = 200}});
  settings_.at_once_per_endpoint = 1;
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();
  publish();
  ASSERT_TRUE(has_attempts(id, 1));
  publish(3);

  advance(99s);
  const std::string other = add_webhook(receiver_.url("/other"));
  receiver_.answer("/other", {.status = 200});
  publish();
  ASSERT_TRUE(all_are(other, "delivered"));
  EXPECT_EQ(deliveries(id).back().attempts, 1) << "sent while it was to be left alone";
  advance(2s);

  EXPECT_TRUE(all_are(id, "delivered"));
}

TEST_F(WebhookSenderTest, ARedirectIsAFailureAndNotFollowed) {
  receiver_.answer("/hook", {.status = 302, .headers = {{"Location", "/elsewhere"}}});
  receiver_.answer("/elsewhere", {.status = 200});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();

  publish();

  ASSERT_TRUE(has_attempts(id, 1));
  EXPECT_EQ(deliveries(id).front().last_status, 302);
  EXPECT_NE(deliveries(id).front().last_error.find("redirect"), std::string::npos);
  EXPECT_EQ(receiver_.requests().size(), 1U);
}

TEST_F(WebhookSenderTest, HangsResetsAndEndlessBodiesEnd) {
  settings_.timeout = 700ms;
  receiver_.answer("/hang", {.failure = Failure::hang});
  receiver_.answer("/reset", {.failure = Failure::reset});
  receiver_.answer("/halfway", {.status = 200, .body = "0123456789", .failure = Failure::close_halfway});
  receiver_.answer("/endless", {.status = 200, .failure = Failure::endless_body});
  const std::string hang = add_webhook(receiver_.url("/hang"));
  const std::string reset = add_webhook(receiver_.url("/reset"));
  const std::string halfway = add_webhook(receiver_.url("/halfway"));
  const std::string endless = add_webhook(receiver_.url("/endless"));
  start();

  publish();

  EXPECT_TRUE(all_are(endless, "delivered"));
  EXPECT_EQ(attempts(deliveries(endless).front().id).front().response_body.size(), 16U * 1024);
  ASSERT_TRUE(has_attempts(reset, 1));
  ASSERT_TRUE(has_attempts(halfway, 1));
  ASSERT_TRUE(has_attempts(hang, 1));
  EXPECT_NE(deliveries(hang).front().last_error.find("timed out"), std::string::npos);
  EXPECT_FALSE(deliveries(hang).front().last_status);
  EXPECT_EQ(deliveries(halfway).front().state, "pending");
}

TEST_F(WebhookSenderTest, RefusesAnAddressThatBecameForbidden) {
  receiver_.answer("/hook", {.status = 200});
  const std::string id = add_webhook(receiver_.url("/hook", "receiver.example"));
  start();
  publish();
  ASSERT_TRUE(all_are(id, "delivered"));

  resolver_.set("169.254.169.254");
  advance(10s);
  publish();

  ASSERT_TRUE(has_attempts(id, 1));
  ASSERT_TRUE(eventually([&] { return !deliveries(id).front().last_error.empty(); }));
  EXPECT_NE(deliveries(id).front().last_error.find("metadata"), std::string::npos);
  EXPECT_EQ(receiver_.requests().size(), 1U);
  resolver_.set("127.0.0.1");
  advance(10s);
  EXPECT_TRUE(all_are(id, "delivered"));
}

TEST_F(WebhookSenderTest, ADeadReceiverGetsOneAttemptAtATimeAndStarvesNobody) {
  std::atomic<bool> is_dead = true;
  receiver_.answer_with("/dead", [&](const RecordedRequest&) { return ImposterAnswer{.status = is_dead ? 500 : 200}; });
  receiver_.answer("/well", {.status = 200});
  const std::string dead = add_webhook(receiver_.url("/dead"));
  const std::string well = add_webhook(receiver_.url("/well"));
  start();

  publish(50);

  ASSERT_TRUE(all_are(well, "delivered"));
  const auto sent = [&] {
    std::int64_t count = 0;
    for (const auto& row : deliveries(dead)) count += row.attempts;
    return count;
  };
  ASSERT_TRUE(eventually([&] { return webhook(dead).health.failures_in_row >= 10; }));
  EXPECT_LE(sent(), 13) << "the ten, and those that were under way";
  EXPECT_GT(webhook(dead).health.paused_until, clock_.now());
  is_dead = false;
  advance(80s);
  EXPECT_TRUE(all_are(dead, "delivered"));
}

TEST_F(WebhookSenderTest, AtMostFourAreUnderWayForOneEndpoint) {
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> may_go = false;
  receiver_.answer_with("/hook", [&](const RecordedRequest&) {
    most = std::max<int>(most, ++under_way);
    eventually([&] { return may_go.load(); });
    --under_way;
    return ImposterAnswer{.status = 200};
  });
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();

  publish(20);

  EXPECT_TRUE(eventually([&] { return under_way == 4; }));
  may_go = true;
  EXPECT_TRUE(all_are(id, "delivered"));
  EXPECT_EQ(most, 4);
  EXPECT_LE(receiver_.connections(), 4);
}

TEST_F(WebhookSenderTest, TakesUpWhatADeadProcessOwned) {
  receiver_.answer("/hook", {.status = 200});
  const std::string id = add_webhook(receiver_.url("/hook"));
  publish(3);
  WebhookLedger dead(*database_, *log_, clock_, "dead");
  ASSERT_EQ(must(dead.settle({}, 10)).work.size(), 1U);

  start();

  EXPECT_TRUE(all_are(id, "delivered"));
}

TEST_F(WebhookSenderTest, ASharedDatabaseWaitsForTheLeaseToEnd) {
  receiver_.answer("/hook", {.status = 200});
  const std::string id = add_webhook(receiver_.url("/hook"));
  publish();
  WebhookLedger other(*database_, *log_, clock_, "other");
  ASSERT_EQ(must(other.settle({}, 10)).work.size(), 1U);
  WebhookLedger ours(*database_, *log_, clock_, "ours");

  EXPECT_TRUE(must(ours.settle({}, 10)).work.empty());
  clock_.advance(WebhookLedger::kLease);
  EXPECT_EQ(must(ours.settle({}, 10)).work.size(), 1U);
  EXPECT_TRUE(must(other.settle({{.webhook_id = id, .account_id = "acc_1"}}, 0)).work.empty()) << "it was taken over";
}

TEST_F(WebhookSenderTest, DuringARotationBothSecretsVerify) {
  receiver_.answer("/hook", {.status = 200});
  const std::string id = add_webhook(receiver_.url("/hook"));
  const std::string renewed = make_webhook_secret(random_);
  store::WebhookRow row = webhook(id);
  row.sealed_previous_secret = row.sealed_secret;
  row.previous_until = clock_.now() + 24h;
  row.sealed_secret = sealer_.seal(renewed, id);
  must(database_->write([&](store::Transaction& t) { return store::update_webhook_secrets(t, row); }));
  start();
  publish();
  ASSERT_TRUE(all_are(id, "delivered"));
  EXPECT_TRUE(verifies(receiver_.requests().back(), kSecret));
  EXPECT_TRUE(verifies(receiver_.requests().back(), renewed));

  clock_.advance(25h);
  publish();

  ASSERT_TRUE(all_are(id, "delivered"));
  EXPECT_FALSE(verifies(receiver_.requests().back(), kSecret));
  EXPECT_TRUE(verifies(receiver_.requests().back(), renewed));
}

TEST_F(WebhookSenderTest, ATestComesBeforeWhatWaits) {
  receiver_.answer("/hook", {.status = 200});
  settings_.at_once_per_endpoint = 1;
  const std::string id = add_webhook(receiver_.url("/hook"));
  publish(5);
  must(database_->write_for(
      [&](store::Transaction& t) { return outbox_->add_test(t, *store::webhook_by_id(t, "acc_1", id)); }));

  start();

  ASSERT_TRUE(all_are(id, "delivered"));
  EXPECT_EQ(receiver_.requests().front().header("X-Weir-Event"), "webhook.test");
}

TEST_F(WebhookSenderTest, OldDeliveriesAreDeleted) {
  receiver_.answer("/hook", {.status = 200});
  const std::string id = add_webhook(receiver_.url("/hook"));
  start();
  publish();
  ASSERT_TRUE(all_are(id, "delivered"));

  advance(31 * 24h);

  EXPECT_TRUE(eventually([&] { return deliveries(id).empty(); }));
}

TEST_F(WebhookSenderTest, AnEventThatIsRolledBackIsNotDelivered) {
  const std::string id = add_webhook(receiver_.url("/hook"));

  const auto undone = database_->write([&](store::Transaction& t) -> Result<void> {
    auto event = log_->append(
        t, {.account_id = "acc_1", .resource_type = "scan", .resource_id = "scn_1", .type = "scan.started"});
    if (!event) return std::move(event).error();
    return Error(ErrorCode::conflict, "changed its mind");
  });

  ASSERT_FALSE(undone);
  EXPECT_TRUE(deliveries(id).empty());
}

}  // namespace
}  // namespace weir::streaming
