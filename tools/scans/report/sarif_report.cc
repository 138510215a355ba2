// The report as SARIF 2.1.0 (OASIS), for code scanning services. What they read of it decides the details: a location
// must be a path relative to a repository, a fingerprint is found as primaryLocationLineHash.
#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "tools/scans/report/report.h"
#include "tools/scans/report/report_order.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kSchema = "https://json.schemastore.org/sarif-2.1.0.json";
// A path segment that a service shows; a longer URL loses its end.
constexpr std::size_t kSlugMax = 96;

// "error", "warning", "note": SARIF 3.27.10.
std::string_view level_of(Severity severity) {
  if (severity >= Severity::high) return "error";
  return severity == Severity::medium ? "warning" : "note";
}

// The number by which code scanning sorts findings, as CVSS counts; a string in the format.
std::string_view security_severity(Severity severity) {
  switch (severity) {
    case Severity::critical: return "9.5";
    case Severity::high: return "8.0";
    case Severity::medium: return "5.5";
    case Severity::low: return "2.5";
    case Severity::info: return "0.0";
  }
  return "0.0";
}

// Of a host or a path, what can stand in a file name: the same for the same URL, whatever the scan.
std::string slug(std::string_view text) {
  std::string made;
  for (const char c : text.substr(0, kSlugMax)) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
    made += is_plain ? c : '-';
  }
  const bool has_name = std::any_of(made.begin(), made.end(), [](char c) { return c != '.' && c != '-'; });
  return has_name ? made : "root";
}

// A URL is no file of the repository, so the place is a made-up one that stays.
std::string artifact_of(const ReportInput& input, const store::FindingRow& finding) {
  std::string_view path = finding.url;
  if (const std::size_t scheme = path.find("://"); scheme != std::string_view::npos) path.remove_prefix(scheme + 3);
  const std::size_t slash = path.find('/');
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  path = path.substr(0, path.find_first_of("?#"));
  return "dast/" + slug(input.target.host.empty() ? input.target.id : input.target.host) + "/" + slug(path);
}

Json text_of(std::string_view text) { return {{"text", text}}; }

// Brackets make links in the text of a message (SARIF 3.11.6), and parts of it were written by the target.
std::string without_links(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

Json rule_json(const store::FindingRow& finding) {
  const Check* const check = find_check(finding.rule_id);
  const Severity severity = check != nullptr ? check->rule.severity : severity_of(finding);
  Json tags = Json::array({"security"});
  if (finding.cwe > 0) tags.push_back("external/cwe/cwe-" + std::to_string(finding.cwe));
  Json rule = {{"id", finding.rule_id},
               {"name", finding.rule_id},
               {"shortDescription", text_of(check != nullptr ? check->rule.title : std::string_view(finding.title))},
               {"defaultConfiguration", {{"level", level_of(severity)}}},
               {"properties",
                {{"tags", std::move(tags)},
                 {"precision", finding.precision},
                 {"security-severity", security_severity(severity)}}}};
  if (check == nullptr) return rule;
  rule["fullDescription"] = text_of(check->rule.description);
  const std::string help = std::string(check->rule.description) + "\n\n" + std::string(check->rule.remediation);
  rule["help"] = {{"text", help}, {"markdown", help}};
  if (!check->rule.references.empty()) rule["helpUri"] = check->rule.references.front();
  return rule;
}

// Against the scan before. What was not looked at this time is as it was: "absent" would close it.
std::string_view baseline_state(std::string_view diff_state) {
  if (diff_state == "new" || diff_state == "reopened") return "new";
  return diff_state == "fixed" ? "absent" : "unchanged";
}

// What a person decided: accepted, with the reason.
Json suppressions_of(const store::FindingRow& finding) {
  if (finding.status != "accepted_risk" && finding.status != "false_positive") return Json::array();
  Json suppression = {{"kind", "external"}, {"status", "accepted"}};
  suppression["justification"] = finding.status + (finding.status_reason.empty() ? "" : ": " + finding.status_reason);
  return Json::array({std::move(suppression)});
}

Json result_json(const ReportInput& input, const store::FindingWithOccurrence& row, std::size_t rule_index) {
  const store::FindingRow& finding = row.finding;
  std::string message = finding.title + " at " + finding.url;
  if (!finding.location.empty()) message += " (" + finding.location + ")";
  return {{"ruleId", finding.rule_id},
          {"ruleIndex", rule_index},
          {"level", level_of(severity_of(finding))},
          {"message", text_of(without_links(message) + ".")},
          {"locations", Json::array({{{"physicalLocation",
                                       {{"artifactLocation", {{"uri", artifact_of(input, finding)}}},
                                        {"region", {{"startLine", 1}, {"startColumn", 1}}}}}}})},
          {"partialFingerprints", {{"primaryLocationLineHash", finding.fingerprint}}},
          {"baselineState", baseline_state(row.occurrence.diff_state)},
          {"suppressions", suppressions_of(finding)},
          {"properties",
           {{"finding_id", finding.id},
            {"url", finding.url},
            {"location", finding.location},
            {"status", finding.status},
            {"diff_state", row.occurrence.diff_state},
            {"security-severity", security_severity(severity_of(finding))},
            {"evidence", row.occurrence.evidence.is_array() ? row.occurrence.evidence : Json::array()}}}};
}

}  // namespace

Json sarif_report(const ReportInput& input) {
  const bool is_successful = input.scan.status == "completed";
  std::map<std::string, std::size_t> indices;
  Json rules = Json::array();
  Json results = Json::array();
  for (const auto* row : in_order(input)) {
    const auto [index, is_new] = indices.emplace(row->finding.rule_id, rules.size());
    if (is_new) rules.push_back(rule_json(row->finding));
    results.push_back(result_json(input, *row, index->second));
  }
  Json invocation = {{"executionSuccessful", is_successful}, {"startTimeUtc", to_rfc3339(input.scan.queued_at)}};
  if (input.scan.finished_at) invocation["endTimeUtc"] = to_rfc3339(*input.scan.finished_at);
  Json run = {{"tool",
               {{"driver",
                 {{"name", "Weir"},
                  {"semanticVersion", input.scan.scanner_version},
                  {"rules", std::move(rules)},
                  {"properties", {{"ruleset", input.scan.ruleset_version}}}}}}},
              {"automationDetails", {{"id", "weir/" + input.target.host + "/" + input.scan.profile + "/"}}},
              {"invocations", Json::array({std::move(invocation)})},
              {"columnKind", "unicodeCodePoints"},
              {"results", std::move(results)},
              {"properties", {{"scan_id", input.scan.id}, {"target_id", input.target.id}}}};
  return {{"$schema", kSchema}, {"version", "2.1.0"}, {"runs", Json::array({std::move(run)})}};
}

}  // namespace weir::tools::scans
