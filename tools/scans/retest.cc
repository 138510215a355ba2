#include "tools/scans/retest.h"

#include <algorithm>
#include <set>

#include "store/findings_store.h"
#include "tools/lookup.h"
#include "tools/scans/report/report_order.h"
#include "tools/scans/scan_start.h"

namespace weir::tools::scans {
namespace {

Error wrong(const std::string& field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

// The default of create_scan is filled in before a tool is called, so it cannot be told from a caller's own.
Result<void> check_nothing_else(const Json& arguments) {
  if (const Json* checks = find_member(arguments, "checks"); checks != nullptr && !checks->empty()) {
    return wrong("checks", "is given for a retest, which runs the rules of the findings; leave it out");
  }
  const std::string profile = string_or(arguments, "profile", "quick");
  if (profile != "quick" && profile != "custom") {
    return wrong("profile", "is \"" + profile + "\" for a retest, which runs the rules of the findings; leave it out");
  }
  return {};
}

Result<std::vector<store::FindingRow>> findings_named(store::Transaction& transaction, const CallContext& context,
                                                      const Json& arguments) {
  std::vector<store::FindingRow> findings;
  const Json* ids = find_member(arguments, "finding_ids");
  if (ids == nullptr) return findings;
  if (ids->empty()) return wrong("finding_ids", "is empty; expected at least one finding, or leave it out");
  for (const Json& id : *ids) {
    Result<store::FindingRow> finding = find_finding(transaction, context, id.get<std::string>());
    if (!finding) return std::move(finding).error();
    findings.push_back(std::move(*finding));
  }
  return findings;
}

Result<store::ScanRow> scan_retested(store::Transaction& transaction, const CallContext& context, const Json& arguments,
                                     const std::vector<store::FindingRow>& findings) {
  const std::optional<std::string> given = string_member(arguments, "retest_of");
  Result<store::ScanRow> scan = find_scan(transaction, context, given ? *given : findings.front().last_seen_scan);
  if (!scan || scan->status == "completed") return scan;
  return Error(
      ErrorCode::conflict,
      "Scan " + scan->id + " is " + scan->status + "; only a completed scan can be retested." +
          (store::is_terminal_scan_status(scan->status) ? "" : " Wait for it with get_scan and wait_seconds."));
}

Result<std::vector<store::FindingRow>> findings_seen(store::Transaction& transaction, const store::ScanRow& scan) {
  auto rows = store::findings_of_scan(transaction, scan.id);
  if (!rows) return std::move(rows).error();
  std::vector<store::FindingRow> findings;
  for (store::FindingWithOccurrence& row : *rows) {
    // A rule that is no longer in the catalogue cannot be run again.
    if (is_open(row) && find_check(row.finding.rule_id) != nullptr) findings.push_back(std::move(row.finding));
  }
  if (!findings.empty()) return findings;
  return Error(ErrorCode::conflict, "Scan " + scan.id +
                                        " saw nothing that could be looked at again. Start a whole scan with "
                                        "create_scan {\"target_id\": \"" +
                                        scan.target_id + "\"}.");
}

Result<std::vector<std::string>> rules_of(const std::vector<store::FindingRow>& findings, const store::ScanRow& scan) {
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const store::FindingRow& finding = findings[i];
    const std::string field = "finding_ids[" + std::to_string(i) + "]";
    if (finding.target_id != scan.target_id) {
      return wrong(field, "is finding " + finding.id + " of target " + finding.target_id +
                              "; expected findings of target " + scan.target_id + ", which scan " + scan.id +
                              " scanned");
    }
    if (find_check(finding.rule_id) == nullptr) {
      return wrong(field,
                   "was found by rule " + finding.rule_id + ", which this server does not have any more; leave it out");
    }
    if (std::find(rules.begin(), rules.end(), finding.rule_id) == rules.end()) rules.push_back(finding.rule_id);
  }
  return rules;
}

}  // namespace

bool is_retest(const Json& arguments) { return arguments.contains("retest_of") || arguments.contains("finding_ids"); }

Result<Retest> read_retest(store::Transaction& transaction, const CallContext& context, const Json& arguments) {
  if (Result<void> plain = check_nothing_else(arguments); !plain) return std::move(plain).error();
  auto findings = findings_named(transaction, context, arguments);
  if (!findings) return std::move(findings).error();
  Result<store::ScanRow> scan = scan_retested(transaction, context, arguments, *findings);
  if (!scan) return std::move(scan).error();
  if (findings->empty()) findings = findings_seen(transaction, *scan);
  if (!findings) return std::move(findings).error();
  auto rules = rules_of(*findings, *scan);
  if (!rules) return std::move(rules).error();

  if (arguments.contains("target_id") || arguments.contains("url")) {
    Result<store::TargetRow> named = target_to_scan(transaction, context, arguments);
    if (!named) return std::move(named).error();
    if (named->id != scan->target_id) {
      return wrong(arguments.contains("target_id") ? "target_id" : "url", "names target " + named->id + ", but scan " +
                                                                              scan->id + " was of target " +
                                                                              scan->target_id + "; leave it out");
    }
  }
  Result<store::TargetRow> target = find_target(transaction, context, scan->target_id);
  if (!target) return std::move(target).error();
  Result<ScanRequest> request = scan_request_of({{"profile", "custom"}, {"checks", *rules}});
  if (!request) return std::move(request).error();
  request->retest_of = scan->id;
  return Retest{.target = std::move(*target), .request = std::move(*request)};
}

}  // namespace weir::tools::scans
