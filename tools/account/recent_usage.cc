#include "tools/account/recent_usage.h"

#include <optional>

#include "store/usage_store.h"
#include "tools/parameters.h"

namespace weir::tools {
namespace {

namespace p = parameters;

Json calls_json(const store::UsageTotals& calls) { return {{"admitted", calls.admitted}, {"refused", calls.refused}}; }

Json calls_schema(std::string_view description) {
  return p::answer({{"admitted", p::integer("Calls that were let through.")},
                    {"refused", p::integer("Calls that were too fast or lacked a scope.")}},
                   {}, description);
}

}  // namespace

Result<Json> RecentUsage::of(const Caller& caller) {
  const auto now = clock_.steady_now();
  auto known = answers_.with([&](const auto& answers) -> std::optional<Json> {
    const auto found = answers.find(caller.key_id);
    if (found == answers.end() || now - found->second.at >= kRemembered) return std::nullopt;
    return found->second.usage;
  });
  if (known) return *std::move(known);
  Result<Json> usage = read(caller);
  if (!usage) return usage;
  answers_.with([&](auto& answers) {
    if (answers.size() >= kKeysMax) answers.clear();
    answers.insert_or_assign(caller.key_id, Answer{now, *usage});
  });
  return usage;
}

Result<Json> RecentUsage::read(const Caller& caller) {
  const UnixMillis now = clock_.now();
  return database_.read_for([&](store::Transaction& transaction) -> Result<Json> {
    auto windows = store::usage_windows(transaction, caller.account_id, caller.key_id, now);
    if (!windows) return std::move(windows).error();
    // The minute that has begun is in it.
    auto tools = store::usage_by(transaction,
                                 {.account_id = caller.account_id,
                                  .key_id = caller.key_id,
                                  .from = now - store::kUsageDay,
                                  .to = now + store::kUsageMinute},
                                 store::UsageGroup::tool);
    if (!tools) return std::move(tools).error();
    Json by_tool = Json::object();
    for (const store::UsageSum& sum : *tools) by_tool[sum.name] = calls_json(sum.calls);
    return Json{{"last_24h", calls_json(windows->last_24h)},
                {"last_7d", calls_json(windows->last_7d)},
                {"last_30d", calls_json(windows->last_30d)},
                {"by_tool_24h", std::move(by_tool)}};
  });
}

Json RecentUsage::schema() {
  return p::answer({{"last_24h", calls_schema("This key's calls of the last 24 hours, at most two seconds old.")},
                    {"last_7d", calls_schema("Of the last 7 days.")},
                    {"last_30d", calls_schema("Of the last 30 days.")},
                    {"by_tool_24h", p::object("Those of the last 24 hours, by tool or route.")}});
}

}  // namespace weir::tools
