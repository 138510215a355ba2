#include "store/deliveries_store.h"
#include "store/webhooks_store.h"
#include "streaming/webhook_attempt.h"
#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

class WebhookToolsTest : public ToolsTest {
 protected:
  Json create(const Json& more = Json::object()) {
    Json arguments = {{"url", "https://public.example/hook"}, {"events", {"scan.*"}}};
    arguments.update(more);
    return call("create_webhook", arguments);
  }
  std::string create_id() { return create()["id"]; }
  // Events of alice's, one of each type.
  void publish(const std::vector<std::string>& types) {
    for (const std::string& type : types) {
      must(database_->write_for([&](store::Transaction& t) {
        return events_->append(
            t, {.account_id = alice_->account_id, .resource_type = "scan", .resource_id = "scn_1", .type = type});
      }));
    }
  }
  std::vector<std::string> delivered_types(const std::string& webhook_id) {
    std::vector<std::string> types;
    const Json page = call("list_deliveries", {{"webhook_id", webhook_id}});
    for (const Json& delivery : page["data"]) types.push_back(delivery["event_type"]);
    return types;
  }
  // As if the sender had tried it.
  void end_delivery(const std::string& id, const std::string& state) {
    auto row = must(
        database_->read_for([&](store::Transaction& t) { return store::delivery_by_id(t, alice_->account_id, id); }));
    row.state = state;
    row.attempts = 1;
    row.due_at.reset();
    row.finished_at = clock_.now();
    row.last_error = state == "failed" ? "answered 500" : "";
    const auto done = database_->write([&](store::Transaction& t) -> Result<void> {
      if (auto kept = store::insert_attempt(t, id,
                                            {.position = 1,
                                             .started_at = clock_.now(),
                                             .status = 500,
                                             .error = row.last_error,
                                             .response_head = "HTTP/1.1 500",
                                             .response_body = "broken"});
          !kept)
        return kept;
      return store::settle_delivery(t, row);
    });
    ASSERT_TRUE(done) << done.error().cause;
  }
};

TEST_F(WebhookToolsTest, ANewOneShowsItsSecretOnce) {
  const Json made = create({{"description", "to the chat"}});

  EXPECT_THAT(made["secret"].get<std::string>(), HasSubstr("whsec_"));
  EXPECT_EQ(made["enabled"], true);
  const Json again = call("get_webhook", {{"webhook_id", made["id"]}});
  EXPECT_FALSE(again.contains("secret"));
  EXPECT_EQ(again["description"], "to the chat");
  EXPECT_EQ(call("list_webhooks", Json::object())["data"].size(), 1U);
}

TEST_F(WebhookToolsTest, TheSecretIsSealedInTheDatabase) {
  const Json made = create({{"client_token", "once"}});
  const std::string secret = made["secret"];

  const auto row = must(database_->read_for([&](store::Transaction& t) {
    return store::webhook_by_id(t, alice_->account_id, made["id"].get<std::string>());
  }));
  const auto kept =
      must(database_->read_for([](store::Transaction& t) { return t.query("SELECT answer FROM idempotency"); }));

  EXPECT_EQ(row.sealed_secret.find(secret.substr(6)), std::string::npos);
  EXPECT_EQ(kept.front().text(0).find(secret.substr(6)), std::string::npos);
  EXPECT_EQ(create({{"client_token", "once"}})["secret"], secret) << "the repetition of the same request";
}

TEST_F(WebhookToolsTest, RefusesWhereNothingMayBeSent) {
  const auto refused = [&](const std::string& url) {
    return refusal("create_webhook", {{"url", url}, {"events", {"*"}}});
  };

  EXPECT_THAT(refused("http://public.example/").message, AllOf(HasSubstr("https"), HasSubstr("webhooks.allow_http")));
  EXPECT_EQ(refused("https://sneaky.example/").code, ErrorCode::address_not_allowed);
  EXPECT_EQ(refused("https://10.1.2.3/").code, ErrorCode::address_not_allowed);
  EXPECT_THAT(refused("https://unknown.example/").message, HasSubstr("does not resolve"));
  EXPECT_EQ(refused("https://127.0.0.1:8080/").code, ErrorCode::address_not_allowed) << "the server itself";
  EXPECT_EQ(refused("https://user:pw@public.example/").code, ErrorCode::validation_failed);
  EXPECT_EQ(refused("https://sneaky.example/").fields.front().field, "url");
  EXPECT_TRUE(call("list_webhooks", Json::object())["data"].empty());
}

TEST_F(WebhookToolsTest, RefusesTypesThatNoEventHas) {
  EXPECT_THAT(refusal("create_webhook", {{"url", "https://public.example/"}, {"events", {"scan.compleated"}}}).message,
              HasSubstr("scan.compleated"));
  EXPECT_EQ(refusal("create_webhook", {{"url", "https://public.example/"}, {"events", Json::array()}}).code,
            ErrorCode::validation_failed);
}

TEST_F(WebhookToolsTest, AnAccountHasOnlySoMany) {
  webhook_settings_.per_account_max = 2;
  create();
  create();

  EXPECT_EQ(refusal("create_webhook", {{"url", "https://public.example/"}, {"events", {"*"}}}).code,
            ErrorCode::conflict);
}

TEST_F(WebhookToolsTest, AnotherAccountsAreNotFound) {
  const std::string id = create_id();
  publish({"scan.started"});
  const std::string delivery = call("list_deliveries", {{"webhook_id", id}})["data"][0]["id"];

  for (const char* tool : {"get_webhook", "update_webhook", "delete_webhook", "rotate_webhook_secret", "test_webhook",
                           "list_deliveries"}) {
    EXPECT_EQ(call_as(bob_, tool, {{"webhook_id", id}}).error().code, ErrorCode::not_found) << tool;
  }
  for (const char* tool : {"get_delivery", "retry_delivery"}) {
    EXPECT_EQ(call_as(bob_, tool, {{"delivery_id", delivery}}).error().code, ErrorCode::not_found) << tool;
  }
  EXPECT_EQ(call_as(bob_, "replay_deliveries", {{"webhook_id", id}, {"from", "2020-01-01T00:00:00Z"}}).error().code,
            ErrorCode::not_found);
  EXPECT_TRUE(must(call_as(bob_, "list_webhooks", Json::object())).structured["data"].empty());
}

TEST_F(WebhookToolsTest, QueuesWhatItAskedForAndNothingElse) {
  const std::string id = create({{"events", {"scan.completed", "finding.*"}}})["id"];

  publish({"scan.started", "scan.completed", "finding.new"});

  EXPECT_THAT(delivered_types(id), ::testing::ElementsAre("finding.new", "scan.completed"));
}

TEST_F(WebhookToolsTest, DisabledItQueuesNothingAndEndsWhatWaits) {
  const std::string id = create_id();
  publish({"scan.started"});

  const Json off = call("update_webhook", {{"webhook_id", id}, {"enabled", false}});
  publish({"scan.completed"});

  EXPECT_EQ(off["enabled"], false);
  EXPECT_EQ(off["disabled_reason"], "requested");
  const Json deliveries = call("list_deliveries", {{"webhook_id", id}})["data"];
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0]["state"], "failed");
  EXPECT_EQ(refusal("test_webhook", {{"webhook_id", id}}).code, ErrorCode::conflict);
  EXPECT_EQ(refusal("retry_delivery", {{"delivery_id", deliveries[0]["id"]}}).code, ErrorCode::conflict);
}

TEST_F(WebhookToolsTest, AReplayQueuesWhatFailedAndWhatWasMissed) {
  const std::string id = create_id();
  publish({"scan.started", "scan.phase"});
  const Json first = call("list_deliveries", {{"webhook_id", id}})["data"];
  end_delivery(first[0]["id"], "delivered");
  end_delivery(first[1]["id"], "failed");
  call("update_webhook", {{"webhook_id", id}, {"enabled", false}});
  publish({"scan.completed", "finding.new"});
  call("update_webhook", {{"webhook_id", id}, {"enabled", true}});

  const Json replayed = call("replay_deliveries", {{"webhook_id", id}, {"from", "2020-01-01T00:00:00Z"}});

  EXPECT_EQ(replayed["queued_again"], 1);
  EXPECT_EQ(replayed["queued_new"], 1);
  EXPECT_TRUE(replayed["next_from"].is_null());
  EXPECT_EQ(call("list_deliveries", {{"webhook_id", id}, {"state", "pending"}})["data"].size(), 2U);
  const Json everything =
      call("replay_deliveries", {{"webhook_id", id}, {"from", "2020-01-01T00:00:00Z"}, {"include_delivered", true}});
  EXPECT_EQ(everything["queued_again"], 1);
}

TEST_F(WebhookToolsTest, AReplayKeepsToItsRange) {
  const std::string id = create_id();
  call("update_webhook", {{"webhook_id", id}, {"enabled", false}});
  publish({"scan.started"});
  const std::string between = to_rfc3339(clock_.now() + 1ms);
  testing::eventually([&] { return to_rfc3339(clock_.now()) > between; });
  publish({"scan.completed"});
  call("update_webhook", {{"webhook_id", id}, {"enabled", true}});

  EXPECT_EQ(call("replay_deliveries", {{"webhook_id", id}, {"from", between}})["queued_new"], 1);
  EXPECT_THAT(delivered_types(id), ::testing::ElementsAre("scan.completed"));
  EXPECT_THAT(refusal("replay_deliveries", {{"webhook_id", id}, {"from", "yesterday"}}).message,
              HasSubstr("yesterday"));
  EXPECT_EQ(
      refusal("replay_deliveries", {{"webhook_id", id}, {"from", between}, {"until", "2020-01-01T00:00:00Z"}}).code,
      ErrorCode::validation_failed);
}

TEST_F(WebhookToolsTest, ARetryKeepsTheMessageAndItsLog) {
  const std::string id = create_id();
  publish({"scan.completed"});
  const Json delivery = call("list_deliveries", {{"webhook_id", id}})["data"][0];
  end_delivery(delivery["id"], "failed");

  const Json queued = call("retry_delivery", {{"delivery_id", delivery["id"]}});

  EXPECT_EQ(queued["state"], "pending");
  EXPECT_EQ(queued["message_id"], delivery["message_id"]);
  const Json details = call("get_delivery", {{"delivery_id", delivery["id"]}});
  EXPECT_EQ(details["log"].size(), 1U);
  EXPECT_EQ(details["log"][0]["response_body"], "broken");
  EXPECT_EQ(parse_json(details["body"].get<std::string>())->at("type"), "scan.completed");
}

TEST_F(WebhookToolsTest, ARotationKeepsTheOldSecretForADay) {
  const Json made = create();

  const Json rotated = call("rotate_webhook_secret", {{"webhook_id", made["id"]}});

  EXPECT_NE(rotated["secret"], made["secret"]);
  const auto until = parse_rfc3339(rotated["previous_secret_until"].get<std::string>());
  ASSERT_TRUE(until);
  EXPECT_GT(*until, clock_.now() + 23h);
  const auto row = must(database_->read_for([&](store::Transaction& t) {
    return store::webhook_by_id(t, alice_->account_id, made["id"].get<std::string>());
  }));
  EXPECT_EQ(sealer_.open(row.sealed_previous_secret, row.id), made["secret"].get<std::string>());
  EXPECT_EQ(sealer_.open(row.sealed_secret, row.id), rotated["secret"].get<std::string>());
}

TEST_F(WebhookToolsTest, ADeletedOneIsGoneAndItsSecretErased) {
  const std::string id = create_id();
  publish({"scan.completed"});

  EXPECT_EQ(call("delete_webhook", {{"webhook_id", id}})["deleted"], true);

  EXPECT_EQ(refusal("get_webhook", {{"webhook_id", id}}).code, ErrorCode::not_found);
  const auto rows =
      must(database_->read_for([](store::Transaction& t) { return t.query("SELECT sealed_secret FROM webhooks"); }));
  EXPECT_EQ(rows.front().text(0), "");
  publish({"scan.started"});
}

}  // namespace
}  // namespace weir::tools
