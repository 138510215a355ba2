#include "tools/scans/scan_start.h"

#include "base/log.h"
#include "store/scan_pace.h"
#include "tools/concurrency.h"
#include "tools/lookup.h"
#include "tools/targets/target_permissions.h"
#include "tools/targets/target_registration.h"

namespace weir::tools::scans {
namespace {

// Most scans end within this time; for an account that has none to judge by.
constexpr std::chrono::seconds kUsualScanTime{15};
constexpr std::int64_t kNamedTargetsMax = 3;

std::string seconds_text(std::chrono::milliseconds delay) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(delay).count()) + " seconds";
}

Result<void> check_target_idle(const Services& services, const store::TargetRow& target,
                               store::Transaction& transaction) {
  auto active = store::active_scan_of(transaction, target.id);
  if (!active) return std::move(active).error();
  if (*active) {
    return Error(ErrorCode::target_busy, "Scan " + (*active)->id + " of target " + target.id + " is " +
                                             (*active)->status +
                                             "; a target is scanned once at a time. Wait for it with get_scan and "
                                             "wait_seconds, or stop it with cancel_scan.")
        .retry_in(kUsualScanTime);
  }
  if (target.visibility == "loopback" || services.settings.scan_cooldown.count() == 0) return {};
  auto last = store::last_scan_end_of_host(transaction, target.host);
  if (!last) return std::move(last).error();
  const UnixMillis now = services.clock.now();
  if (!*last || **last + services.settings.scan_cooldown <= now) return {};
  const std::chrono::milliseconds left = **last + services.settings.scan_cooldown - now;
  return Error(ErrorCode::target_busy, "Host " + target.host + " was scanned a moment ago and rests for " +
                                           std::to_string(services.settings.scan_cooldown.count()) +
                                           " seconds between scans. Try again in " + seconds_text(left) + ".")
      .retry_in(left);
}

Result<void> check_tier(const Services& services, const CallContext& context, store::Transaction& transaction) {
  const Caller& caller = *context.caller;
  const limits::Tier* tier = services.tiers.find(caller.tier);
  if (tier == nullptr) {
    return Error(ErrorCode::forbidden, "The account's tier \"" + caller.tier + "\" is not in this server's table (" +
                                           services.tiers.names() + "). The operator has to give it another one.");
  }
  if (tier->is_unlimited) return {};

  const UnixMillis now = services.clock.now();
  const ConcurrencyRule at_once{
      .table = store::kScanLeases,
      .noun = "scan",
      .tier = tier->name,
      .at_once = tier->concurrent_scans,
      .what_to_do = "Wait for one with get_scan and wait_seconds, or stop one with cancel_scan.",
      .usual_time = kUsualScanTime};
  if (auto free = check_concurrency(transaction, caller.account_id, at_once, now); !free) return free;

  auto today = store::scans_of_day(transaction, caller.account_id, tier->daily_scans, kDailyQuotaWindow, now);
  if (!today) return std::move(today).error();
  if (today->started < tier->daily_scans) return {};
  const auto left = std::max<std::chrono::milliseconds>(std::chrono::seconds{1},
                                                        today->frees_at.value_or(now + kDailyQuotaWindow) - now);
  return Error(ErrorCode::rate_limit_exceeded,
               "Tier " + tier->name + " starts " + std::to_string(tier->daily_scans) +
                   " scans in 24 hours, and that many have been started. The next one can "
                   "start in " +
                   seconds_text(left) + ".")
      .retry_in(left);
}

Error not_registered(store::Transaction& transaction, const CallContext& context, const egress::Url& url) {
  std::string hint;
  auto similar =
      store::list_targets(transaction, {.account_id = context.caller->account_id, .query = url.host, .tag = ""},
                          {.limit = kNamedTargetsMax, .after_id = ""});
  if (similar) {
    for (const store::TargetRow& target : similar->items) {
      hint += (hint.empty() ? " Registered for a similar host: " : ", ") + target.id + " (" + target.url + ")";
    }
  }
  if (!hint.empty()) hint += ".";
  return Error(ErrorCode::not_found, "No target of this account has the URL " + url.to_text() +
                                         ". Register it with create_target {\"url\": \"" + url.to_text() +
                                         "\", \"attest\": \"...\"}, then scan it." + hint);
}

}  // namespace

Result<store::TargetRow> target_to_scan(store::Transaction& transaction, const CallContext& context,
                                        const Json& arguments) {
  const std::optional<std::string> id = string_member(arguments, "target_id");
  const std::optional<std::string> text = string_member(arguments, "url");
  if (id.has_value() == text.has_value()) {
    const std::string problem = id ? "is given together with url; expected only one of the two"
                                   : "is missing; expected the id of a registered target, or `url` with its URL";
    return Error(ErrorCode::validation_failed, "target_id " + problem + ".").with_field("target_id", problem);
  }
  if (id) return find_target(transaction, context, *id);
  Result<egress::Url> url = parse_target_url(*text, "url");
  if (!url) return std::move(url).error();
  auto target = store::target_by_url(transaction, context.caller->account_id, url->to_text());
  if (!target) return std::move(target).error();
  if (!*target) return not_registered(transaction, context, *url);
  return std::move(**target);
}

Result<store::ScanRow> start_scan(const Services& services, const CallContext& context, const store::TargetRow& target,
                                  const ScanRequest& request, store::Transaction& transaction) {
  if (Result<void> allowed = check_profile_allowed(target, request.strictest); !allowed)
    return std::move(allowed).error();
  if (Result<void> idle = check_target_idle(services, target, transaction); !idle) return std::move(idle).error();
  if (Result<void> admitted = check_tier(services, context, transaction); !admitted) return std::move(admitted).error();

  const UnixMillis now = services.clock.now();
  store::ScanRow scan;
  scan.id = services.ids.make("scn");
  scan.account_id = context.caller->account_id;
  scan.created_by_key = context.caller->key_id;
  scan.target_id = target.id;
  scan.profile = std::string(to_string(request.profile));
  scan.checks = request.checks;
  scan.trigger = context.surface == Surface::mcp ? "mcp" : context.surface == Surface::run ? "run" : "api";
  if (!context.run_id.empty()) scan.run_id = context.run_id;
  if (!request.retest_of.empty()) {
    scan.trigger = "retest";
    scan.retest_of = request.retest_of;
  }
  scan.progress = {{"phase", "queued"}, {"checks_total", request.checks_count}};
  scan.scanner_version = services.settings.version;
  scan.ruleset_version = ruleset_version();
  scan.queued_at = now;
  scan.deadline_at = now + services.settings.scan_deadline;
  scan.updated_at = now;
  if (Result<void> stored = store::insert_scan(transaction, scan); !stored) return std::move(stored).error();

  store::JobRow job;
  job.kind = std::string(kScanJobKind);
  job.resource_id = scan.id;
  job.account_id = scan.account_id;
  job.due_at = now;
  job.deadline_at = scan.deadline_at;
  job.created_at = now;
  if (Result<std::string> queued = services.jobs.enqueue(transaction, std::move(job)); !queued) {
    return std::move(queued).error();
  }
  Result<streaming::Event> event =
      services.events.append(transaction, {.account_id = scan.account_id,
                                           .resource_type = "scan",
                                           .resource_id = scan.id,
                                           .type = "scan.queued",
                                           .data = {{"target_id", target.id},
                                                    {"url", target.url},
                                                    {"profile", scan.profile},
                                                    {"checks_total", request.checks_count}}});
  if (!event) return std::move(event).error();
  return scan;
}

}  // namespace weir::tools::scans
