#include "tools/scans/finding_diff.h"

#include <map>
#include <set>

#include "store/findings_store.h"
#include "tools/scans/finding_brief.h"

namespace weir::tools::scans {
namespace {

// One finding may have been seen by several requests; a caller needs a few examples, not all.
constexpr std::size_t kEvidenceRowsMax = 10;

Json evidence_json(const std::vector<Evidence>& evidence) {
  Json rows = Json::array();
  for (const Evidence& row : evidence) {
    if (rows.size() >= kEvidenceRowsMax) break;
    rows.push_back({{"kind", row.kind},
                    {"label", row.label},
                    {"value", row.value},
                    {"untrusted", row.is_untrusted},
                    {"truncated", row.is_truncated},
                    {"redacted", row.is_redacted}});
  }
  return rows;
}

// Detections by fingerprint, in the order of their first appearance; the worst of equals counts, evidence adds up.
std::vector<std::pair<std::string, Detection>> distinct(const std::vector<Detection>& detections) {
  std::vector<std::pair<std::string, Detection>> unique;
  std::map<std::string, std::size_t> index;
  for (const Detection& detection : detections) {
    const std::string fingerprint = fingerprint_of(detection);
    const auto [at, is_first] = index.emplace(fingerprint, unique.size());
    if (is_first) {
      unique.emplace_back(fingerprint, detection);
      continue;
    }
    Detection& kept = unique[at->second].second;
    if (detection.severity > kept.severity) {
      kept.severity = detection.severity;
      kept.detail = detection.detail;
    }
    kept.evidence.insert(kept.evidence.end(), detection.evidence.begin(), detection.evidence.end());
  }
  return unique;
}

// Not thread-safe: owned by apply_outcome.
class Diff {
 public:
  Diff(store::Transaction& transaction, const store::ScanRow& scan, const ScanOutcome& outcome, UnixMillis now,
       IdGenerator& ids)
      : transaction_(transaction), scan_(scan), outcome_(outcome), now_(now), ids_(ids) {
    for (const char* name : {"critical", "high", "medium", "low", "info", "total", "new", "recurring", "reopened",
                             "fixed", "not_tested", "set_aside"}) {
      summary_.counts[name] = 0;
    }
    for (const CoverageRow& row : outcome.coverage) {
      if (row.state == CheckState::ran) ran_.insert(row.check_id);
    }
  }

  Result<DiffSummary> run() {
    for (const auto& [fingerprint, detection] : distinct(outcome_.detections)) {
      if (Result<void> seen = see(fingerprint, detection); !seen) return std::move(seen).error();
    }
    auto findings = store::findings_of_target(transaction_, scan_.target_id);
    if (!findings) return std::move(findings).error();
    for (store::FindingRow& finding : *findings) {
      if (seen_.contains(finding.id)) continue;
      if (Result<void> missed = miss(std::move(finding)); !missed) return std::move(missed).error();
    }
    return std::move(summary_);
  }

 private:
  void count(std::string_view name) { summary_.counts[std::string(name)] = integer_or(summary_.counts, name, 0) + 1; }

  Result<void> see(const std::string& fingerprint, const Detection& detection) {
    auto existing = store::finding_by_fingerprint(transaction_, scan_.target_id, fingerprint);
    if (!existing) return std::move(existing).error();
    const bool is_new = !*existing;
    store::FindingRow finding = is_new ? first_sight(fingerprint) : std::move(**existing);
    const std::string before = is_new ? "" : finding.status;
    const std::string state = is_new ? "new" : reopen(finding);
    describe(finding, detection);

    Result<void> stored =
        is_new ? store::insert_finding(transaction_, finding) : store::update_finding(transaction_, finding);
    if (!stored) return stored;
    if (finding.status != before) {
      const std::string note = is_new ? "first seen" : before == "fixed" ? "seen again" : "the acceptance has expired";
      if (Result<void> kept = record(finding, before, note); !kept) return kept;
    }
    seen_.insert(finding.id);
    count(state);
    const std::string severity = finding.severity_override.value_or(finding.severity);
    if (is_set_aside_status(finding.status)) {
      count("set_aside");
    } else {
      count(severity);
      count("total");
      const Check* check = find_check(finding.rule_id);
      summary_.open_findings.push_back({.rule_id = finding.rule_id,
                                        .group = check == nullptr ? "" : std::string(check->rule.group),
                                        .severity = severity_from(severity).value_or(Severity::info),
                                        .detail = finding.detail});
    }
    if (is_new) announce("finding.new", finding);
    if (state == "reopened") announce("finding.reopened", finding);
    return store::put_occurrence(transaction_, {.finding_id = finding.id,
                                                .scan_id = scan_.id,
                                                .diff_state = state,
                                                .evidence = evidence_json(detection.evidence)});
  }

  store::FindingRow first_sight(const std::string& fingerprint) {
    store::FindingRow finding;
    finding.id = ids_.make("fnd");
    finding.account_id = scan_.account_id;
    finding.target_id = scan_.target_id;
    finding.fingerprint = fingerprint;
    finding.first_seen_scan = scan_.id;
    finding.first_seen_at = now_;
    return finding;
  }

  // Returns the diff state. accepted_risk and false_positive are a person's and stay, until an acceptance expires.
  std::string reopen(store::FindingRow& finding) const {
    if (finding.status == "fixed") {
      finding.status = "open";
      finding.fixed_at.reset();
      ++finding.reopened_count;
      set_by_scan(finding, "Seen again by scan " + scan_.id + ".");
      return "reopened";
    }
    if (finding.status == "accepted_risk" && finding.accepted_until && *finding.accepted_until <= now_) {
      finding.status = "open";
      finding.accepted_until.reset();
      set_by_scan(finding, "The acceptance of the risk has expired.");
      return "reopened";
    }
    return "recurring";
  }

  void set_by_scan(store::FindingRow& finding, std::string reason) const {
    finding.status_reason = std::move(reason);
    finding.status_by = scan_.id;
  }

  void describe(store::FindingRow& finding, const Detection& detection) const {
    const Check* check = find_check(detection.rule_id);
    finding.rule_id = detection.rule_id;
    finding.title = check == nullptr ? detection.rule_id : std::string(check->rule.title);
    finding.cwe = check == nullptr ? 0 : check->rule.cwe;
    finding.severity = std::string(to_string(detection.severity));
    finding.url = detection.url;
    finding.location = detection.discriminator;
    finding.detail = detection.detail;
    finding.precision = detection.precision;
    finding.last_seen_scan = scan_.id;
    finding.last_seen_at = now_;
  }

  // A finding of the target that this scan did not see.
  Result<void> miss(store::FindingRow finding) {
    if (finding.status == "fixed" || is_set_aside_status(finding.status)) return {};
    const bool is_fixed = ran_.contains(finding.rule_id);
    if (is_fixed) {
      const std::string before = finding.status;
      finding.status = "fixed";
      finding.fixed_at = now_;
      set_by_scan(finding, "Scan " + scan_.id + " ran the rule and no longer saw it.");
      if (Result<void> stored = store::update_finding(transaction_, finding); !stored) return stored;
      if (Result<void> kept = record(finding, before, "no longer seen"); !kept) return kept;
      announce("finding.fixed", finding);
    }
    const std::string state = is_fixed ? "fixed" : "not_tested";
    count(state);
    return store::put_occurrence(
        transaction_, {.finding_id = finding.id, .scan_id = scan_.id, .diff_state = state, .evidence = Json::array()});
  }

  Result<void> record(const store::FindingRow& finding, const std::string& before, const std::string& note) {
    return store::insert_finding_event(transaction_, finding.id, before, finding.status, scan_.id, note, now_);
  }

  void announce(std::string type, const store::FindingRow& finding) {
    summary_.events.push_back({.account_id = scan_.account_id,
                               .resource_type = "scan",
                               .resource_id = scan_.id,
                               .type = std::move(type),
                               .data = {{"finding_id", finding.id},
                                        {"target_id", finding.target_id},
                                        {"rule_id", finding.rule_id},
                                        {"title", finding.title},
                                        {"severity", finding.severity_override.value_or(finding.severity)},
                                        {"status", finding.status},
                                        {"url", finding.url}}});
  }

  store::Transaction& transaction_;
  const store::ScanRow& scan_;
  const ScanOutcome& outcome_;
  const UnixMillis now_;
  IdGenerator& ids_;
  std::set<std::string> ran_;
  std::set<std::string> seen_;
  DiffSummary summary_;
};

}  // namespace

Result<DiffSummary> apply_outcome(store::Transaction& transaction, const store::ScanRow& scan,
                                  const ScanOutcome& outcome, UnixMillis now, IdGenerator& ids) {
  return Diff(transaction, scan, outcome, now, ids).run();
}

}  // namespace weir::tools::scans
