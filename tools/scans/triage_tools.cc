#include "tools/scans/triage_tools.h"

#include "store/finding_history.h"
#include "tools/lookup.h"
#include "tools/parameters.h"
#include "tools/scans/finding_status.h"
#include "tools/scans/scan_views.h"

namespace weir::tools::scans {
namespace {

namespace p = parameters;

constexpr std::int64_t kReasonCharsMax = 500;
constexpr std::int64_t kHistoryDefault = 50;
constexpr std::int64_t kHistoryMax = 200;

Json time_or_null(const std::optional<UnixMillis>& time) { return time ? Json(to_rfc3339(*time)) : Json(nullptr); }
Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json changed_json(const StatusChange& change) {
  const store::FindingRow& finding = change.finding;
  Json answer = finding_json({.finding = finding, .occurrence = {}});
  answer["previous_status"] = change.from;
  answer["changed"] = change.is_changed;
  answer["status_reason"] = text_or_null(finding.status_reason);
  answer["status_by"] = text_or_null(finding.status_by);
  answer["accepted_until"] = time_or_null(finding.accepted_until);
  answer["fixed_at"] = time_or_null(finding.fixed_at);
  return answer;
}

Json changed_schema() {
  Json schema = finding_schema();
  const p::Members more = {
      {"previous_status", p::text("The status before.")},
      {"changed", p::boolean("False if it was so already, and nothing was written.")},
      {"status_reason", p::nullable(p::text("Why it has its status."))},
      {"status_by", p::nullable(p::text("Who gave it: a key, a run or a scan."))},
      {"accepted_until", p::nullable(p::time("End of an accepted risk; the next scan that sees it reopens it then."))},
      {"fixed_at", p::nullable(p::time("When it was fixed."))},
  };
  for (const auto& [name, member] : more) {
    schema["properties"][name] = member;
    schema["required"].push_back(name);
  }
  schema["description"] = "The finding as it is now.";
  return schema;
}

Result<ToolResult> update_status(const Services& services, const CallContext& context, const Json& arguments) {
  const Result<StatusWish> wish = status_wish_of(arguments, services.clock.now());
  if (!wish) return wish.error();
  auto change = services.database.write_for([&](store::Transaction& transaction) -> Result<StatusChange> {
    Result<store::FindingRow> finding = find_finding(transaction, context, string_or(arguments, "finding_id", ""));
    if (!finding) return std::move(finding).error();
    return change_status(services, context, std::move(*finding), *wish, transaction);
  });
  if (!change) return std::move(change).error();
  ToolResult result;
  result.structured = changed_json(*change);
  result.summary = "Finding " + change->finding.id + " (" + change->finding.rule_id + ") " +
                   (change->is_changed ? "was " + change->from + " and is now " + change->finding.status
                                       : "is " + change->finding.status + " already; nothing was changed");
  if (change->finding.accepted_until) result.summary += " until " + to_rfc3339(*change->finding.accepted_until);
  result.summary += ".";
  return result;
}

Result<ToolResult> history(const Services& services, const CallContext& context, const Json& arguments) {
  const std::int64_t limit = integer_or(arguments, "limit", kHistoryDefault);
  ToolResult result;
  const auto read = services.database.read_for([&](store::Transaction& transaction) -> Result<bool> {
    Result<store::FindingRow> finding = find_finding(transaction, context, string_or(arguments, "finding_id", ""));
    if (!finding) return std::move(finding).error();
    // One more than is shown tells whether there is more.
    auto changes = store::finding_events(transaction, finding->id, limit + 1);
    if (!changes) return std::move(changes).error();
    auto scans = store::occurrences_of(transaction, finding->id, limit);
    if (!scans) return std::move(scans).error();
    const bool is_truncated = changes->size() > static_cast<std::size_t>(limit);
    if (is_truncated) changes->erase(changes->begin());
    Json rows = Json::array();
    for (const store::FindingEventRow& change : *changes) {
      rows.push_back({{"from", text_or_null(change.from)},
                      {"to", change.to},
                      {"by", change.by},
                      {"note", text_or_null(change.note)},
                      {"at", to_rfc3339(change.at)}});
    }
    Json seen = Json::array();
    for (const store::OccurrenceRow& scan : *scans) {
      seen.push_back({{"scan_id", scan.scan_id}, {"diff_state", scan.diff_state}});
    }
    result.summary = "Finding " + finding->id + " (" + finding->rule_id + ") is " + finding->status + " after " +
                     std::to_string(rows.size()) + (rows.size() == 1 ? " change" : " changes") +
                     " of its status, seen or " + "looked for by " + std::to_string(seen.size()) +
                     (seen.size() == 1 ? " scan." : " scans.");
    result.structured = {{"finding_id", finding->id},
                         {"status", finding->status},
                         {"data", std::move(rows)},
                         {"scans", std::move(seen)},
                         {"reopened_count", finding->reopened_count},
                         {"is_truncated", is_truncated}};
    return true;
  });
  if (!read) return read.error();
  return result;
}

Tool update_finding_status_tool(const Services& services) {
  return {
      .name = "update_finding_status",
      .title = "Change a finding's status",
      .description =
          "Records a decision about a finding: in_progress, fixed, accepted_risk (needs reason; until, or else 90 "
          "days), false_positive (needs "
          "reason), or open to take such a decision back. Decisions outlast scans; only an expired acceptance, or a "
          "fixed "
          "finding that is seen again, is reopened by a scan. To learn whether something is fixed, do not guess: call "
          "create_scan with finding_ids. Accepting a risk is a person's decision: ask the user first. Costs 1 unit.",
      .input_schema = p::arguments(
          {{"finding_id", p::id("fnd", "The finding.")},
           {"status",
            p::one_of("What it becomes.", {"open", "in_progress", "fixed", "accepted_risk", "false_positive"})},
           {"reason", p::text("Why, for those who come after; needed for accepted_risk and false_positive.",
                              {.length_min = 1, .length_max = kReasonCharsMax})},
           {"until",
            p::text("Only with accepted_risk: when the acceptance ends, RFC 3339 in UTC; in 90 days if left out.",
                    {.length_min = 1, .length_max = 40})}},
          {"finding_id", "status"}),
      .output_schema = changed_schema(),
      .annotations = {.is_idempotent = true},
      .scope = Scope::findings_write,
      .rest = RestRoute{"PATCH", "/v1/findings/{finding_id}", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return update_status(services, context, arguments); },
  };
}

Tool get_finding_history_tool(const Services& services) {
  return {
      .name = "get_finding_history",
      .title = "Get a finding's history",
      .description =
          "Reads how the status of a finding moved, oldest first, with who moved it and why, and which scans saw it, "
          "newest first. get_finding has the same beside evidence and remediation, but the newest 50 only. Costs 1 "
          "unit.",
      .input_schema =
          p::arguments({{"finding_id", p::id("fnd", "The finding.")},
                        {"limit", p::with_default(p::integer("At most this many changes, and this many scans.",
                                                             {.minimum = 1, .maximum = kHistoryMax}),
                                                  kHistoryDefault)}},
                       {"finding_id"}),
      .output_schema = p::answer(
          {{"finding_id", p::text("The finding.")},
           {"status", p::text("What it is now.")},
           {"data",
            p::list("The changes, oldest first.",
                    p::answer({{"from", p::nullable(p::text("Status before; null: it was seen for the first time."))},
                               {"to", p::text("Status after.")},
                               {"by", p::text("Who: a key, a run or a scan.")},
                               {"note", p::nullable(p::text("Why."))},
                               {"at", p::time("When.")}}))},
           {"scans",
            p::list("The scans that looked for it, newest first.",
                    p::answer({{"scan_id", p::text("The scan.")}, {"diff_state", p::text("How it saw it.")}}))},
           {"reopened_count", p::integer("How often it came back.")},
           {"is_truncated", p::boolean("True if older changes are not shown.")}}),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::findings_read,
      .rest = RestRoute{"GET", "/v1/findings/{finding_id}/history", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return history(services, context, arguments); },
  };
}

}  // namespace

std::vector<Tool> triage_tools(const Services& services) {
  return {update_finding_status_tool(services), get_finding_history_tool(services)};
}

}  // namespace weir::tools::scans
