#include "server/mcp_offers/scan_resources.h"

#include <algorithm>

#include "server/mcp_offers/change_gate.h"
#include "server/mcp_offers/held_subscription.h"
#include "server/mcp_offers/tool_call.h"

namespace weir::mcp_offers {

namespace {

using tools::Scope;

constexpr std::string_view kScans = "weir://scans/";
constexpr std::string_view kReport = "/report.";
constexpr std::string_view kChecks = "weir://checks/";
constexpr std::string_view kJson = "application/json";
// Cursors: where the checks begin, and what get_report's list says, marked.
constexpr std::string_view kChecksCursor = "checks";
constexpr std::string_view kScansCursor = "scans:";
constexpr int kScansPerPage = 20;
// What a completion looks at; older scans are typed in full.
constexpr int kCompletedScansMax = 100;

Error not_found() { return {ErrorCode::not_found, "There is no such resource."}; }

// Whether an event changes what a report says. Progress does not.
bool changes_report(const streaming::Event& event, const std::string& scan_id, const std::string& target_id) {
  if (event.type.starts_with("finding.")) return string_or(event.data, "target_id", "") == target_id;
  if (event.resource_id != scan_id) return false;
  return event.type != "scan.progress" && event.type != "scan.phase" && event.type != "scan.check.completed";
}

}  // namespace

ScanResources::ScanResources(const tools::Catalog& catalog, streaming::EventHub& hub, TimerQueue& timers)
    : catalog_(catalog), hub_(hub), timers_(timers) {
  const std::vector<Format> known = {{"markdown", "md", "text/markdown", "Report"},
                                     {"sarif", "sarif", "application/sarif+json", "Report as SARIF"},
                                     {"json", "json", std::string(kJson), "Report as JSON"}};
  const tools::Tool* tool = catalog_.find("get_report");
  if (tool == nullptr) return;
  const Json names = tool->input_schema.value("/properties/format/enum"_json_pointer, Json::array());
  std::ranges::copy_if(known, std::back_inserter(formats_), [&](const Format& format) {
    return std::ranges::find(names, Json(format.name)) != names.end();
  });
}

std::optional<ScanResources::Report> ScanResources::report_of(std::string_view uri) const {
  if (!uri.starts_with(kScans)) return std::nullopt;
  uri.remove_prefix(kScans.size());
  const std::size_t end = uri.find(kReport);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const auto format = std::ranges::find(formats_, uri.substr(end + kReport.size()), &Format::extension);
  if (format == formats_.end()) return std::nullopt;
  return Report{std::string(uri.substr(0, end)), &*format};
}

Result<mcp::ResourcePage> ScanResources::list(const tools::CallContext& context, const std::string& cursor) const {
  const bool has_reports =
      context.caller->scopes.allows(Scope::findings_read) && context.caller->scopes.allows(Scope::scans_read);
  if (cursor == kChecksCursor || (cursor.empty() && !has_reports)) return checks_page(context);
  if (!cursor.empty() && !cursor.starts_with(kScansCursor)) {
    return Error(ErrorCode::validation_failed, "The cursor is unknown.");
  }
  return scans_page(context, cursor.empty() ? "" : cursor.substr(kScansCursor.size()));
}

Result<mcp::ResourcePage> ScanResources::scans_page(const tools::CallContext& context,
                                                    const std::string& cursor) const {
  Json arguments{{"limit", kScansPerPage}};
  if (!cursor.empty()) arguments["cursor"] = cursor;
  auto scans = call_now(catalog_, context, "list_scans", std::move(arguments));
  if (!scans) return std::move(scans).error();
  mcp::ResourcePage page;
  for (const Json& scan : scans->structured["data"]) {
    const std::string id = string_or(scan, "id", "");
    for (const Format& format : formats_) {
      page.items.push_back(
          {.uri = std::string(kScans) + id + std::string(kReport) + format.extension,
           .name = id + "/report." + format.extension,
           .title = format.title + " of " + id,
           .description = "A " + string_or(scan, "profile", "") + " scan, " + string_or(scan, "status", "") + ".",
           .media_type = format.media_type});
    }
  }
  const auto next = string_member(scans->structured, "next_cursor");
  page.next_cursor = next ? std::string(kScansCursor) + *next : std::string(kChecksCursor);
  return page;
}

Result<mcp::ResourcePage> ScanResources::checks_page(const tools::CallContext& context) const {
  mcp::ResourcePage page;
  if (!context.caller->scopes.allows(Scope::scans_read)) return page;
  auto checks = call_now(catalog_, context, "list_checks", Json::object());
  if (!checks) return std::move(checks).error();
  for (const Json& check : checks->structured["data"]) {
    const std::string id = string_or(check, "id", "");
    page.items.push_back({.uri = std::string(kChecks) + id,
                          .name = id,
                          .title = string_or(check, "title", ""),
                          .description = string_or(check, "detection", ""),
                          .media_type = std::string(kJson)});
  }
  return page;
}

std::vector<mcp::ResourceTemplate> ScanResources::templates() const {
  std::vector<mcp::ResourceTemplate> all;
  for (const Format& format : formats_) {
    all.push_back({.uri_template = std::string(kScans) + "{scan_id}" + std::string(kReport) + format.extension,
                   .name = "scan_report_" + format.extension,
                   .title = format.title,
                   .description = "The whole report of a scan; get_report shortens it for models.",
                   .media_type = format.media_type});
  }
  all.push_back({.uri_template = std::string(kChecks) + "{check_id}",
                 .name = "check",
                 .title = "Check",
                 .description = "What a check looks at, why it matters and how to mend what it finds.",
                 .media_type = std::string(kJson)});
  return all;
}

Scope ScanResources::scope_of(std::string_view uri) const {
  return uri.starts_with(kChecks) ? Scope::scans_read : Scope::findings_read;
}

Result<std::vector<mcp::ResourceContent>> ScanResources::read(const tools::CallContext& context,
                                                              const std::string& uri) const {
  if (uri.starts_with(kChecks)) return read_check(context, uri);
  const auto report = report_of(uri);
  if (!report) return not_found();
  // Whole: the shortening of get_report is for models.
  tools::CallContext whole = context;
  whole.surface = tools::Surface::rest;
  auto written =
      call_now(catalog_, whole, "get_report", {{"scan_id", report->scan_id}, {"format", report->format->name}});
  if (!written) {
    // An id of a wrong form is as unknown as any other.
    return written.error().code == ErrorCode::validation_failed ? not_found() : std::move(written).error();
  }
  return std::vector<mcp::ResourceContent>{
      {.uri = uri, .media_type = report->format->media_type, .bytes = string_or(written->structured, "text", "")}};
}

Result<std::vector<mcp::ResourceContent>> ScanResources::read_check(const tools::CallContext& context,
                                                                    const std::string& uri) const {
  auto checks = call_now(catalog_, context, "list_checks", Json::object());
  if (!checks) return std::move(checks).error();
  const std::string id = uri.substr(kChecks.size());
  for (const Json& check : checks->structured["data"]) {
    if (string_or(check, "id", "") != id) continue;
    return std::vector<mcp::ResourceContent>{
        {.uri = uri, .media_type = std::string(kJson), .bytes = to_pretty_text(check)}};
  }
  return not_found();
}

Result<std::vector<std::string>> ScanResources::complete(const tools::CallContext& context, const std::string&,
                                                         const mcp::CompletionRequest& request) const {
  if (request.argument == "scan_id") return scan_ids(catalog_, context, request.value);
  if (request.argument == "check_id") return check_ids(catalog_, context, request.value);
  return std::vector<std::string>{};
}

std::shared_ptr<mcp::Watch> ScanResources::watch(const tools::CallContext& context, const std::string& uri,
                                                 std::function<void()> changed) const {
  const auto report = report_of(uri);
  if (!report || !context.caller->scopes.allows(Scope::findings_read)) return nullptr;
  auto scan = call_now(catalog_, context, "get_scan", {{"scan_id", report->scan_id}});
  if (!scan) return nullptr;
  const auto gate = std::make_shared<ChangeGate>(timers_, std::move(changed));
  auto subscription = hub_.subscribe_account(
      context.caller->account_id,
      [gate, scan_id = report->scan_id,
       target_id = string_or(scan->structured, "target_id", "")](const streaming::Published& published) {
        if (changes_report(*published.event, scan_id, target_id)) gate->tell();
      });
  return subscription ? std::make_shared<HeldSubscription>(std::move(subscription)) : nullptr;
}

namespace {

std::vector<std::string> ids_with(const Json& rows, std::string_view typed) {
  std::vector<std::string> found;
  for (const Json& row : rows) {
    std::string id = string_or(row, "id", "");
    if (id.starts_with(typed)) found.push_back(std::move(id));
  }
  return found;
}

}  // namespace

Result<std::vector<std::string>> scan_ids(const tools::Catalog& catalog, const tools::CallContext& context,
                                          std::string_view typed) {
  if (!context.caller->scopes.allows(Scope::scans_read)) return std::vector<std::string>{};
  auto scans = call_now(catalog, context, "list_scans", {{"limit", kCompletedScansMax}});
  if (!scans) return std::move(scans).error();
  return ids_with(scans->structured["data"], typed);
}

Result<std::vector<std::string>> check_ids(const tools::Catalog& catalog, const tools::CallContext& context,
                                           std::string_view typed) {
  if (!context.caller->scopes.allows(Scope::scans_read)) return std::vector<std::string>{};
  auto checks = call_now(catalog, context, "list_checks", Json::object());
  if (!checks) return std::move(checks).error();
  return ids_with(checks->structured["data"], typed);
}

}  // namespace weir::mcp_offers
