#include "store/events_store.h"

#include "store/audit_store.h"
#include "store/idempotency_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class EventsStoreTest : public StoreTest {
 protected:
  EventRow append(const std::string& account, const std::string& resource) {
    return write([&](Transaction& t) -> Result<EventRow> {
      EventRow event{.account_id = account,
                     .resource_type = "scan",
                     .resource_id = resource,
                     .type = "scan.progress",
                     .at = at_ms(5),
                     .data = {{"n", 1}}};
      if (auto done = append_events(t, {&event, 1}); !done) return std::move(done).error();
      return event;
    });
  }
};

TEST_F(EventsStoreTest, EachResourceAndEachAccountCountsItsOwn) {
  append("acc_1", "scn_1");
  append("acc_1", "scn_2");
  append("acc_2", "scn_3");
  const EventRow last = append("acc_1", "scn_1");

  EXPECT_EQ(last.seq, 2);
  EXPECT_EQ(last.account_seq, 3);
  const auto events = read([](Transaction& t) { return events_after(t, "scn_1", 1, 10); });
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].account_id, "acc_1");
  EXPECT_EQ(events[0].resource_type, "scan");
  EXPECT_EQ(events[0].type, "scan.progress");
  EXPECT_EQ(events[0].at, at_ms(5));
  EXPECT_EQ(events[0].data, Json({{"n", 1}}));
}

TEST_F(EventsStoreTest, NumbersGoOnAfterReopening) {
  append("acc_1", "scn_1");
  reopen();

  EXPECT_EQ(append("acc_1", "scn_1").seq, 2);
}

TEST_F(EventsStoreTest, DataThatIsKeptForLessLongGoesAndItsPlaceStays) {
  const auto add = [&](const std::string& type, const std::string& resource_type, const std::string& resource,
                       std::int64_t at) {
    write([&](Transaction& t) {
      EventRow event{.account_id = "acc_1",
                     .resource_type = resource_type,
                     .resource_id = resource,
                     .type = type,
                     .at = at_ms(at),
                     .data = {{"text", "piece"}}};
      return append_events(t, {&event, 1});
    });
  };
  add("message.delta", "run", "run_1", 5);
  add("message.completed", "run", "run_1", 6);
  add("message.delta", "run", "run_1", 50);
  add("run.completed", "run", "run_1", 60);
  add("message.delta", "other", "oth_1", 5);
  add("done", "other", "oth_1", 60);
  const EventKeeping keeping{.since = at_ms(0),
                             .per_resource = 100,
                             .short_lived = {{.resource_type = "run", .type = "message.delta", .since = at_ms(40)}}};
  const auto trim = [&] { return write([&](Transaction& t) { return trim_old_events(t, "", 10, keeping); }); };

  EXPECT_EQ(trim().emptied, 1);
  EXPECT_EQ(trim().emptied, 0);

  const auto events = read([](Transaction& t) { return events_after(t, "run_1", 0, 10); });
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(to_text(events[0].data), kTrimmedEventData);
  EXPECT_EQ(events[1].data, (Json{{"text", "piece"}}));
  EXPECT_EQ(events[2].data, (Json{{"text", "piece"}}));
  EXPECT_EQ(read([](Transaction& t) { return events_after(t, "oth_1", 0, 10); })[0].data, (Json{{"text", "piece"}}));
}

class IdempotencyStoreTest : public StoreTest {
 protected:
  static IdempotencyRow row(UnixMillis at) {
    return {.key_id = "key_1",
            .operation = "create_scan",
            .token = "t",
            .request_sha256 = "abc",
            .answer = nullptr,
            .created_at = at};
  }
  bool begin(const IdempotencyRow& row) {
    return write([&](Transaction& t) { return begin_idempotent(t, row); });
  }
  std::optional<IdempotencyRow> find() {
    return read([](Transaction& t) { return find_idempotent(t, "key_1", "create_scan", "t"); });
  }
};

TEST_F(IdempotencyStoreTest, TheFirstRequestBeginsAndItsAnswerIsKept) {
  EXPECT_TRUE(begin(row(at_ms(0))));
  EXPECT_FALSE(begin(row(at_ms(1))));
  EXPECT_TRUE(find()->answer.is_null());

  IdempotencyRow answered = row(at_ms(0));
  answered.answer = {{"id", "scn_1"}};
  write([&](Transaction& t) { return finish_idempotent(t, answered); });

  EXPECT_EQ(find()->answer, Json({{"id", "scn_1"}}));
  EXPECT_EQ(find()->request_sha256, "abc");
}

TEST_F(IdempotencyStoreTest, AnotherOperationOrKeyIsAnotherRequest) {
  EXPECT_TRUE(begin(row(at_ms(0))));
  IdempotencyRow other = row(at_ms(0));
  other.operation = "create_run";

  EXPECT_TRUE(begin(other));
}

TEST_F(IdempotencyStoreTest, ATokenIsFreeAgainAfterADayOrAFailure) {
  EXPECT_TRUE(begin(row(at_ms(0))));
  EXPECT_FALSE(begin(row(at_ms(0) + kIdempotencyKept - std::chrono::milliseconds{1})));
  EXPECT_TRUE(begin(row(at_ms(0) + kIdempotencyKept)));

  write([](Transaction& t) { return forget_idempotent(t, "key_1", "create_scan", "t"); });

  EXPECT_FALSE(find());
  EXPECT_TRUE(begin(row(at_ms(0))));
}

TEST_F(IdempotencyStoreTest, WhatWasInFlightWhenTheProcessEndedIsForgotten) {
  EXPECT_TRUE(begin(row(at_ms(0))));
  IdempotencyRow answered = row(at_ms(0));
  answered.token = "done";
  answered.answer = 1;
  EXPECT_TRUE(begin(answered));

  write(forget_idempotent_in_flight);

  EXPECT_FALSE(find());
  EXPECT_TRUE(read([](Transaction& t) { return find_idempotent(t, "key_1", "create_scan", "done"); }));
}

class AuditStoreTest : public StoreTest {};

TEST_F(AuditStoreTest, RowsAreListedNewestFirstForTheirAccount) {
  for (const char* action : {"key.created", "key.revoked", "target.created"}) {
    write([&](Transaction& t) {
      return insert_audit(t, {.account_id = "acc_1",
                              .actor = "cli",
                              .action = action,
                              .subject = "key_1",
                              .data = {{"a", 1}},
                              .at = at_ms(1)});
    });
  }
  write([&](Transaction& t) {
    return insert_audit(t, {.account_id = "acc_2", .actor = "cli", .action = "x", .subject = "y"});
  });

  const auto rows = read([](Transaction& t) { return list_audit(t, "acc_1", 2); });

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].action, "target.created");
  EXPECT_EQ(rows[1].action, "key.revoked");
  EXPECT_EQ(rows[0].data, Json({{"a", 1}}));
  EXPECT_EQ(rows[0].at, at_ms(1));
}

}  // namespace
}  // namespace weir::store
