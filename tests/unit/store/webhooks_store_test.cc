#include "store/webhooks_store.h"

#include "store/deliveries_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

using ::testing::ElementsAre;

class WebhooksStoreTest : public StoreTest {
 protected:
  WebhooksStoreTest() {
    add_account("acc_1");
    add_account("acc_2");
    add_webhook("whk_1", "acc_1");
  }

  void add_webhook(const std::string& id, const std::string& account) {
    write([&](Transaction& t) {
      WebhookRow row;
      row.id = id;
      row.account_id = account;
      row.url = "https://example.org/" + id;
      row.events = {"scan.*"};
      row.sealed_secret = "s1:sealed";
      return insert_webhook(t, row);
    });
  }
  void add_delivery(const std::string& id, const std::string& webhook, UnixMillis due) {
    write([&](Transaction& t) -> Result<bool> {
      DeliveryRow row;
      row.id = id;
      row.webhook_id = webhook;
      row.account_id = "acc_1";
      row.message_id = "evt_" + id;
      row.event_type = "scan.completed";
      row.body = "{}";
      row.due_at = due;
      row.created_at = due;
      auto inserted = insert_delivery(t, row);
      if (!inserted) return inserted;
      if (auto forward = bring_webhook_forward(t, webhook, due); !forward) return std::move(forward).error();
      return inserted;
    });
  }
  std::vector<std::string> claim(const std::string& owner, UnixMillis now) {
    const auto rows =
        write([&](Transaction& t) { return claim_webhooks(t, owner, now, now + std::chrono::seconds{60}, 10); });
    std::vector<std::string> ids;
    for (const WebhookRow& row : rows) ids.push_back(row.id);
    return ids;
  }
  DeliveryRow delivery(const std::string& id) {
    return read([&](Transaction& t) { return delivery_by_id(t, "acc_1", id); });
  }
  std::optional<UnixMillis> next_due() { return read(next_webhook_due); }
};

TEST_F(WebhooksStoreTest, KeepsWhatWasInserted) {
  const auto row = read([](Transaction& t) { return webhook_by_id(t, "acc_1", "whk_1"); });

  EXPECT_EQ(row.url, "https://example.org/whk_1");
  EXPECT_THAT(row.events, ElementsAre("scan.*"));
  EXPECT_TRUE(row.is_enabled);
  EXPECT_FALSE(row.health.failing_since);
}

TEST_F(WebhooksStoreTest, AnotherAccountsIsNotFound) {
  EXPECT_EQ(refusal([](Transaction& t) { return webhook_by_id(t, "acc_2", "whk_1"); }), ErrorCode::not_found);
  add_delivery("dlv_1", "whk_1", at_ms(0));
  EXPECT_EQ(refusal([](Transaction& t) { return delivery_by_id(t, "acc_2", "dlv_1"); }), ErrorCode::not_found);
}

TEST_F(WebhooksStoreTest, IsClaimedByOneSenderWhenSomethingIsDue) {
  EXPECT_THAT(claim("a", at_ms(0)), ElementsAre());
  add_delivery("dlv_1", "whk_1", at_ms(100));

  EXPECT_THAT(claim("a", at_ms(99)), ElementsAre());
  EXPECT_THAT(claim("a", at_ms(100)), ElementsAre("whk_1"));
  EXPECT_THAT(claim("b", at_ms(101)), ElementsAre());
}

TEST_F(WebhooksStoreTest, AnEndedLeaseIsTakenOverAndNoLongerRenewed) {
  add_delivery("dlv_1", "whk_1", at_ms(0));
  claim("a", at_ms(0));

  EXPECT_EQ(next_due(), at_ms(60'000));
  EXPECT_THAT(claim("b", at_ms(60'000)), ElementsAre("whk_1"));
  EXPECT_FALSE(write([](Transaction& t) { return renew_webhook(t, "whk_1", "a", at_ms(99'000)); }));
  EXPECT_TRUE(write([](Transaction& t) { return renew_webhook(t, "whk_1", "b", at_ms(99'000)); }));
}

TEST_F(WebhooksStoreTest, IsDueAgainWhenItsEarliestPendingDeliveryIs) {
  add_delivery("dlv_1", "whk_1", at_ms(0));
  add_delivery("dlv_2", "whk_1", at_ms(500));
  claim("a", at_ms(0));
  DeliveryRow row = delivery("dlv_1");
  write([&](Transaction& t) {
    row.state = "delivered";
    row.due_at.reset();
    row.finished_at = at_ms(10);
    return settle_delivery(t, row);
  });

  write([](Transaction& t) { return release_webhook(t, "whk_1", "a"); });

  EXPECT_EQ(next_due(), at_ms(500));
}

TEST_F(WebhooksStoreTest, APauseHoldsItBack) {
  add_delivery("dlv_1", "whk_1", at_ms(0));
  write([](Transaction& t) {
    return update_webhook_health(
        t, "whk_1",
        {.failures_in_row = 10, .failing_since = at_ms(0), .last_success_at = {}, .paused_until = at_ms(300)});
  });

  EXPECT_EQ(next_due(), at_ms(300));
  EXPECT_THAT(claim("a", at_ms(299)), ElementsAre());
  EXPECT_THAT(claim("a", at_ms(300)), ElementsAre("whk_1"));
}

TEST_F(WebhooksStoreTest, DisabledItIsNeitherClaimedNorAFilter) {
  add_delivery("dlv_1", "whk_1", at_ms(0));
  write([](Transaction& t) -> Result<void> {
    if (auto disabled = disable_webhook(t, "whk_1", "gone", at_ms(5)); !disabled) return disabled;
    return fail_pending_deliveries(t, "whk_1", "the endpoint was disabled", at_ms(5));
  });

  EXPECT_THAT(claim("a", at_ms(10)), ElementsAre());
  EXPECT_TRUE(read([](Transaction& t) { return enabled_webhooks(t, "acc_1"); }).empty());
  EXPECT_EQ(delivery("dlv_1").state, "failed");
  EXPECT_EQ(delivery("dlv_1").last_error, "the endpoint was disabled");
}

TEST_F(WebhooksStoreTest, OneMessageIsQueuedOnceForAnEndpoint) {
  add_delivery("dlv_1", "whk_1", at_ms(0));

  const bool again = write([](Transaction& t) {
    DeliveryRow row;
    row.id = "dlv_2";
    row.webhook_id = "whk_1";
    row.account_id = "acc_1";
    row.message_id = "evt_dlv_1";
    return insert_delivery(t, row);
  });

  EXPECT_FALSE(again);
}

TEST_F(WebhooksStoreTest, ADeletedOneKeepsItsLogUntilThatIsOld) {
  add_delivery("dlv_1", "whk_1", at_ms(0));
  write([](Transaction& t) -> Result<void> {
    if (auto gone = delete_webhook(t, "whk_1", at_ms(5)); !gone) return gone;
    if (auto kept = insert_attempt(t, "dlv_1", {.position = 1, .started_at = at_ms(1), .status = 500}); !kept)
      return kept;
    return fail_pending_deliveries(t, "whk_1", "the webhook was deleted", at_ms(5));
  });
  EXPECT_EQ(refusal([](Transaction& t) { return webhook_by_id(t, "acc_1", "whk_1"); }), ErrorCode::not_found);
  write(forget_deleted_webhooks);
  EXPECT_EQ(delivery("dlv_1").state, "failed");

  EXPECT_EQ(write([](Transaction& t) { return trim_deliveries(t, at_ms(6), 100); }), 1);
  write(forget_deleted_webhooks);

  EXPECT_EQ(refusal([](Transaction& t) { return delivery_by_id(t, "acc_1", "dlv_1"); }), ErrorCode::not_found);
  EXPECT_EQ(read([](Transaction& t) { return t.query("SELECT COUNT(*) FROM webhooks"); }).front().integer(0), 0);
}

TEST_F(WebhooksStoreTest, ARangeIsQueuedAgainWithoutThoseThatSucceeded) {
  for (int i = 0; i < 4; ++i) add_delivery("dlv_" + std::to_string(i), "whk_1", at_ms(i));
  const auto end = [&](const std::string& id, const std::string& state) {
    DeliveryRow row = delivery(id);
    write([&](Transaction& t) {
      row.state = state;
      row.due_at.reset();
      row.finished_at = at_ms(50);
      return settle_delivery(t, row);
    });
  };
  end("dlv_0", "failed");
  end("dlv_1", "failed");
  end("dlv_2", "delivered");

  const auto queued = write([](Transaction& t) {
    return queue_range_again(t, {.webhook_id = "whk_1", .from = at_ms(1), .until = at_ms(100)}, at_ms(60), 100);
  });

  EXPECT_EQ(queued, 1);
  EXPECT_EQ(delivery("dlv_0").state, "failed");
  EXPECT_EQ(delivery("dlv_1").due_at, at_ms(60));
  EXPECT_EQ(delivery("dlv_2").state, "delivered");
}

TEST_F(WebhooksStoreTest, PagesGoFromNewToOld) {
  for (int i = 0; i < 5; ++i) add_delivery("dlv_" + std::to_string(i), "whk_1", at_ms(i));

  const auto first = read([](Transaction& t) {
    return list_deliveries(t, {.webhook_id = "whk_1", .state = ""}, {.limit = 2, .after_id = ""});
  });
  const auto second = read([&](Transaction& t) {
    return list_deliveries(t, {.webhook_id = "whk_1", .state = "pending"},
                           {.limit = 2, .after_id = *first.next_after_id});
  });

  EXPECT_EQ(first.items.front().id, "dlv_4");
  EXPECT_EQ(second.items.front().id, "dlv_2");
}

}  // namespace
}  // namespace weir::store
