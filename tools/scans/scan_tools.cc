#include "tools/scans/scan_tools.h"

#include "tools/idempotency.h"
#include "tools/lookup.h"
#include "tools/paging.h"
#include "tools/parameters.h"
#include "tools/scans/retest.h"
#include "tools/scans/scan_cancel.h"
#include "tools/scans/scan_request.h"
#include "tools/scans/scan_start.h"
#include "tools/scans/scan_views.h"
#include "tools/targets/target_permissions.h"

namespace weir::tools::scans {
namespace {

namespace p = parameters;

ToolResult scan_result(const store::ScanRow& scan) {
  ToolResult result;
  result.structured = scan_json(scan);
  result.summary = scan_summary(scan);
  return result;
}

Result<ToolResult> read_scan(const Services& services, const CallContext& context, const std::string& id) {
  auto scan =
      services.database.read_for([&](store::Transaction& transaction) { return find_scan(transaction, context, id); });
  if (!scan) return std::move(scan).error();
  return scan_result(*scan);
}

// Answers now, or once the scan has ended or `wait_seconds` have passed.
Result<ToolResult> answer_or_wait(const Services& services, const CallContext& context, const Json& arguments,
                                  ToolResult now) {
  const std::int64_t seconds = integer_or(arguments, "wait_seconds", 0);
  if (seconds <= 0 || store::is_terminal_scan_status(string_or(now.structured, "status", ""))) return now;
  const std::string id = string_or(now.structured, "id", "");
  now.waiting = Waiting{.resource_id = id,
                        .timeout = std::chrono::seconds{seconds},
                        .finish = [&services, context, id] { return read_scan(services, context, id); }};
  return now;
}

Result<ToolResult> create_scan(const Services& services, const CallContext& context, const Json& arguments) {
  Result<ScanRequest> request = is_retest(arguments) ? ScanRequest{} : scan_request_of(arguments);
  if (!request) return std::move(request).error();
  // How long the caller waits is no part of what it asks for.
  Result<ClientToken> token = client_token_of(context, arguments, {"wait_seconds"});
  if (!token) return std::move(token).error();

  std::string summary;
  const auto create = [&](store::Transaction& transaction) -> Result<Json> {
    Result<store::TargetRow> target = Error(ErrorCode::internal, "");
    if (is_retest(arguments)) {
      Result<Retest> retest = read_retest(transaction, context, arguments);
      if (!retest) return std::move(retest).error();
      target = std::move(retest->target);
      request = std::move(retest->request);
    } else {
      target = target_to_scan(transaction, context, arguments);
    }
    if (!target) return std::move(target).error();
    Result<store::ScanRow> scan = start_scan(services, context, *target, *request, transaction);
    if (!scan) return std::move(scan).error();
    summary = scan_summary(*scan);
    return scan_json(*scan);
  };
  auto made = services.database.write_for([&](store::Transaction& transaction) {
    return create_once(transaction, context, *token, "create_scan", services.clock.now(), create);
  });
  if (!made) return std::move(made).error();
  ToolResult result;
  result.structured = std::move(made->answer);
  result.is_replayed = made->is_replayed;
  result.summary = made->is_replayed
                       ? "This request was answered before: scan " + string_or(result.structured, "id", "") +
                             ". Call get_scan for where it stands now."
                       : summary;
  return answer_or_wait(services, context, arguments, std::move(result));
}

Result<ToolResult> get_scan(const Services& services, const CallContext& context, const Json& arguments) {
  Result<ToolResult> now = read_scan(services, context, string_or(arguments, "scan_id", ""));
  if (!now) return now;
  return answer_or_wait(services, context, arguments, std::move(*now));
}

Result<ToolResult> list_scans(const Services& services, const CallContext& context, const Json& arguments) {
  Result<store::PageRequest> page = page_request(arguments, "scn");
  if (!page) return std::move(page).error();
  const std::string target_id = string_or(arguments, "target_id", "");
  auto scans = services.database.read_for([&](store::Transaction& transaction) -> Result<store::Page<store::ScanRow>> {
    if (!target_id.empty()) {
      if (Result<store::TargetRow> target = find_target(transaction, context, target_id); !target) {
        return std::move(target).error();
      }
    }
    return store::list_scans(transaction,
                             {.account_id = context.caller->account_id,
                              .target_id = target_id,
                              .status = string_or(arguments, "status", ""),
                              .run_id = string_or(arguments, "run_id", "")},
                             *page);
  });
  if (!scans) return std::move(scans).error();
  ToolResult result;
  result.structured = {{"data", Json::array()}, {"next_cursor", next_cursor(scans->next_after_id)}};
  for (const store::ScanRow& scan : scans->items) result.structured["data"].push_back(scan_json(scan));
  result.summary = scans->items.empty() ? "No scans." : std::to_string(scans->items.size()) + " scans, newest first.";
  return result;
}

Result<ToolResult> cancel_scan(const Services& services, const CallContext& context, const Json& arguments) {
  auto scan = services.database.write_for([&](store::Transaction& transaction) {
    return request_cancellation(services, context, string_or(arguments, "scan_id", ""), transaction);
  });
  if (!scan) return std::move(scan).error();
  return scan_result(*scan);
}

Result<ToolResult> estimate_scan(const Services& services, const CallContext& context, const Json& arguments) {
  Result<ScanRequest> request = scan_request_of(arguments);
  if (!request) return std::move(request).error();
  Json allowed = nullptr;
  Json reason = nullptr;
  if (arguments.contains("target_id") || arguments.contains("url")) {
    auto target = services.database.read_for(
        [&](store::Transaction& transaction) { return target_to_scan(transaction, context, arguments); });
    if (!target) return std::move(target).error();
    Result<void> permitted = check_profile_allowed(*target, request->strictest);
    allowed = permitted.has_value();
    if (!permitted) reason = permitted.error().message;
  }
  const Budget& budget = request->budget;
  const auto seconds = static_cast<std::int64_t>(budget.http_requests_max / budget.requests_per_second);
  ToolResult result;
  result.structured = {
      {"profile", to_string(request->profile)},
      {"checks", request->checks_count},
      {"http_requests_max", budget.http_requests_max},
      {"tcp_connects_max", budget.tcp_connects_max},
      {"requests_per_second", budget.requests_per_second},
      {"seconds_max", std::min<std::int64_t>(seconds, services.settings.scan_deadline.count())},
      {"allowed", allowed},
      {"reason", reason},
  };
  result.summary = "A " + std::string(to_string(request->profile)) + " scan runs " +
                   std::to_string(request->checks_count) + " checks with at most " +
                   std::to_string(budget.http_requests_max) + " requests.";
  if (reason.is_string()) result.summary += " " + reason.get<std::string>();
  return result;
}

Json profile_parameter() {
  return p::with_default(p::one_of("How deep: passive looks at ordinary pages only (about 20 requests); quick adds "
                                   "probes for common mistakes; full "
                                   "runs every check; custom runs just `checks`.",
                                   {"passive", "quick", "full", "custom"}),
                         "quick");
}

Json checks_parameter() {
  return p::list("Run only these: ids or groups from list_checks. Needed for profile custom.",
                 p::text("A check's id or a group.", {.length_min = 1, .length_max = 64}), 100);
}

Json wait_parameter() {
  return p::with_default(p::integer("Answer once the scan has ended, or after this many seconds; 0 answers at once.",
                                    {.minimum = 0, .maximum = kWaitSecondsMax}),
                         0);
}

p::Members target_parameters() {
  return {{"target_id", p::id("tgt", "The registered target; or give `url`.")},
          {"url", p::text("The URL of a registered target, instead of target_id.",
                          {.length_min = 1, .length_max = static_cast<std::int64_t>(egress::kUrlBytesMax)})}};
}

Tool create_scan_tool(const Services& services) {
  p::Members inputs = target_parameters();
  inputs.emplace_back("profile", profile_parameter());
  inputs.emplace_back("checks", checks_parameter());
  inputs.emplace_back("retest_of", p::id("scn",
                                         "A completed scan: look again at what it saw, with only the rules of those "
                                         "findings. No target, profile or checks are needed then."));
  inputs.emplace_back("finding_ids", p::list("Look again at these findings only; alone, or with retest_of.",
                                             p::id("fnd", "A finding."), kRetestFindingsMax));
  inputs.emplace_back("wait_seconds", wait_parameter());
  inputs.emplace_back("client_token",
                      p::text("Makes a repetition of this very request safe for 24 hours; any unique text.",
                              {.length_min = 1, .length_max = 128}));
  return {
      .name = "create_scan",
      .title = "Start a scan",
      .description =
          "Starts a security scan of a registered target and returns it at once, or when it has ended if wait_seconds "
          "is "
          "given (a passive or quick scan usually ends within 30 seconds). It observes and never exploits. One scan "
          "per "
          "target at a time. To see whether findings are fixed, give finding_ids or retest_of instead of a "
          "target: only their rules run. Costs 1 unit, whatever its length. Next: get_scan with wait_seconds until "
          "status is "
          "completed, then list_findings or get_report.",
      .input_schema = p::arguments(inputs),
      .output_schema = scan_schema(),
      .annotations = {.is_open_world = true},
      .scope = Scope::scans_run,
      .starts_scan = true,
      .rest = RestRoute{"POST", "/v1/scans", 202},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return create_scan(services, context, arguments); },
  };
}

Tool get_scan_tool(const Services& services) {
  return {
      .name = "get_scan",
      .title = "Get a scan",
      .description =
          "Reads one scan: status, progress, counts, score and grade. With wait_seconds it answers when the scan has "
          "ended, which is better than asking again and again. Costs 1 unit. Next, once completed: list_findings or "
          "get_report.",
      .input_schema =
          p::arguments({{"scan_id", p::id("scn", "The scan.")}, {"wait_seconds", wait_parameter()}}, {"scan_id"}),
      .output_schema = scan_schema(),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::scans_read,
      .rest = RestRoute{"GET", "/v1/scans/{scan_id}", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return get_scan(services, context, arguments); },
  };
}

Tool list_scans_tool(const Services& services) {
  p::Members inputs = {
      {"target_id", p::id("tgt", "Only scans of this target.")},
      {"status", p::one_of("Only scans with this status.",
                           {"queued", "running", "cancelling", "completed", "failed", "cancelled", "timed_out"})},
      {"run_id", p::id("run", "Only scans that this agent run started.")}};
  for (auto& member : p::page_members()) inputs.push_back(std::move(member));
  return {
      .name = "list_scans",
      .title = "List scans",
      .description = "Lists scans of this account, newest first, with status, counts and grade. Costs 1 unit.",
      .input_schema = p::arguments(inputs),
      .output_schema = p::page_answer("A page of scans.", scan_schema()),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::scans_read,
      .rest = RestRoute{"GET", "/v1/scans", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return list_scans(services, context, arguments); },
  };
}

Tool cancel_scan_tool(const Services& services) {
  return {
      .name = "cancel_scan",
      .title = "Cancel a scan",
      .description =
          "Stops a queued scan at once and a running one within a second (it is `cancelling` until then). What it had "
          "seen is dropped. A scan that has ended otherwise cannot be cancelled. Costs 1 unit.",
      .input_schema = p::arguments({{"scan_id", p::id("scn", "The scan.")}}, {"scan_id"}),
      .output_schema = scan_schema(),
      .annotations = {.is_idempotent = true},
      .scope = Scope::scans_run,
      .rest = RestRoute{"POST", "/v1/scans/{scan_id}/cancel", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return cancel_scan(services, context, arguments); },
  };
}

Tool estimate_scan_tool(const Services& services) {
  p::Members inputs = target_parameters();
  inputs.emplace_back("profile", profile_parameter());
  inputs.emplace_back("checks", checks_parameter());
  return {
      .name = "estimate_scan",
      .title = "Estimate a scan",
      .description =
          "Says how many checks and at most how many requests and seconds a scan would take, and with a target whether "
          "it "
          "would be allowed. Starts nothing and touches no host. Costs 1 unit.",
      .input_schema = p::arguments(inputs),
      .output_schema = p::answer(
          {{"profile", p::text("The profile.")},
           {"checks", p::integer("Checks that would run.")},
           {"http_requests_max", p::integer("HTTP requests at most.")},
           {"tcp_connects_max", p::integer("Further connections at most.")},
           {"requests_per_second", p::number("Requests per second at most.")},
           {"seconds_max", p::integer("Seconds at most, if the target answers at once.")},
           {"allowed", p::nullable(p::boolean("Whether the target may be scanned so; null without a target."))},
           {"reason", p::nullable(p::text("Why not."))}}),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::scans_read,
      .rest = RestRoute{"GET", "/v1/scans/estimate", 200},
      .handler = [&services](const CallContext& context,
                             const Json& arguments) { return estimate_scan(services, context, arguments); },
  };
}

}  // namespace

std::vector<Tool> scan_tools(const Services& services) {
  return {create_scan_tool(services), get_scan_tool(services), list_scans_tool(services), cancel_scan_tool(services),
          estimate_scan_tool(services)};
}

}  // namespace weir::tools::scans
