#include "store/findings_store.h"

#include "store/finding_history.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class FindingsStoreTest : public StoreTest {
 protected:
  FindingsStoreTest() {
    add_account("acc_1");
    add_target("acc_1", "tgt_1");
    add_scan("acc_1", "tgt_1", "scn_1");
    add_scan("acc_1", "tgt_1", "scn_2");
  }
  static FindingRow finding(const std::string& id, const std::string& severity, const std::string& rule) {
    FindingRow row;
    row.id = id;
    row.account_id = "acc_1";
    row.target_id = "tgt_1";
    row.fingerprint = "print of " + id;
    row.rule_id = rule;
    row.title = "title";
    row.severity = severity;
    row.url = "https://a.test/";
    row.first_seen_scan = "scn_1";
    row.last_seen_scan = "scn_1";
    return row;
  }
  void add(const FindingRow& row, const std::string& diff_state = "new", const std::string& scan = "scn_1") {
    write([&](Transaction& t) -> Result<void> {
      if (auto done = insert_finding(t, row); !done) return done;
      return put_occurrence(t, {row.id, scan, diff_state, Json::array({{{"kind", "header"}}})});
    });
  }
  std::vector<std::string> list(FindingFilter filter, PageRequest page = {}) {
    filter.account_id = "acc_1";
    std::vector<std::string> ids;
    for (const auto& both : read([&](Transaction& t) { return list_findings(t, filter, page); }).items) {
      ids.push_back(both.finding.id);
    }
    return ids;
  }
  static FindingFilter of_scan(const std::string& scan) {
    FindingFilter filter;
    filter.scan_id = scan;
    return filter;
  }
};

using Ids = std::vector<std::string>;

TEST_F(FindingsStoreTest, EveryFieldComesBack) {
  FindingRow row = finding("fnd_1", "high", "csp");
  row.severity_override = "low";
  row.cwe = 79;
  row.detail = "script-src";
  row.status_reason = "because \"x\"";
  row.accepted_until = at_ms(9);
  row.fixed_at = at_ms(8);
  row.reopened_count = 2;
  row.first_seen_at = at_ms(1);
  row.last_seen_at = at_ms(2);
  row.precision = "medium";
  add(row);
  row.status = "fixed";
  row.last_seen_scan = "scn_2";
  write([&](Transaction& t) { return update_finding(t, row); });

  const auto found = read([](Transaction& t) { return finding_by_fingerprint(t, "tgt_1", "print of fnd_1"); });

  ASSERT_TRUE(found);
  EXPECT_EQ(found->severity_override, "low");
  EXPECT_EQ(found->cwe, 79);
  EXPECT_EQ(found->detail, "script-src");
  EXPECT_EQ(found->status, "fixed");
  EXPECT_EQ(found->status_reason, "because \"x\"");
  EXPECT_EQ(found->accepted_until, at_ms(9));
  EXPECT_EQ(found->fixed_at, at_ms(8));
  EXPECT_EQ(found->reopened_count, 2);
  EXPECT_EQ(found->first_seen_scan, "scn_1");
  EXPECT_EQ(found->last_seen_scan, "scn_2");
  EXPECT_EQ(found->precision, "medium");
  EXPECT_FALSE(read([](Transaction& t) { return finding_by_fingerprint(t, "tgt_1", "other"); }));
  EXPECT_EQ(refusal([&](Transaction& t) { return update_finding(t, finding("fnd_9", "low", "x")); }),
            ErrorCode::not_found);
}

TEST_F(FindingsStoreTest, OneFindingForEachFingerprint) {
  add(finding("fnd_1", "high", "csp"));
  FindingRow again = finding("fnd_2", "high", "csp");
  again.fingerprint = "print of fnd_1";

  EXPECT_EQ(refusal([&](Transaction& t) { return insert_finding(t, again); }), ErrorCode::conflict);
}

TEST_F(FindingsStoreTest, TheWorstComeFirstAndAnOverrideCounts) {
  add(finding("fnd_1", "info", "a"));
  add(finding("fnd_2", "critical", "z"));
  add(finding("fnd_3", "medium", "b"));
  add(finding("fnd_4", "medium", "a"));
  FindingRow raised = finding("fnd_5", "low", "c");
  raised.severity_override = "high";
  add(raised);

  EXPECT_EQ(list(of_scan("scn_1")), (Ids{"fnd_2", "fnd_5", "fnd_4", "fnd_3", "fnd_1"}));
  const auto all = read([](Transaction& t) { return findings_of_scan(t, "scn_1"); });
  EXPECT_EQ(all.front().finding.id, "fnd_2");
  EXPECT_EQ(all.front().occurrence.evidence, Json::array({{{"kind", "header"}}}));
  EXPECT_EQ(read([](Transaction& t) { return findings_of_target(t, "tgt_1"); }).back().id, "fnd_1");
}

TEST_F(FindingsStoreTest, PagesJoinWithoutGapOrRepeat) {
  const Ids severities{"low", "critical", "high", "medium", "info"};
  for (int i = 0; i < 11; ++i) {
    add(finding("fnd_" + std::to_string(10 + i), severities[static_cast<std::size_t>(i) % 5],
                "rule" + std::to_string(i % 2)));
  }
  const Ids whole = list(of_scan("scn_1"));

  Ids joined;
  PageRequest request{.limit = 4, .after_id = ""};
  for (std::optional<std::string> after = ""; after;) {
    request.after_id = *after;
    FindingFilter filter = of_scan("scn_1");
    filter.account_id = "acc_1";
    const auto page = read([&](Transaction& t) { return list_findings(t, filter, request); });
    for (const auto& both : page.items) joined.push_back(both.finding.id);
    after = page.next_after_id;
  }

  EXPECT_EQ(whole.size(), 11U);
  EXPECT_EQ(joined, whole);
  request.after_id = "fnd_nothing";
  FindingFilter filter;
  filter.account_id = "acc_1";
  EXPECT_EQ(refusal([&](Transaction& t) { return list_findings(t, filter, request); }), ErrorCode::bad_request);
}

TEST_F(FindingsStoreTest, FiltersNarrowTheList) {
  add(finding("fnd_1", "high", "csp"), "new");
  add(finding("fnd_2", "low", "csp"), "recurring");
  FindingRow fixed = finding("fnd_3", "low", "hsts");
  fixed.status = "fixed";
  fixed.last_seen_scan = "scn_2";
  add(fixed, "fixed", "scn_2");

  FindingFilter filter;
  filter.target_id = "tgt_1";
  EXPECT_EQ(list(filter), (Ids{"fnd_1", "fnd_2", "fnd_3"}));
  filter.severities = {"low", "medium"};
  EXPECT_EQ(list(filter), (Ids{"fnd_2", "fnd_3"}));
  filter.status = "open";
  EXPECT_EQ(list(filter), (Ids{"fnd_2"}));
  filter = {};
  filter.target_id = "tgt_1";
  filter.rule_id = "hsts";
  EXPECT_EQ(list(filter), (Ids{"fnd_3"}));
  filter.rule_id = "";
  filter.diff_state = "recurring";
  EXPECT_EQ(list(filter), (Ids{"fnd_2"}));
  EXPECT_EQ(list(of_scan("scn_2")), (Ids{"fnd_3"}));
}

TEST_F(FindingsStoreTest, AnOccurrenceIsReplacedByALaterOneOfTheSameScan) {
  add(finding("fnd_1", "high", "csp"), "new");

  write([](Transaction& t) { return put_occurrence(t, {"fnd_1", "scn_1", "reopened", Json::array()}); });

  const auto all = read([](Transaction& t) { return findings_of_scan(t, "scn_1"); });
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].occurrence.diff_state, "reopened");
}

TEST_F(FindingsStoreTest, TheHistoryOfAStatusIsKeptInOrder) {
  add(finding("fnd_1", "high", "csp"));
  write([](Transaction& t) {
    return insert_finding_event(t, "fnd_1", "open", "in_progress", "key_1", "on it", at_ms(1));
  });
  write([](Transaction& t) { return insert_finding_event(t, "fnd_1", "in_progress", "fixed", "scan", "", at_ms(1)); });

  const auto events = read([](Transaction& t) { return finding_events(t, "fnd_1", 10); });

  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].note, "on it");
  EXPECT_EQ(events[1].from, "in_progress");
  EXPECT_EQ(events[1].to, "fixed");
}

}  // namespace
}  // namespace weir::store
