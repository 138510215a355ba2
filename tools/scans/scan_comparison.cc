#include "tools/scans/scan_comparison.h"

#include <map>
#include <set>

#include "tools/parameters.h"
#include "tools/scans/finding_brief.h"

namespace weir::tools::scans {
namespace {

namespace p = parameters;

using Seen = std::vector<store::FindingWithOccurrence>;

std::map<std::string, std::string> states_of(const Seen& findings) {
  std::map<std::string, std::string> states;
  for (const store::FindingWithOccurrence& row : findings) states.emplace(row.finding.id, row.occurrence.diff_state);
  return states;
}

std::string state_or_empty(const std::map<std::string, std::string>& states, const std::string& id) {
  const auto found = states.find(id);
  return found == states.end() ? "" : found->second;
}

// A finding that this scan saw, against what the baseline said of it. Scan ids are in the order of queueing.
std::string state_against(const std::string& baseline_id, const std::string& before, const store::FindingRow& finding) {
  if (is_seen_state(before) || before == "not_tested") return "recurring";
  return finding.first_seen_scan > baseline_id ? "new" : "reopened";
}

}  // namespace

Result<ScanComparison> compare_scans(store::Transaction& transaction, const store::ScanRow& scan,
                                     const std::optional<store::ScanRow>& baseline) {
  auto now = store::findings_of_scan(transaction, scan.id);
  if (!now) return std::move(now).error();
  ScanComparison comparison;
  if (!baseline) {
    for (store::FindingWithOccurrence& row : *now) {
      comparison.findings.emplace_back(std::move(row.occurrence.diff_state), std::move(row.finding));
    }
    return comparison;
  }

  auto then = store::findings_of_scan(transaction, baseline->id);
  if (!then) return std::move(then).error();
  auto checks = store::scan_checks(transaction, scan.id);
  if (!checks) return std::move(checks).error();
  std::set<std::string> ran;
  for (const store::ScanCheckRow& check : *checks) {
    if (check.state == "ran") ran.insert(check.check_id);
  }
  const std::map<std::string, std::string> states_then = states_of(*then);
  std::set<std::string> seen;
  for (store::FindingWithOccurrence& row : *now) {
    if (!is_seen_state(row.occurrence.diff_state)) continue;
    seen.insert(row.finding.id);
    std::string state = state_against(baseline->id, state_or_empty(states_then, row.finding.id), row.finding);
    comparison.findings.emplace_back(std::move(state), std::move(row.finding));
  }
  for (store::FindingWithOccurrence& row : *then) {
    if (row.occurrence.diff_state == "fixed" || seen.contains(row.finding.id)) continue;
    std::string state = ran.contains(row.finding.rule_id) ? "fixed" : "not_tested";
    comparison.findings.emplace_back(std::move(state), std::move(row.finding));
  }
  return comparison;
}

Json comparison_json(const store::ScanRow& scan, const std::optional<std::string>& baseline_id,
                     const ScanComparison& comparison) {
  Json answer = {{"scan_id", scan.id},
                 {"target_id", scan.target_id},
                 {"baseline_id", baseline_id ? Json(*baseline_id) : Json(nullptr)},
                 {"counts", Json::object()},
                 {"is_truncated", false}};
  for (const std::string_view state : kDiffStates) {
    const std::string name(state);
    Json shown = Json::array();
    std::int64_t count = 0;
    for (const auto& [found, finding] : comparison.findings) {
      if (found != state) continue;
      ++count;
      if (shown.size() < kDiffShownMax)
        shown.push_back(finding_brief_json(finding));
      else
        answer["is_truncated"] = true;
    }
    answer["counts"][name] = count;
    answer[name] = std::move(shown);
  }
  return answer;
}

Json comparison_schema() {
  p::Members counts;
  p::Members members = {
      {"scan_id", p::text("The scan.")},
      {"target_id", p::text("The target of both scans.")},
      {"baseline_id", p::nullable(p::text("The scan that it is compared with; null: none came before it."))},
  };
  const std::vector<std::pair<std::string, std::string>> described = {
      {"new", "Seen for the first time."},
      {"reopened", "Were gone and are there again."},
      {"recurring", "Were there before and still are."},
      {"fixed", "Are gone: their rule ran and no longer saw them."},
      {"not_tested", "Were open, and their rule did not run this time: nothing is known."},
  };
  for (const auto& [name, description] : described) {
    members.emplace_back(name, p::list(description, finding_brief_schema()));
    counts.emplace_back(name, p::integer("How many."));
  }
  members.emplace_back("counts", p::answer(counts, {}, "How many of each, those that are not shown included."));
  members.emplace_back("is_truncated", p::boolean("True if a list shows its first " + std::to_string(kDiffShownMax) +
                                                  " only; list_findings with scan_id and diff has all of them."));
  return p::answer(members, {}, "A scan compared with an earlier one.");
}

}  // namespace weir::tools::scans
