#include <array>

#include "tools/scans/report/markdown_text.h"
#include "tools/scans/report/report.h"
#include "tools/scans/report/report_order.h"

namespace weir::tools::scans {
namespace {

using store::FindingWithOccurrence;

constexpr std::array<Severity, 5> kWorstFirst{Severity::critical, Severity::high, Severity::medium, Severity::low,
                                              Severity::info};

std::string row(std::string_view name, std::string_view value) {
  return "| " + std::string(name) + " | " + std::string(value) + " |\n";
}

std::string time_or_dash(const std::optional<UnixMillis>& time) { return time ? to_rfc3339(*time) : "-"; }

std::string heading(const ReportInput& input) {
  const store::ScanRow& scan = input.scan;
  const std::string name = input.target.name.empty() ? input.target.host : input.target.name;
  std::string text = "# Security scan of " + markdown_escaped(name) + "\n\n| | |\n|---|---|\n";
  text += row("Target", markdown_code(input.target.url));
  text += row("Scan", markdown_code(scan.id));
  text += row("Profile", markdown_escaped(scan.profile));
  text += row("Status", markdown_escaped(scan.status + (scan.outcome ? ", " + *scan.outcome : "")));
  std::string grade = scan.grade ? "**" + markdown_escaped(*scan.grade) + "**" : "none";
  if (scan.grade_reason && !scan.grade_reason->empty()) grade += " (" + markdown_escaped(*scan.grade_reason) + ")";
  text += row("Grade", grade);
  text += row("Score", scan.score ? std::to_string(*scan.score) + " of 100" : "none");
  text += row("Address", markdown_code(scan.pinned_ip));
  text += row("Started", time_or_dash(scan.started_at));
  text += row("Finished", time_or_dash(scan.finished_at));
  text += row("Scanner", markdown_escaped(scan.scanner_version + ", rules " + scan.ruleset_version));
  text += row("Report made", to_rfc3339(input.generated_at));
  if (scan.error_message) text += row("Error", markdown_escaped(*scan.error_message));
  return text + "\n";
}

std::string summary(const std::vector<const FindingWithOccurrence*>& findings) {
  std::string text = "## Summary\n\n| Severity | Open | New | Fixed | Set aside |\n|---|---:|---:|---:|---:|\n";
  for (const Severity severity : kWorstFirst) {
    std::array<int, 4> counts{};
    for (const FindingWithOccurrence* finding : findings) {
      if (severity_of(finding->finding) != severity) continue;
      const std::string& state = finding->occurrence.diff_state;
      const bool open = is_open(*finding);
      counts[0] += open ? 1 : 0;
      counts[1] += open && state == "new" ? 1 : 0;
      counts[2] += state == "fixed" ? 1 : 0;
      counts[3] += !open && state != "fixed" && state != "not_tested" ? 1 : 0;
    }
    text += "| " + std::string(to_string(severity));
    for (const int count : counts) text += " | " + std::to_string(count);
    text += " |\n";
  }
  return text + "\n";
}

std::string title_of(const FindingWithOccurrence& row) {
  return std::string(to_string(severity_of(row.finding))) + ": " + markdown_escaped(row.finding.title);
}

std::string list_of(std::string_view title, std::string_view state,
                    const std::vector<const FindingWithOccurrence*>& findings) {
  std::string text;
  for (const FindingWithOccurrence* finding : findings) {
    if (finding->occurrence.diff_state != state) continue;
    text += "- " + title_of(*finding) + " (" + markdown_code(finding->finding.rule_id) + ") at " +
            markdown_code(finding->finding.url) + "\n";
  }
  if (text.empty()) return "";
  return "## " + std::string(title) + "\n\n" + text + "\n";
}

std::string evidence_block(const Json& evidence) {
  std::string lines;
  if (evidence.is_array()) {
    for (const Json& item : evidence) {
      lines += string_or(item, "kind", "") + " " + string_or(item, "label", "") + ": " + string_or(item, "value", "");
      if (bool_or(item, "truncated", false)) lines += " [cut]";
      lines += "\n";
    }
  }
  return lines.empty() ? "" : "Observed (the target's words, not Weir's):\n\n" + markdown_block(lines) + "\n";
}

std::string finding_section(const FindingWithOccurrence& row) {
  const store::FindingRow& finding = row.finding;
  std::string text = "### " + title_of(row) + "\n\n";
  text += "- Rule: " + markdown_code(finding.rule_id);
  if (!finding.detail.empty()) text += ", case " + markdown_code(finding.detail);
  if (finding.cwe > 0) text += ", CWE-" + std::to_string(finding.cwe);
  text += "\n- Where: " + markdown_code(finding.url);
  if (!finding.location.empty()) text += ", " + markdown_code(finding.location);
  text += "\n- State: " + markdown_escaped(row.occurrence.diff_state) + ", " + markdown_escaped(finding.status);
  if (!finding.status_reason.empty()) text += " (" + markdown_escaped(finding.status_reason) + ")";
  text += "\n- Finding: " + markdown_code(finding.id) + "\n\n";
  const Check* check = find_check(finding.rule_id);
  if (check != nullptr) text += markdown_escaped(check->rule.description) + "\n\n";
  text += evidence_block(row.occurrence.evidence);
  if (check != nullptr) {
    text += "**What to do:** " + markdown_escaped(check->rule.remediation) + "\n\n";
    for (const std::string_view reference : check->rule.references) text += "- <" + std::string(reference) + ">\n";
    text += "\n";
  }
  return text;
}

std::string coverage(const ReportInput& input) {
  std::array<int, 4> counts{};
  std::string rows;
  for (const store::ScanCheckRow* check : checks_in_order(input)) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] += check->state == to_string(static_cast<CheckState>(i)) ? 1 : 0;
    }
    if (check->state == "ran") continue;
    rows += "| " + markdown_code(check->check_id) + " | " + markdown_escaped(check->state) + " | " +
            markdown_escaped(check->reason) + " |\n";
  }
  std::string text = "## Coverage\n\n" + std::to_string(counts[0]) + " checks ran, " + std::to_string(counts[3]) +
                     " had nothing to look at, " + std::to_string(counts[1]) + " were skipped, " +
                     std::to_string(counts[2]) + " failed.\n";
  if (!rows.empty()) text += "\n| Check | State | Why |\n|---|---|---|\n" + rows;
  return text;
}

}  // namespace

std::string markdown_report(const ReportInput& input) {
  const auto findings = in_order(input);
  std::string text = heading(input) + summary(findings);
  text += list_of("New", "new", findings);
  text += list_of("Came back", "reopened", findings);
  text += list_of("Fixed", "fixed", findings);
  text += list_of("Not tested this time", "not_tested", findings);

  std::string open;
  std::string aside;
  for (const FindingWithOccurrence* finding : findings) {
    const std::string& state = finding->occurrence.diff_state;
    if (state == "fixed" || state == "not_tested") continue;
    (is_open(*finding) ? open : aside) += finding_section(*finding);
  }
  text += "## Findings\n\n" + (open.empty() ? "No open findings.\n\n" : open);
  if (!aside.empty()) text += "## Set aside\n\n" + aside;
  return text + coverage(input);
}

}  // namespace weir::tools::scans
