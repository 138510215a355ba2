#include "tools/scans/catalogue_tools.h"

#include "base/log.h"
#include "tools/lookup.h"
#include "tools/near_match.h"
#include "tools/parameters.h"
#include "tools/scans/scan_request.h"
#include "tools/scans/scan_views.h"

namespace weir::tools::scans {
namespace {

namespace p = parameters;

Json rule_json(const Rule& rule) {
  Json references = Json::array();
  for (const std::string_view reference : rule.references) references.push_back(reference);
  return {{"id", rule.id},
          {"group", rule.group},
          {"title", rule.title},
          {"severity", to_string(rule.severity)},
          {"cwe", rule.cwe == 0 ? Json(nullptr) : Json(rule.cwe)},
          {"asvs", rule.asvs.empty() ? Json(nullptr) : Json(rule.asvs)},
          {"profile", to_string(rule.profile)},
          {"description", rule.description},
          {"detection", rule.detection},
          {"remediation", rule.remediation},
          {"references", std::move(references)}};
}

Json rule_schema() {
  return p::answer({{"id", p::text("The rule's id.")},
                    {"group", p::text("Its group.")},
                    {"title", p::text("What is wrong when it fires.")},
                    {"severity", p::text("Its usual severity.")},
                    {"cwe", p::nullable(p::integer("CWE number."))},
                    {"asvs", p::nullable(p::text("OWASP ASVS 5.0 requirement."))},
                    {"profile", p::text("The smallest profile that runs it.")},
                    {"description", p::text("Why it matters.")},
                    {"detection", p::text("What it looks at.")},
                    {"remediation", p::text("How to mend it.")},
                    {"references", p::list("Further reading.", p::text("A URL."))}},
                   {}, "A check.");
}

Result<ToolResult> list_checks(const Json& arguments) {
  const std::string group = string_or(arguments, "group", "");
  const std::vector<std::string> groups = check_groups();
  if (!group.empty() && std::find(groups.begin(), groups.end(), group) == groups.end()) {
    const std::string near = nearest(group, groups);
    const std::string problem = "is \"" + printable(group, 60) + "\"" +
                                (near.empty() ? "" : "; did you mean " + near + "?") + "; expected one of " +
                                listed(groups);
    return Error(ErrorCode::validation_failed, "group " + problem + ".").with_field("group", problem);
  }
  ToolResult result;
  result.structured = {{"ruleset_version", ruleset_version()}, {"groups", groups}, {"data", Json::array()}};
  for (const Check& check : catalogue()) {
    if (group.empty() || check.rule.group == group) result.structured["data"].push_back(rule_json(check.rule));
  }
  result.summary = std::to_string(result.structured["data"].size()) + " checks; groups: " + listed(groups) + ".";
  return result;
}

Result<ToolResult> list_scan_checks(const Services& services, const CallContext& context, const Json& arguments) {
  auto rows =
      services.database.read_for([&](store::Transaction& transaction) -> Result<std::vector<store::ScanCheckRow>> {
        Result<store::ScanRow> scan = find_scan(transaction, context, string_or(arguments, "scan_id", ""));
        if (!scan) return std::move(scan).error();
        return store::scan_checks(transaction, scan->id);
      });
  if (!rows) return std::move(rows).error();
  ToolResult result;
  result.structured = {{"scan_id", string_or(arguments, "scan_id", "")}, {"data", Json::array()}};
  std::map<std::string, int> by_state;
  for (const store::ScanCheckRow& row : *rows) {
    result.structured["data"].push_back(scan_check_json(row));
    ++by_state[row.state];
  }
  if (rows->empty()) result.summary = "No coverage yet: it is stored when the scan has completed.";
  for (const auto& [state, count] : by_state) {
    result.summary += (result.summary.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  }
  return result;
}

}  // namespace

std::vector<Tool> catalogue_tools(const Services& services) {
  Tool list_all{
      .name = "list_checks",
      .title = "List checks",
      .description =
          "Lists every check that scans can run: what it looks at, how severe it is, how to mend it, and the smallest "
          "profile that includes it. Use it to choose `checks` for a custom scan or to explain a rule. Costs 1 unit.",
      .input_schema = p::arguments(
          {{"group", p::text("Only this group, for example headers.", {.length_min = 1, .length_max = 64})}}),
      .output_schema = p::answer({{"ruleset_version", p::text("Changes whenever a rule does.")},
                                  {"groups", p::list("All groups.", p::text("A group."))},
                                  {"data", p::list("The checks, in the catalogue's order.", rule_schema())}}),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::scans_read,
      .rest = RestRoute{"GET", "/v1/checks", 200},
      .handler = [](const CallContext&, const Json& arguments) { return list_checks(arguments); },
  };
  Tool list_covered{
      .name = "list_scan_checks",
      .title = "List the checks of a scan",
      .description =
          "Says for each check of a completed scan whether it ran, was skipped, failed or did not apply, and why. A "
          "finding "
          "counts as fixed only if its check ran. Costs 1 unit.",
      .input_schema = p::arguments({{"scan_id", p::id("scn", "The scan.")}}, {"scan_id"}),
      .output_schema = p::answer(
          {{"scan_id", p::text("The scan.")}, {"data", p::list("One row for each check.", scan_check_schema())}}),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::scans_read,
      .rest = RestRoute{"GET", "/v1/scans/{scan_id}/checks", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return list_scan_checks(services, context, arguments); },
  };
  return {std::move(list_all), std::move(list_covered)};
}

}  // namespace weir::tools::scans
