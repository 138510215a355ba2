#include "tools/scans/comparison_tools.h"

#include "tools/lookup.h"
#include "tools/parameters.h"
#include "tools/scans/gate.h"
#include "tools/scans/scan_comparison.h"

namespace weir::tools::scans {
namespace {

namespace p = parameters;

Error wrong_baseline(const std::string& problem) {
  return Error(ErrorCode::validation_failed, "baseline_id " + problem + ".").with_field("baseline_id", problem);
}

Error not_ended(const store::ScanRow& scan, std::string_view what_for) {
  return Error(ErrorCode::conflict, "Scan " + scan.id + " is " + scan.status + " and can be " + std::string(what_for) +
                                        " once it has ended. Wait for it with get_scan and wait_seconds.");
}

Result<store::ScanRow> completed_scan(store::Transaction& transaction, const CallContext& context,
                                      std::string_view id) {
  Result<store::ScanRow> scan = find_scan(transaction, context, id);
  if (!scan || scan->status == "completed") return scan;
  if (!store::is_terminal_scan_status(scan->status)) return not_ended(*scan, "compared");
  return Error(ErrorCode::conflict, "Scan " + scan->id + " is " + scan->status +
                                        ", so it has no result to compare. Start another with create_scan.");
}

Result<std::optional<store::ScanRow>> baseline_named(store::Transaction& transaction, const CallContext& context,
                                                     const store::ScanRow& scan, const Json& arguments) {
  const std::optional<std::string> id = string_member(arguments, "baseline_id");
  if (!id) return std::optional<store::ScanRow>();
  Result<store::ScanRow> baseline = completed_scan(transaction, context, *id);
  if (!baseline) return std::move(baseline).error();
  if (baseline->target_id != scan.target_id) {
    return wrong_baseline("is scan " + baseline->id + " of target " + baseline->target_id +
                          "; expected a scan of target " + scan.target_id + ", like scan " + scan.id);
  }
  if (baseline->id >= scan.id) {
    return wrong_baseline(baseline->id == scan.id ? "is the scan itself; expected an earlier one of the same target"
                                                  : "is newer than scan " + scan.id +
                                                        "; expected an earlier one, so give them the other way round");
  }
  return std::optional<store::ScanRow>(std::move(*baseline));
}

std::string comparison_summary(const Json& counts, const std::optional<std::string>& baseline_id) {
  std::string text;
  for (const std::string_view state : kDiffStates) {
    text += (text.empty() ? "" : ", ") + std::to_string(integer_or(counts, state, 0)) + " " +
            (state == "not_tested" ? "not tested" : std::string(state));
  }
  return text +
         (baseline_id ? ", compared with scan " + *baseline_id + "." : "; there is no earlier scan to compare with.");
}

Result<ToolResult> compare(const Services& services, const CallContext& context, const Json& arguments) {
  std::optional<std::string> baseline_id;
  auto answer = services.database.read_for([&](store::Transaction& transaction) -> Result<Json> {
    Result<store::ScanRow> scan = completed_scan(transaction, context, string_or(arguments, "scan_id", ""));
    if (!scan) return std::move(scan).error();
    auto baseline = baseline_named(transaction, context, *scan, arguments);
    if (!baseline) return std::move(baseline).error();
    Result<ScanComparison> comparison = compare_scans(transaction, *scan, *baseline);
    if (!comparison) return std::move(comparison).error();
    baseline_id = *baseline ? std::optional((*baseline)->id) : scan->baseline_scan_id;
    return comparison_json(*scan, baseline_id, *comparison);
  });
  if (!answer) return std::move(answer).error();
  ToolResult result;
  result.summary = comparison_summary((*answer)["counts"], baseline_id);
  result.structured = std::move(*answer);
  return result;
}

Result<ToolResult> check(const Services& services, const CallContext& context, const Json& arguments) {
  const GateRule rule = gate_rule_of(arguments);
  ToolResult result;
  const auto judged = services.database.read_for([&](store::Transaction& transaction) -> Result<bool> {
    Result<store::ScanRow> scan = find_scan(transaction, context, string_or(arguments, "scan_id", ""));
    if (!scan) return std::move(scan).error();
    if (!store::is_terminal_scan_status(scan->status)) return not_ended(*scan, "judged");
    auto findings = store::findings_of_scan(transaction, scan->id);
    if (!findings) return std::move(findings).error();
    const GateVerdict verdict = judge(rule, *scan, *findings);
    result.structured = gate_json(*scan, rule, verdict);
    result.summary = gate_summary(verdict);
    return true;
  });
  if (!judged) return judged.error();
  return result;
}

Tool compare_scans_tool(const Services& services) {
  return {
      .name = "compare_scans",
      .title = "Compare two scans",
      .description =
          "Says what changed at a target between an earlier scan and this one: new, reopened, recurring, fixed and not "
          "tested findings, each in one line, with counts. Without baseline_id the comparison is with everything known "
          "before, as in the scan's counts. A finding is fixed only if its rule ran again. Both scans must have "
          "completed. Costs 1 unit. Next: get_finding for one of them, or check_gate for pass or fail.",
      .input_schema = p::arguments(
          {{"scan_id", p::id("scn", "The newer scan.")},
           {"baseline_id", p::id("scn", "An earlier completed scan of the same target, to compare with instead.")}},
          {"scan_id"}),
      .output_schema = comparison_schema(),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::findings_read,
      .rest = RestRoute{"GET", "/v1/scans/{scan_id}/diff", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return compare(services, context, arguments); },
  };
}

Tool check_gate_tool(const Services& services) {
  return {
      .name = "check_gate",
      .title = "Check a scan against a rule",
      .description =
          "Says whether a scan passes: no finding at least as severe as fail_on, a grade of at least min_grade, and "
          "every "
          "check has run. Findings that a person accepted or marked false positive do not count. The answer is data, "
          "never an error: read `pass` and `reasons`. Costs 1 unit. Over REST a plus is written %2B: min_grade=A%2B.",
      .input_schema = p::arguments(
          {{"scan_id", p::id("scn", "A scan that has ended.")},
           {"fail_on",
            p::with_default(p::one_of("Findings of this severity or worse fail it; never: findings do not matter.",
                                      {"critical", "high", "medium", "low", "info", "never"}),
                            "high")},
           {"new_only", p::with_default(p::boolean("Only findings that are new or reopened count."), false)},
           {"min_grade", p::one_of("A worse grade fails it.", {"A+", "A", "B", "C", "D", "F"})},
           {"require_coverage", p::with_default(p::boolean("A scan whose checks did not all run cannot pass."), true)}},
          {"scan_id"}),
      .output_schema = gate_schema(),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::findings_read,
      .rest = RestRoute{"GET", "/v1/scans/{scan_id}/gate", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return check(services, context, arguments); },
  };
}

}  // namespace

std::vector<Tool> comparison_tools(const Services& services) {
  return {compare_scans_tool(services), check_gate_tool(services)};
}

}  // namespace weir::tools::scans
