#include "server/rest/usage_api.h"

#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "server/account_views.h"
#include "store/accounts_store.h"
#include "store/usage_store.h"
#include "tools/parameters.h"

namespace weir::rest {
namespace {

namespace p = tools::parameters;

constexpr std::chrono::hours kDefaultSpan{30 * 24};

Error wrong(const std::string& field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

Result<UnixMillis> time_of(const Json& arguments, const std::string& name, UnixMillis otherwise) {
  const std::optional<std::string> text = string_member(arguments, name);
  if (!text) return otherwise;
  auto time = parse_rfc3339(*text);
  if (time) return time;
  return wrong(name, "is \"" + printable(*text, 40) + "\"; expected a time such as " + to_rfc3339(otherwise));
}

// The caller's own account, or any other for an administrator. Who is none learns nothing about which accounts exist.
Result<store::AccountRow> account_of(store::Transaction& transaction, const tools::Caller& caller,
                                     const Json& arguments) {
  const std::string asked = string_or(arguments, "account", caller.account_id);
  const bool is_own = asked == caller.account_id || asked == caller.account_name;
  if (!is_own && !caller.scopes.allows(tools::Scope::admin)) {
    return Error(ErrorCode::insufficient_scope,
                 "The usage of another account needs the scope admin, which this key has not. Leave account out to see "
                 "your own.")
        .with_field("scope", "admin");
  }
  return find_account(transaction, asked);
}

Result<void> check_key(store::Transaction& transaction, const store::AccountRow& account, const std::string& key_id) {
  if (key_id.empty()) return {};
  if (is_id(key_id, "key")) {
    auto key = store::key_by_id(transaction, key_id);
    if (key && key->account_id == account.id) return {};
    if (!key && key.error().code != ErrorCode::not_found) return std::move(key).error();
  }
  return Error(ErrorCode::not_found, "The account " + account.name + " has no key " + printable(key_id, 64) +
                                         ". GET /v1/usage?group=key shows those that made calls.");
}

store::UsageGroup group_of(const std::string& name) {
  if (name == "key") return store::UsageGroup::key;
  return name == "day" ? store::UsageGroup::day : store::UsageGroup::tool;
}

Json row_json(const store::UsageSum& sum) {
  return {{"name", sum.name}, {"admitted", sum.calls.admitted}, {"refused", sum.calls.refused}};
}

Result<tools::ToolResult> get_usage(const AdminParts& parts, const tools::CallContext& context, const Json& arguments) {
  const UnixMillis now = parts.clock.now();
  const auto to = time_of(arguments, "to", now);
  if (!to) return to.error();
  const auto from = time_of(arguments, "from", *to - kDefaultSpan);
  if (!from) return from.error();
  if (*from >= *to) return wrong("from", "is " + to_rfc3339(*from) + "; expected a time before " + to_rfc3339(*to));
  const std::string group = string_or(arguments, "group", "tool");
  const std::string key_id = string_or(arguments, "key", "");
  // Left out, the minute that has just begun is in it.
  const UnixMillis until = arguments.contains("to") ? *to : now + store::kUsageMinute;

  return parts.database.read_for([&](store::Transaction& transaction) -> Result<tools::ToolResult> {
    auto account = account_of(transaction, *context.caller, arguments);
    if (!account) return std::move(account).error();
    if (auto checked = check_key(transaction, *account, key_id); !checked) return std::move(checked).error();
    auto sums = store::usage_by(transaction, {.account_id = account->id, .key_id = key_id, .from = *from, .to = until},
                                group_of(group));
    if (!sums) return std::move(sums).error();
    auto windows = store::usage_windows(transaction, account->id, key_id, now);
    if (!windows) return std::move(windows).error();

    tools::ToolResult result;
    result.structured = {{"account", {{"id", account->id}, {"name", account->name}}},
                         {"key", key_id.empty() ? Json() : Json(key_id)},
                         {"from", to_rfc3339(*from)},
                         {"to", to_rfc3339(*to)},
                         {"group", group},
                         {"totals", server::windows_json(*windows)},
                         {"data", Json::array()},
                         {"is_truncated", std::cmp_equal(sums->size(), store::kUsageGroupsMax)}};
    for (const store::UsageSum& sum : *sums) result.structured["data"].push_back(row_json(sum));
    result.summary = std::to_string(windows->last_24h.admitted) + " calls admitted in 24 hours, " +
                     std::to_string(windows->last_24h.refused) + " refused.";
    return result;
  });
}

Json calls_schema(std::string_view description) {
  return p::answer({{"admitted", p::integer("Calls that were let through.")},
                    {"refused", p::integer("Calls that were too fast or lacked a scope.")}},
                   {}, description);
}

}  // namespace

Result<store::AccountRow> find_account(store::Transaction& transaction, std::string_view account) {
  auto found =
      is_id(account, "acc") ? store::account_by_id(transaction, account) : store::account_by_name(transaction, account);
  if (found || found.error().code != ErrorCode::not_found) return found;
  return Error(ErrorCode::not_found, "There is no account \"" + printable(account, 100) +
                                         "\". GET /v1/accounts lists them; POST /v1/accounts makes one.");
}

tools::Tool usage_route(const AdminParts& parts) {
  return {
      .name = "get_usage",
      .title = "Get the usage",
      .description =
          "Calls that were admitted and refused, by tool, key or day (UTC): those of the time that is asked for as "
          "rows, and the totals of the last 24 hours, 7 days and 30 days. Of the own account; with the scope admin, "
          "of any. Counts are at most a second old, exact to the minute for a day, to the hour for 32 days, to "
          "the day for 400.",
      .input_schema = p::arguments({
          {"from", p::time("Only calls since then; 30 days before `to` if left out.")},
          {"to", p::time("Only calls before then; now if left out.")},
          {"group", p::with_default(p::one_of("What a row is.", {"tool", "key", "day"}), "tool")},
          {"key", p::id("key", "Only calls of this key.")},
          {"account",
           p::text("Another account's id or name; needs the scope admin.", {.length_min = 1, .length_max = 100})},
      }),
      .output_schema = p::answer({
          {"account", p::answer({{"id", p::text("The account.")}, {"name", p::text("Its name.")}})},
          {"key", p::nullable(p::text("The key, if one was asked for."))},
          {"from", p::time("The beginning of the time of the rows.")},
          {"to", p::time("Its end.")},
          {"group", p::text("What a row is.")},
          {"totals", p::answer({{"last_24h", calls_schema("The last 24 hours.")},
                                {"last_7d", calls_schema("The last 7 days.")},
                                {"last_30d", calls_schema("The last 30 days.")}})},
          {"data", p::list("The rows: most calls first; days newest first.",
                           p::answer({{"name", p::text("The tool, the key's id or the day.")},
                                      {"admitted", p::integer("Calls that were let through.")},
                                      {"refused", p::integer("Calls that were too fast or lacked a scope.")}}))},
          {"is_truncated",
           p::boolean("True if there are more rows than one answer holds: ask for less time or one key.")},
      }),
      .annotations = {.is_read_only = true, .is_idempotent = true},
      .scope = tools::Scope::none,
      .rest = tools::RestRoute{"GET", "/v1/usage", 200},
      .handler = [parts](const tools::CallContext& context,
                         const Json& arguments) { return get_usage(parts, context, arguments); },
  };
}

}  // namespace weir::rest
