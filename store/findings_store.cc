#include "store/findings_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kFindingColumns =
    "f.id, f.account_id, f.target_id, f.fingerprint, f.rule_id, f.engine, f.title, f.severity, f.severity_override, "
    "f.cwe, f.url, f.location, f.detail, f.status, f.status_reason, f.status_by, f.accepted_until, f.first_seen_scan, "
    "f.last_seen_scan, f.first_seen_at, f.last_seen_at, f.fixed_at, f.reopened_count, f.precision_level";
constexpr std::size_t kFindingColumnCount = 24;
constexpr std::string_view kOccurrenceColumns = "o.finding_id, o.scan_id, o.diff_state, o.evidence";
constexpr std::string_view kOrder = " ORDER BY f.severity_rank, f.rule_id, f.url, f.id";
constexpr std::array<std::string_view, 5> kSeverities{"critical", "high", "medium", "low", "info"};

// 0 for critical ... 4 for info; anything else comes last.
std::int64_t rank_of(std::string_view severity) {
  return std::distance(kSeverities.begin(), std::find(kSeverities.begin(), kSeverities.end(), severity));
}
std::int64_t rank_of(const FindingRow& finding) {
  return rank_of(finding.severity_override.value_or(finding.severity));
}

FindingRow finding_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .target_id = row.text(2),
          .fingerprint = row.text(3),
          .rule_id = row.text(4),
          .engine = row.text(5),
          .title = row.text(6),
          .severity = row.text(7),
          .severity_override = row.optional_text(8),
          .cwe = row.integer(9),
          .url = row.text(10),
          .location = row.text(11),
          .detail = row.text(12),
          .status = row.text(13),
          .status_reason = row.text(14),
          .status_by = row.text(15),
          .accepted_until = optional_time_in(row, 16),
          .first_seen_scan = row.text(17),
          .last_seen_scan = row.text(18),
          .first_seen_at = time_in(row, 19),
          .last_seen_at = time_in(row, 20),
          .fixed_at = optional_time_in(row, 21),
          .reopened_count = row.integer(22),
          .precision = row.text(23)};
}

OccurrenceRow occurrence_in(const Row& row, std::size_t first) {
  OccurrenceRow occurrence{
      .finding_id = row.text(first), .scan_id = row.text(first + 1), .diff_state = row.text(first + 2)};
  if (!row.is_null(first + 3)) occurrence.evidence = row.json(first + 3);
  return occurrence;
}

FindingWithOccurrence finding_with_occurrence_from(const Row& row) {
  return {.finding = finding_from(row), .occurrence = occurrence_in(row, kFindingColumnCount)};
}

// Where the page before ended. A finding that has changed its severity since is where it is now.
Result<void> continue_after(Transaction& transaction, const FindingFilter& filter, const std::string& after_id,
                            SqlText& sql) {
  auto last = transaction.query("SELECT severity_rank, rule_id, url FROM findings WHERE id = :1 AND account_id = :2",
                                {after_id, filter.account_id});
  if (!last) return std::move(last).error();
  if (last->empty()) {
    return Error(ErrorCode::bad_request, "the cursor does not belong to this list: start again without it");
  }
  const Row& row = last->front();
  sql.add(" AND (f.severity_rank, f.rule_id, f.url, f.id) > (", row.integer(0));
  sql.add(", ", row.text(1)).add(", ", row.text(2)).add(", ", after_id, ")");
  return {};
}

}  // namespace

Result<void> insert_finding(Transaction& transaction, const FindingRow& finding) {
  return done(transaction.execute(
      "INSERT INTO findings (id, account_id, target_id, fingerprint, rule_id, engine, title, severity, "
      "severity_override, severity_rank, cwe, url, location, detail, status, status_reason, status_by, accepted_until, "
      "first_seen_scan, last_seen_scan, first_seen_at, last_seen_at, fixed_at, reopened_count, precision_level) "
      "VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16, :17, :18, :19, :20, :21, :22, "
      ":23, :24, :25)",
      {finding.id,
       finding.account_id,
       finding.target_id,
       finding.fingerprint,
       finding.rule_id,
       finding.engine,
       finding.title,
       finding.severity,
       optional_value(finding.severity_override),
       rank_of(finding),
       finding.cwe,
       finding.url,
       finding.location,
       finding.detail,
       finding.status,
       finding.status_reason,
       finding.status_by,
       time_value(finding.accepted_until),
       finding.first_seen_scan,
       finding.last_seen_scan,
       time_value(finding.first_seen_at),
       time_value(finding.last_seen_at),
       time_value(finding.fixed_at),
       finding.reopened_count,
       finding.precision}));
}

Result<void> update_finding(Transaction& transaction, const FindingRow& finding) {
  return changed_one(
      transaction.execute(
          "UPDATE findings SET title = :1, severity = :2, severity_override = :3, severity_rank = :4, cwe = :5, "
          "url = :6, location = :7, detail = :8, status = :9, status_reason = :10, status_by = :11, "
          "accepted_until = :12, last_seen_scan = :13, last_seen_at = :14, fixed_at = :15, reopened_count = :16, "
          "precision_level = :17 WHERE id = :18",
          {finding.title, finding.severity, optional_value(finding.severity_override), rank_of(finding), finding.cwe,
           finding.url, finding.location, finding.detail, finding.status, finding.status_reason, finding.status_by,
           time_value(finding.accepted_until), finding.last_seen_scan, time_value(finding.last_seen_at),
           time_value(finding.fixed_at), finding.reopened_count, finding.precision, finding.id}),
      "there is no such finding: list the findings to see their ids");
}

Result<std::optional<FindingRow>> finding_by_fingerprint(Transaction& transaction, std::string_view target_id,
                                                         std::string_view fingerprint) {
  SqlText sql("SELECT ");
  sql.add(kFindingColumns).add(" FROM findings f WHERE f.target_id = ", text_value(target_id));
  sql.add(" AND f.fingerprint = ", text_value(fingerprint));
  return first_row(std::move(sql).query(transaction), finding_from);
}

Result<std::vector<FindingRow>> findings_of_target(Transaction& transaction, std::string_view target_id) {
  SqlText sql("SELECT ");
  sql.add(kFindingColumns).add(" FROM findings f WHERE f.target_id = ", text_value(target_id)).add(kOrder);
  return each_row(std::move(sql).query(transaction), finding_from);
}

Result<void> put_occurrence(Transaction& transaction, const OccurrenceRow& occurrence) {
  return done(transaction.execute(
      "INSERT INTO occurrences (finding_id, scan_id, diff_state, evidence) VALUES (:1, :2, :3, :4) "
      "ON CONFLICT (scan_id, finding_id) DO UPDATE SET diff_state = excluded.diff_state, evidence = excluded.evidence",
      {occurrence.finding_id, occurrence.scan_id, occurrence.diff_state, to_text(occurrence.evidence)}));
}

Result<std::vector<FindingWithOccurrence>> findings_of_scan(Transaction& transaction, std::string_view scan_id) {
  SqlText sql("SELECT ");
  sql.add(kFindingColumns).add(", ").add(kOccurrenceColumns);
  sql.add(" FROM occurrences o JOIN findings f ON f.id = o.finding_id WHERE o.scan_id = ", text_value(scan_id));
  sql.add(kOrder);
  return each_row(std::move(sql).query(transaction), finding_with_occurrence_from);
}

Result<Page<FindingWithOccurrence>> list_findings(Transaction& transaction, const FindingFilter& filter,
                                                  const PageRequest& page) {
  SqlText sql("SELECT ");
  sql.add(kFindingColumns).add(", ").add(kOccurrenceColumns).add(" FROM findings f ");
  if (!filter.scan_id.empty()) {
    sql.add("JOIN occurrences o ON o.finding_id = f.id AND o.scan_id = ", filter.scan_id);
  } else {
    sql.add("LEFT JOIN occurrences o ON o.finding_id = f.id AND o.scan_id = f.last_seen_scan");
  }
  sql.add(" WHERE f.account_id = ", filter.account_id);
  if (!filter.target_id.empty()) sql.add(" AND f.target_id = ", filter.target_id);
  if (!filter.severities.empty()) {
    std::vector<std::int64_t> ranks;
    for (const std::string& severity : filter.severities) ranks.push_back(rank_of(severity));
    sql.add_list(" AND f.severity_rank IN ", ranks);
  }
  if (!filter.status.empty()) sql.add(" AND f.status = ", filter.status);
  if (!filter.diff_state.empty()) sql.add(" AND o.diff_state = ", filter.diff_state);
  if (!filter.rule_id.empty()) sql.add(" AND f.rule_id = ", filter.rule_id);
  if (!page.after_id.empty()) {
    if (auto continued = continue_after(transaction, filter, page.after_id, sql); !continued) {
      return std::move(continued).error();
    }
  }
  sql.add(kOrder).add(" LIMIT ", page_limit(page) + 1);
  auto findings = each_row(std::move(sql).query(transaction), finding_with_occurrence_from);
  if (!findings) return std::move(findings).error();
  return page_of(std::move(*findings), page_limit(page),
                 [](const FindingWithOccurrence& both) { return both.finding.id; });
}

Result<void> insert_finding_event(Transaction& transaction, std::string_view finding_id, std::string_view from,
                                  std::string_view to, std::string_view by, std::string_view note, UnixMillis at) {
  return done(transaction.execute(
      "INSERT INTO finding_events (finding_id, position, from_status, to_status, changed_by, note, changed_at) "
      "SELECT :1, COALESCE(MAX(position), 0) + 1, :2, :3, :4, :5, :6 FROM finding_events WHERE finding_id = :1",
      {text_value(finding_id), text_value(from), text_value(to), text_value(by), text_value(note), time_value(at)}));
}

}  // namespace weir::store
