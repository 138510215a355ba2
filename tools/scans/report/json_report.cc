#include <array>

#include "tools/scans/report/report.h"
#include "tools/scans/report/report_order.h"

namespace weir::tools::scans {
namespace {

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }
Json or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(); }
Json or_null(const std::optional<UnixMillis>& time) { return time ? Json(to_rfc3339(*time)) : Json(); }

Json target_json(const store::TargetRow& target) {
  return {{"id", target.id},     {"url", target.url},   {"host", target.host},
          {"port", target.port}, {"name", target.name}, {"visibility", target.visibility}};
}

Json scan_json(const store::ScanRow& scan) {
  return {{"id", scan.id},
          {"profile", scan.profile},
          {"checks", scan.checks},
          {"status", scan.status},
          {"outcome", or_null(scan.outcome)},
          {"trigger", scan.trigger},
          {"baseline_scan_id", or_null(scan.baseline_scan_id)},
          {"score", or_null(scan.score)},
          {"grade", or_null(scan.grade)},
          {"grade_reason", or_null(scan.grade_reason)},
          {"grade_algorithm", scan.grade_algorithm},
          {"pinned_ip", scan.pinned_ip},
          {"scanner_version", scan.scanner_version},
          {"ruleset_version", scan.ruleset_version},
          {"error",
           scan.error_code ? Json{{"code", *scan.error_code}, {"message", scan.error_message.value_or("")}} : Json()},
          {"queued_at", to_rfc3339(scan.queued_at)},
          {"started_at", or_null(scan.started_at)},
          {"finished_at", or_null(scan.finished_at)}};
}

Json rule_json(std::string_view rule_id) {
  const Check* check = find_check(rule_id);
  if (check == nullptr) return {};
  const Rule& rule = check->rule;
  Json references = Json::array();
  for (const std::string_view reference : rule.references) references.push_back(reference);
  return {{"group", rule.group},
          {"severity", to_string(rule.severity)},
          {"asvs", rule.asvs.empty() ? Json::array() : Json::array({rule.asvs})},
          {"description", rule.description},
          {"detection", rule.detection},
          {"remediation", rule.remediation},
          {"references", std::move(references)}};
}

Json finding_json(const store::FindingWithOccurrence& row) {
  const store::FindingRow& finding = row.finding;
  return {{"id", finding.id},
          {"fingerprint", finding.fingerprint},
          {"rule_id", finding.rule_id},
          {"engine", finding.engine},
          {"title", finding.title},
          {"severity", to_string(severity_of(finding))},
          {"is_severity_overridden", finding.severity_override.has_value()},
          {"precision", finding.precision},
          {"cwe", finding.cwe > 0 ? Json(finding.cwe) : Json()},
          {"url", finding.url},
          {"location", finding.location},
          {"detail", finding.detail},
          {"diff_state", row.occurrence.diff_state},
          {"status", finding.status},
          {"status_reason", finding.status_reason},
          {"accepted_until", or_null(finding.accepted_until)},
          {"first_seen_at", to_rfc3339(finding.first_seen_at)},
          {"last_seen_at", to_rfc3339(finding.last_seen_at)},
          {"fixed_at", or_null(finding.fixed_at)},
          {"reopened_count", finding.reopened_count},
          {"evidence", row.occurrence.evidence.is_array() ? row.occurrence.evidence : Json::array()},
          {"rule", rule_json(finding.rule_id)}};
}

Json summary_json(const ReportInput& input) {
  Json open = Json::object();
  for (const std::string_view name : {"critical", "high", "medium", "low", "info"}) open[std::string(name)] = 0;
  Json diff = Json::object();
  for (const std::string_view name : {"new", "recurring", "reopened", "fixed", "not_tested"}) {
    diff[std::string(name)] = 0;
  }
  const auto add_one = [](Json& counts, const std::string& name) { counts[name] = integer_or(counts, name, 0) + 1; };
  for (const auto& finding : input.findings) {
    if (is_open(finding)) add_one(open, std::string(to_string(severity_of(finding.finding))));
    add_one(diff, finding.occurrence.diff_state);
  }
  Json coverage = Json::object();
  for (const std::string_view name : {"ran", "skipped", "error", "not_applicable"}) coverage[std::string(name)] = 0;
  for (const auto& check : input.checks) add_one(coverage, check.state);
  return {{"open", std::move(open)}, {"diff", std::move(diff)}, {"coverage", std::move(coverage)}};
}

}  // namespace

Json json_report(const ReportInput& input) {
  Json findings = Json::array();
  for (const auto* finding : in_order(input)) findings.push_back(finding_json(*finding));
  Json checks = Json::array();
  for (const auto* check : checks_in_order(input)) {
    checks.push_back({{"check_id", check->check_id},
                      {"state", check->state},
                      {"reason", check->reason},
                      {"requests", check->requests},
                      {"ms", check->ms}});
  }
  return {{"format", "weir.report/1"},           {"generated_at", to_rfc3339(input.generated_at)},
          {"target", target_json(input.target)}, {"scan", scan_json(input.scan)},
          {"summary", summary_json(input)},      {"findings", std::move(findings)},
          {"coverage", std::move(checks)}};
}

}  // namespace weir::tools::scans
