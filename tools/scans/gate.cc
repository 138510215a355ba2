#include "tools/scans/gate.h"

#include <algorithm>
#include <iterator>

#include "tools/parameters.h"
#include "tools/scans/finding_brief.h"
#include "tools/scans/report/report_order.h"

namespace weir::tools::scans {
namespace {

namespace p = parameters;

// Of a reason's sentence.
constexpr std::size_t kRulesNamedMax = 3;

std::ptrdiff_t rank_of(std::string_view grade) {
  return std::distance(std::begin(kGrades), std::find(std::begin(kGrades), std::end(kGrades), grade));
}

bool fails(const GateRule& rule, const store::FindingWithOccurrence& row) {
  if (!rule.fail_on || !is_open(row)) return false;
  if (rule.counts == GateRule::Counts::new_only && row.occurrence.diff_state == "recurring") return false;
  return severity_of(row.finding) >= *rule.fail_on;
}

std::string named_rules(const std::vector<const store::FindingRow*>& findings) {
  std::vector<std::string> names;
  for (const store::FindingRow* finding : findings) {
    if (std::find(names.begin(), names.end(), finding->rule_id) == names.end()) names.push_back(finding->rule_id);
  }
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kRulesNamedMax); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kRulesNamedMax) text += " and others";
  return text;
}

GateReason findings_reason(const GateRule& rule, const std::vector<const store::FindingRow*>& failing) {
  const bool is_one = failing.size() == 1;
  std::string text = std::to_string(failing.size());
  if (rule.counts == GateRule::Counts::new_only) text += " new";
  text += is_one ? " finding is " : " findings are ";
  text += to_string(*rule.fail_on);
  if (*rule.fail_on != Severity::critical) text += " or worse";
  return {"findings", text + " (" + named_rules(failing) + ")."};
}

}  // namespace

std::string_view to_string(GateVerdict::Conclusion conclusion) {
  switch (conclusion) {
    case GateVerdict::Conclusion::passed: return "passed";
    case GateVerdict::Conclusion::failed: return "failed";
    case GateVerdict::Conclusion::inconclusive: return "inconclusive";
  }
  return "inconclusive";
}

GateVerdict judge(const GateRule& rule, const store::ScanRow& scan,
                  const std::vector<store::FindingWithOccurrence>& findings) {
  using Conclusion = GateVerdict::Conclusion;
  GateVerdict verdict;
  if (scan.status != "completed") {
    verdict.conclusion = Conclusion::inconclusive;
    verdict.reasons.push_back({"not_completed", "The scan is " + scan.status + ", so it has no result to judge."});
    return verdict;
  }
  for (const store::FindingWithOccurrence& row : findings) {
    if (fails(rule, row)) verdict.failing.push_back(&row.finding);
  }
  if (!verdict.failing.empty()) {
    verdict.conclusion = Conclusion::failed;
    verdict.reasons.push_back(findings_reason(rule, verdict.failing));
  }
  if (rule.min_grade && scan.grade && rank_of(*scan.grade) > rank_of(*rule.min_grade)) {
    verdict.conclusion = Conclusion::failed;
    verdict.reasons.push_back(
        {"grade", "The grade is " + *scan.grade + "; " + *rule.min_grade + " or better is needed."});
  }
  // What is missing can only turn a pass into doubt.
  const auto doubt = [&](std::string code, std::string message) {
    if (verdict.conclusion == Conclusion::passed) verdict.conclusion = Conclusion::inconclusive;
    verdict.reasons.push_back({std::move(code), std::move(message)});
  };
  if (rule.min_grade && !scan.grade) {
    doubt("no_grade", "The scan has no grade (" + scan.grade_reason.value_or("not graded") + "), and " +
                          *rule.min_grade + " or better is needed.");
  }
  if (rule.coverage == GateRule::Coverage::required && scan.outcome == "partial") {
    doubt("coverage",
          "Some checks could not run, so nothing can be said of what they look for. See the coverage in the "
          "report.");
  }
  return verdict;
}

GateRule gate_rule_of(const Json& arguments) {
  GateRule rule;
  rule.fail_on = severity_from(string_or(arguments, "fail_on", "high"));  // "never" is no severity
  rule.counts = bool_or(arguments, "new_only", false) ? GateRule::Counts::new_only : GateRule::Counts::all;
  rule.min_grade = string_member(arguments, "min_grade");
  rule.coverage =
      bool_or(arguments, "require_coverage", true) ? GateRule::Coverage::required : GateRule::Coverage::ignored;
  return rule;
}

Json gate_json(const store::ScanRow& scan, const GateRule& rule, const GateVerdict& verdict) {
  Json reasons = Json::array();
  for (const GateReason& reason : verdict.reasons)
    reasons.push_back({{"code", reason.code}, {"message", reason.message}});
  Json failing = Json::array();
  for (const store::FindingRow* finding : verdict.failing) {
    if (failing.size() < kFailingShownMax) failing.push_back(finding_brief_json(*finding));
  }
  return {{"scan_id", scan.id},
          {"pass", verdict.conclusion == GateVerdict::Conclusion::passed},
          {"conclusion", to_string(verdict.conclusion)},
          {"reasons", std::move(reasons)},
          {"failing", std::move(failing)},
          {"failing_count", verdict.failing.size()},
          {"grade", scan.grade ? Json(*scan.grade) : Json(nullptr)},
          {"rule",
           {{"fail_on", rule.fail_on ? to_string(*rule.fail_on) : "never"},
            {"new_only", rule.counts == GateRule::Counts::new_only},
            {"min_grade", rule.min_grade ? Json(*rule.min_grade) : Json(nullptr)},
            {"require_coverage", rule.coverage == GateRule::Coverage::required}}}};
}

Json gate_schema() {
  return p::answer(
      {{"scan_id", p::text("The scan.")},
       {"pass", p::boolean("True only if everything that the rule asks is known and holds.")},
       {"conclusion", p::one_of("inconclusive: nothing fails, but the scan does not know enough to pass.",
                                {"passed", "failed", "inconclusive"})},
       {"reasons", p::list("Why it does not pass; empty if it does.",
                           p::answer({{"code", p::text("findings, grade, no_grade, coverage or not_completed.")},
                                      {"message", p::text("The same for people.")}}))},
       {"failing",
        p::list("The findings that fail it, critical first; the first " + std::to_string(kFailingShownMax) + ".",
                finding_brief_schema())},
       {"failing_count", p::integer("How many findings fail it.")},
       {"grade", p::nullable(p::text("The scan's grade."))},
       {"rule", p::answer({{"fail_on", p::text("A severity, or never.")},
                           {"new_only", p::boolean("Whether only new and reopened findings counted.")},
                           {"min_grade", p::nullable(p::text("The worst grade that passes."))},
                           {"require_coverage", p::boolean("Whether checks that did not run count.")}},
                          {}, "What was asked of the scan.")}},
      {}, "Whether a scan passes a rule.");
}

std::string gate_summary(const GateVerdict& verdict) {
  std::string text = verdict.conclusion == GateVerdict::Conclusion::passed   ? "The gate passed."
                     : verdict.conclusion == GateVerdict::Conclusion::failed ? "The gate failed:"
                                                                             : "The gate cannot pass:";
  for (const GateReason& reason : verdict.reasons) text += " " + reason.message;
  return text;
}

}  // namespace weir::tools::scans
