#include "tools/account/account_tools.h"

#include <memory>

#include "store/leases.h"
#include "store/scan_pace.h"
#include "tools/account/recent_usage.h"
#include "tools/parameters.h"
#include "tools/scans/day_quota.h"

namespace weir::tools {
namespace {

namespace p = parameters;

// Costs one row for each tool that does not cost 1.
Json costs_of(const Services& services, const std::vector<Tool>& tools) {
  Json costs = {{"default", 1}, {"tools", Json::object()}};
  for (const Tool& tool : tools) {
    if (tool.cost != 1) costs["tools"][tool.name] = tool.cost;
  }
  const auto own = services.settings.costs.find("get_quota");
  costs["tools"]["get_quota"] = own == services.settings.costs.end() ? 0 : own->second;
  return costs;
}

std::int64_t unix_seconds(UnixMillis time) { return (to_unix_ms(time) + 999) / 1000; }

Json policies_json(const limits::Decision& decision) {
  Json policies = Json::array();
  for (const limits::PolicyState& state : decision.states) {
    policies.push_back({{"name", state.name},
                        {"limit", state.limit},
                        {"window_s", std::chrono::duration_cast<std::chrono::seconds>(state.window).count()},
                        {"remaining", state.remaining},
                        {"reset", unix_seconds(state.reset_at)}});
  }
  return policies;
}

// How many scans are active and were started today. Not counted for unlimited tiers: nothing depends on it, and the
// most frequent call of a monitoring admin stays without a database read.
// Brings the day in `decision` up to the stored scans.
Result<Json> scans_json(const Services& services, const Caller& caller, const limits::Tier* tier,
                        limits::Decision& decision) {
  if (tier == nullptr || tier->is_unlimited) {
    return Json{{"concurrent_limit", nullptr}, {"active", nullptr}, {"daily_limit", nullptr}, {"started_24h", nullptr}};
  }
  return services.database.read_for([&](store::Transaction& transaction) -> Result<Json> {
    const UnixMillis now = services.clock.now();
    auto active = store::leases_of(transaction, store::kScanLeases, caller.account_id, now);
    if (!active) return std::move(active).error();
    auto today = store::scans_of_day(transaction, caller.account_id, tier->daily_scans, scans::kDailyQuotaWindow, now);
    if (!today) return std::move(today).error();
    if (limits::PolicyState* day = scans::day_of(decision)) scans::show_stored_day(*day, *today);
    return Json{{"concurrent_limit", tier->concurrent_scans},
                {"active", active->size()},
                {"daily_limit", tier->daily_scans},
                {"started_24h", today->started}};
  });
}

std::string quota_summary(const Caller& caller, const limits::PolicyState* shown) {
  if (shown == nullptr) return "Tier " + caller.tier + ": no limit.";
  return "Tier " + caller.tier + ": " + std::to_string(shown->remaining) + " of " + std::to_string(shown->limit) +
         " units left in this window.";
}

Result<ToolResult> get_quota(const Services& services, const Json& costs, RecentUsage& recent,
                             const CallContext& context) {
  const Caller& caller = *context.caller;
  limits::Decision decision = context.decision;
  Result<Json> scans = scans_json(services, caller, services.tiers.find(caller.tier), decision);
  if (!scans) return std::move(scans).error();
  Result<Json> usage = recent.of(caller);
  if (!usage) return std::move(usage).error();
  const limits::PolicyState* shown = decision.is_unlimited ? nullptr : decision.shown();
  const auto or_null = [](bool is_known, auto value) { return is_known ? Json(value) : Json(nullptr); };

  ToolResult result;
  result.structured = {
      {"tier", caller.tier},
      {"account", {{"id", caller.account_id}, {"name", caller.account_name}}},
      {"key", {{"id", caller.key_id}, {"name", caller.key_name}, {"scopes", caller.scopes.names()}}},
      {"is_unlimited", shown == nullptr},
      {"limit", or_null(shown != nullptr, shown == nullptr ? 0 : shown->limit)},
      {"remaining", or_null(shown != nullptr, shown == nullptr ? 0 : shown->remaining)},
      {"reset", or_null(shown != nullptr, shown == nullptr ? 0 : unix_seconds(shown->reset_at))},
      {"policies", policies_json(decision)},
      {"scans", std::move(*scans)},
      {"costs", costs},
      {"usage", std::move(*usage)},
  };
  result.summary = quota_summary(caller, shown);
  return result;
}

Json quota_schema() {
  return p::answer({
      {"tier", p::text("The account's tier.")},
      {"account", p::answer({{"id", p::text("The account.")}, {"name", p::text("Its name.")}})},
      {"key", p::answer({{"id", p::text("The key of this call.")},
                         {"name", p::text("Its name.")},
                         {"scopes", p::list("What it may do.", p::text("A scope."))}})},
      {"is_unlimited", p::boolean("True if no limit applies.")},
      {"limit", p::nullable(p::integer("Units per window; null without a limit."))},
      {"remaining", p::nullable(p::integer("Units left now."))},
      {"reset", p::nullable(p::integer("When the next unit becomes free, in Unix seconds."))},
      {"policies", p::list("Every limit of this key.",
                           p::answer({{"name", p::text("The limit's name.")},
                                      {"limit", p::integer("Units per window.")},
                                      {"window_s", p::integer("The window in seconds.")},
                                      {"remaining", p::integer("Units left now.")},
                                      {"reset", p::integer("When the next unit becomes free, in Unix seconds.")}}))},
      {"scans",
       p::answer({{"concurrent_limit", p::nullable(p::integer("Scans at once; null without a limit."))},
                  {"active", p::nullable(p::integer("Scans that are queued or running; null without a limit."))},
                  {"daily_limit", p::nullable(p::integer("Scans in 24 hours; null without a limit."))},
                  {"started_24h", p::nullable(p::integer("Scans of the last 24 hours; null without a limit."))}})},
      {"costs", p::answer({{"default", p::integer("Units of a call.")},
                           {"tools", p::object("Units of the tools that differ.")}})},
      {"usage", RecentUsage::schema()},
  });
}

}  // namespace

std::vector<Tool> account_tools(const Services& services, const std::vector<Tool>& others) {
  return {{
      .name = "get_quota",
      .title = "Get the quota",
      .description =
          "Says how many calls this key may make now, when more become free, how many scans may run, what each tool "
          "costs, and how many calls were made in 24 hours, 7 and 30 days. Free: it costs no unit. Use it before a "
          "series of calls or after a refusal.",
      .input_schema = p::arguments({}),
      .output_schema = quota_schema(),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = Scope::none,
      .cost = 0,
      .rest = RestRoute{"GET", "/v1/quota", 200},
      // Shared, because a handler is copied; ends with the last copy.
      .handler = [&services, costs = costs_of(services, others),
                  recent = std::make_shared<RecentUsage>(services.database, services.clock)](
                     const CallContext& context, const Json&) { return get_quota(services, costs, *recent, context); },
  }};
}

}  // namespace weir::tools
