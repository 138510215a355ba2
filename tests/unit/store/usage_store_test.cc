#include "store/usage_store.h"

#include "store/audit_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class UsageStoreTest : public StoreTest {
 protected:
  void add(const std::string& key_id, const std::string& tool, UnixMillis at, UsageTotals calls,
           const std::string& account_id = "acc_1") {
    write([&](Transaction& t) {
      return add_usage(t, {.account_id = account_id, .key_id = key_id, .tool = tool, .minute = at, .calls = calls});
    });
  }
  UsageWindows windows(const std::string& key_id = "") {
    return read([&](Transaction& t) { return usage_windows(t, "acc_1", key_id, now_); });
  }
  std::vector<std::pair<std::string, UsageTotals>> by(UsageGroup group, std::chrono::milliseconds back) {
    std::vector<std::pair<std::string, UsageTotals>> sums;
    const auto rows = read([&](Transaction& t) {
      return usage_by(t, {.account_id = "acc_1", .key_id = "", .from = now_ - back, .to = now_}, group);
    });
    for (const UsageSum& sum : rows) sums.emplace_back(sum.name, sum.calls);
    return sums;
  }
  int fold_all() {
    int folds = 0;
    while (folds < 1'000 && write([&](Transaction& t) { return fold_usage(t, now_); })) ++folds;
    return folds;
  }
  std::int64_t rows_of(std::chrono::milliseconds span) {
    return read([&](Transaction& t) {
             return t.query("SELECT COUNT(*) FROM usage_counts WHERE span_ms = :1", {span.count()});
           })
        .at(0)
        .integer(0);
  }

  UnixMillis now_ = at_ms(0);
};

TEST_F(UsageStoreTest, ASecondBatchOfAMinuteAddsToTheFirst) {
  add("key_1", "get_scan", now_, {.admitted = 2, .refused = 1});
  add("key_1", "get_scan", now_, {.admitted = 3, .refused = 0});

  EXPECT_EQ(windows("key_1").last_24h, (UsageTotals{.admitted = 5, .refused = 1}));
  EXPECT_EQ(rows_of(kUsageMinute), 1);
}

TEST_F(UsageStoreTest, EachWindowHasWhatIsYoungEnough) {
  add("key_1", "get_scan", now_ - minutes{5}, {.admitted = 1, .refused = 0});
  add("key_1", "get_scan", now_ - hours{30}, {.admitted = 10, .refused = 0});
  add("key_1", "get_scan", now_ - hours{10 * 24}, {.admitted = 100, .refused = 0});
  add("key_1", "get_scan", now_ - hours{40 * 24}, {.admitted = 1'000, .refused = 0});

  const UsageWindows seen = windows("key_1");

  EXPECT_EQ(seen.last_24h.admitted, 1);
  EXPECT_EQ(seen.last_7d.admitted, 11);
  EXPECT_EQ(seen.last_30d.admitted, 111);
}

TEST_F(UsageStoreTest, AKeyWithoutCallsHasZeros) { EXPECT_EQ(windows("key_9").last_30d, UsageTotals{}); }

TEST_F(UsageStoreTest, SumsGroupByToolKeyAndDayOfOneAccount) {
  add("key_1", "get_scan", now_, {.admitted = 2, .refused = 1});
  add("key_2", "create_scan", now_ - hours{24}, {.admitted = 9, .refused = 0});
  add("key_3", "get_scan", now_, {.admitted = 50, .refused = 0}, "acc_2");

  EXPECT_THAT(by(UsageGroup::tool, hours{48}),
              ::testing::ElementsAre(std::pair("create_scan", UsageTotals{.admitted = 9, .refused = 0}),
                                     std::pair("get_scan", UsageTotals{.admitted = 2, .refused = 1})));
  EXPECT_EQ(by(UsageGroup::key, hours{1}).at(0).first, "key_1");
  const auto days = by(UsageGroup::day, hours{48});
  ASSERT_EQ(days.size(), 2U);
  EXPECT_EQ(days[0].first, to_rfc3339(now_).substr(0, 10));
  EXPECT_EQ(days[1].first, to_rfc3339(now_ - hours{24}).substr(0, 10));
}

TEST_F(UsageStoreTest, CallsOfSeveralKeysAreReadAtOnce) {
  add("key_1", "get_scan", now_, {.admitted = 2, .refused = 1});
  add("key_1", "list_scans", now_, {.admitted = 1, .refused = 0});
  add("key_2", "get_scan", now_ - hours{30}, {.admitted = 5, .refused = 0});

  const auto calls = read([&](Transaction& t) {
    return usage_of_keys(t, {"key_1", "key_2", "key_3"}, now_ - hours{24});
  });

  EXPECT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls.at("key_1"), (UsageTotals{.admitted = 3, .refused = 1}));
}

TEST_F(UsageStoreTest, FoldingKeepsEveryCallAndEveryWindow) {
  write([&](Transaction& t) -> Result<void> {
    for (int hour = 0; hour < 24 * 40; hour += 7) {
      for (const int minute : {0, 20}) {
        auto added = add_usage(t, {.account_id = "acc_1",
                                   .key_id = "key_1",
                                   .tool = "get_scan",
                                   .minute = now_ - hours{hour} - minutes{minute},
                                   .calls = {.admitted = 1, .refused = minute == 0}});
        if (!added) return added;
      }
    }
    return {};
  });
  const UsageWindows before = windows();
  const std::int64_t minutes_before = rows_of(kUsageMinute);

  const int folds = fold_all();

  EXPECT_GT(folds, 10);
  EXPECT_LT(rows_of(kUsageMinute), minutes_before);
  EXPECT_GT(rows_of(kUsageHour), 0);
  EXPECT_GT(rows_of(kUsageDay), 0);
  EXPECT_EQ(windows().last_24h, before.last_24h);
  // Coarser rows count whole: at most one hour's row more.
  EXPECT_NEAR(double(windows().last_7d.admitted), double(before.last_7d.admitted), 2.0);
  EXPECT_NEAR(double(windows().last_30d.admitted), double(before.last_30d.admitted), 2.0);
  std::int64_t all = 0;
  for (const auto& [day, calls] : by(UsageGroup::day, hours{60 * 24})) all += calls.admitted;
  EXPECT_EQ(all, 2 * ((24 * 40 + 6) / 7));
  EXPECT_FALSE(write([&](Transaction& t) { return fold_usage(t, now_); }));
}

TEST_F(UsageStoreTest, DaysAreDroppedAfterTheirTime) {
  add("key_1", "get_scan", now_, {.admitted = 1, .refused = 0});
  now_ += kUsageDaysKept + hours{49};

  fold_all();

  EXPECT_EQ(rows_of(kUsageMinute) + rows_of(kUsageHour) + rows_of(kUsageDay), 0);
}

TEST_F(UsageStoreTest, TheAuditOfAllAccountsIsReadInPages) {
  for (int i = 0; i < 5; ++i) {
    write([&](Transaction& t) {
      return insert_audit(t, {.account_id = i % 2 == 0 ? "acc_1" : "acc_2",
                              .actor = "cli",
                              .action = "a" + std::to_string(i),
                              .subject = "key_1",
                              .at = at_ms(i / 2)});
    });
  }

  std::vector<std::string> actions;
  std::optional<AuditPosition> after;
  for (int page = 0; page < 5; ++page) {
    const auto rows = read([&](Transaction& t) { return audit_page(t, "", 2, after); });
    if (rows.empty()) break;
    for (const AuditRow& row : rows) actions.push_back(row.action);
    after = AuditPosition{rows.back().at, rows.back().account_id, rows.back().position};
  }

  EXPECT_THAT(actions, ::testing::ElementsAre("a4", "a3", "a2", "a1", "a0"));
  EXPECT_EQ(read([&](Transaction& t) { return audit_page(t, "acc_2", 10, std::nullopt); }).size(), 2U);
}

}  // namespace
}  // namespace weir::store
