#include "tools/events/event_tools.h"

#include "tools/events/event_pages.h"
#include "tools/lookup.h"

namespace weir::tools {
namespace {

namespace p = parameters;

Result<ToolResult> list_events(const Services& services, const CallContext& context, const Json& arguments) {
  const std::string scan_id = string_or(arguments, "scan_id", "");
  if (scan_id.empty()) {
    return event_page(services.events, {.kind = streaming::Feed::Kind::account, .id = context.caller->account_id}, "",
                      arguments, context.caller->scopes.allows(Scope::runs_read) ? "" : "run");
  }
  const Result<void> found = services.database.read([&](store::Transaction& transaction) -> Result<void> {
    Result<store::ScanRow> scan = find_scan(transaction, context, scan_id);
    if (!scan) return std::move(scan).error();
    return {};
  });
  if (!found) return found.error();
  return event_page(services.events, {.kind = streaming::Feed::Kind::resource, .id = scan_id}, "", arguments);
}

}  // namespace

std::vector<Tool> event_tools(const Services& services) {
  p::Members arguments = {{"scan_id", p::id("scn", "Only the events of this scan; all of the account if left out.")}};
  for (auto& member : event_page_members()) arguments.push_back(std::move(member));
  return {{
      .name = "list_events",
      .title = "List events",
      .description =
          "Lists what has happened, oldest first: scans that started, progressed and ended, findings that appeared "
          "or were fixed. For callers that cannot keep an event stream open; to wait for one scan, get_scan with "
          "wait_seconds costs less. Costs one unit.",
      .input_schema = p::arguments(arguments),
      .output_schema = event_page_schema(),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::scans_read,
      .rest = std::nullopt,  // GET /v1/events answers the same as JSON
      .handler = [&services](const CallContext& context,
                             const Json& given) { return list_events(services, context, given); },
  }};
}

}  // namespace weir::tools
