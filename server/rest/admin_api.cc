#include "server/rest/admin_api.h"

#include <charconv>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "server/account_views.h"
#include "server/rest/usage_api.h"
#include "store/audit_store.h"
#include "store/usage_store.h"
#include "tools/paging.h"
#include "tools/parameters.h"

namespace weir::rest {
namespace {

namespace p = tools::parameters;
using tools::CallContext;
using tools::Tool;
using tools::ToolResult;

constexpr std::int64_t kOverlapSecondsMax = 30 * 86'400;
constexpr std::int64_t kNameCharactersMax = 100;
// Tiers are the configuration's: which there are is said by the refusal of one that is none.
constexpr p::TextBounds kTierBounds{.length_min = 1, .length_max = 60};

Error wrong(const std::string& field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

Error no_such_key(std::string_view id) {
  return Error(ErrorCode::not_found, "There is no key " + printable(id, 64) + ". GET /v1/keys lists them.");
}

ToolResult answer(Json structured, std::string summary) {
  ToolResult result;
  result.structured = std::move(structured);
  result.summary = std::move(summary);
  return result;
}

std::optional<std::int64_t> limit_of(const Json& arguments) {
  const Json* const limit = find_member(arguments, "limit_override");
  if (limit == nullptr || !limit->is_number_integer()) return std::nullopt;
  return limit->get<std::int64_t>();
}

// --- accounts ---

Result<ToolResult> list_accounts(const AdminParts& parts, const Json& arguments) {
  auto page = tools::page_request(arguments, "acc");
  if (!page) return std::move(page).error();
  auto accounts = parts.database.read_for(
      [&](store::Transaction& transaction) { return store::accounts_page(transaction, *page); });
  if (!accounts) return std::move(accounts).error();
  Json rows = Json::array();
  for (const store::AccountRow& account : accounts->items) rows.push_back(server::account_json(account));
  return answer({{"data", std::move(rows)}, {"next_cursor", tools::next_cursor(accounts->next_after_id)}},
                std::to_string(accounts->items.size()) + " accounts.");
}

Result<store::AccountRow> account_of(const AdminParts& parts, const std::string& selector) {
  return parts.database.read_for([&](store::Transaction& transaction) { return find_account(transaction, selector); });
}

Result<ToolResult> get_account(const AdminParts& parts, const Json& arguments) {
  auto account = account_of(parts, string_or(arguments, "account_id", ""));
  if (!account) return std::move(account).error();
  return answer(server::account_json(*account), "Account " + account->name + ", tier " + account->tier + ".");
}

Result<ToolResult> create_account(const AdminParts& parts, const CallContext& context, const Json& arguments) {
  auto account = parts.keys.create_account(string_or(arguments, "name", ""), string_or(arguments, "tier", "free"),
                                           limit_of(arguments), context.caller->key_id);
  if (!account) return std::move(account).error();
  return answer(server::account_json(*account), "Made the account " + account->name + ".");
}

Result<ToolResult> update_account(const AdminParts& parts, const CallContext& context, const Json& arguments) {
  if (!arguments.contains("tier") && !arguments.contains("limit_override")) {
    return wrong("tier", "and limit_override are both missing; expected one of them, or both");
  }
  auto before = account_of(parts, string_or(arguments, "account_id", ""));
  if (!before) return std::move(before).error();
  const std::string tier = string_or(arguments, "tier", before->tier);
  // What is left out stays as it is, if the tier can have it.
  const bool keeps_limit = !arguments.contains("limit_override") && tier == before->tier;
  auto after = parts.keys.change_tier(before->name, tier, keeps_limit ? before->limit_override : limit_of(arguments),
                                      context.caller->key_id);
  if (!after) return std::move(after).error();
  parts.gate.forget_account(after->id);
  return answer(server::account_json(*after), "Account " + after->name + " has the tier " + after->tier + ".");
}

// --- keys ---

Result<std::map<std::string, store::UsageTotals>> calls_of(const AdminParts& parts, store::Transaction& transaction,
                                                           const std::vector<store::KeyWithAccount>& keys) {
  std::vector<std::string> ids;
  for (const store::KeyWithAccount& each : keys) ids.push_back(each.key.id);
  return store::usage_of_keys(transaction, ids, parts.clock.now() - store::kUsageDay);
}

Json shown(const AdminParts& parts, const store::KeyWithAccount& each,
           const std::map<std::string, store::UsageTotals>& calls) {
  Json json = server::key_json(each.key, each.account, parts.clock.now());
  const auto found = calls.find(each.key.id);
  json["calls_24h"] = server::calls_json(found == calls.end() ? store::UsageTotals{} : found->second);
  return json;
}

Result<ToolResult> list_keys(const AdminParts& parts, const Json& arguments) {
  auto page = tools::page_request(arguments, "key");
  if (!page) return std::move(page).error();
  return parts.database.read_for([&](store::Transaction& transaction) -> Result<ToolResult> {
    std::string account_id;
    if (const auto selector = string_member(arguments, "account")) {
      auto account = find_account(transaction, *selector);
      if (!account) return std::move(account).error();
      account_id = account->id;
    }
    auto keys = store::keys_page(transaction, account_id, *page);
    if (!keys) return std::move(keys).error();
    auto calls = calls_of(parts, transaction, keys->items);
    if (!calls) return std::move(calls).error();
    Json rows = Json::array();
    for (const store::KeyWithAccount& each : keys->items) rows.push_back(shown(parts, each, *calls));
    return answer({{"data", std::move(rows)}, {"next_cursor", tools::next_cursor(keys->next_after_id)}},
                  std::to_string(keys->items.size()) + " keys.");
  });
}

Result<ToolResult> get_key(const AdminParts& parts, const Json& arguments) {
  const std::string id = string_or(arguments, "key_id", "");
  if (!is_id(id, "key")) return no_such_key(id);
  return parts.database.read_for([&](store::Transaction& transaction) -> Result<ToolResult> {
    auto key = store::key_with_account(transaction, id);
    if (!key && key.error().code == ErrorCode::not_found) return no_such_key(id);
    if (!key) return std::move(key).error();
    auto calls = calls_of(parts, transaction, {*key});
    if (!calls) return std::move(calls).error();
    return answer(shown(parts, *key, *calls), "Key " + key->key.name + " of " + key->account.name + ".");
  });
}

ToolResult created_answer(const AdminParts& parts, const server::CreatedKey& created) {
  Json json = shown(parts, {.key = created.key, .account = created.account}, {});
  json["key"] = created.secret;
  return answer(std::move(json), "Made the key " + created.key.id + "; its secret is shown this once only.");
}

Result<ToolResult> create_key(const AdminParts& parts, const CallContext& context, const Json& arguments) {
  auto account = account_of(parts, string_or(arguments, "account", ""));
  if (!account) return std::move(account).error();
  server::KeyRequest request;
  request.account = account->name;
  request.name = string_or(arguments, "name", request.name);
  request.limit_override = limit_of(arguments);
  request.scopes.clear();
  for (const Json& scope : arguments.at("scopes")) request.scopes.push_back(scope.get<std::string>());
  if (const auto expires_at = string_member(arguments, "expires_at")) {
    auto time = parse_rfc3339(*expires_at);
    if (!time) {
      return wrong("expires_at", "is \"" + printable(*expires_at, 40) + "\"; expected a time such as " +
                                     to_rfc3339(parts.clock.now() + std::chrono::hours{90 * 24}));
    }
    request.expires_at = *time;
  }
  auto created = parts.keys.create_key(request, context.caller->key_id);
  if (!created) return std::move(created).error();
  return created_answer(parts, *created);
}

Result<ToolResult> rotate_key(const AdminParts& parts, const CallContext& context, const Json& arguments) {
  const std::string id = string_or(arguments, "key_id", "");
  if (!is_id(id, "key")) return no_such_key(id);
  const std::chrono::seconds overlap{integer_or(arguments, "overlap_seconds", 0)};
  auto created = parts.keys.rotate_key(id, overlap, context.caller->key_id);
  if (!created && created.error().code == ErrorCode::not_found) return no_such_key(id);
  if (!created) return std::move(created).error();
  parts.gate.forget_key(id);
  ToolResult result = created_answer(parts, *created);
  result.structured["replaces"] = id;
  return result;
}

Result<ToolResult> revoke_key(const AdminParts& parts, const CallContext& context, const Json& arguments) {
  const std::string id = string_or(arguments, "key_id", "");
  if (!is_id(id, "key")) return no_such_key(id);
  auto revoked = parts.keys.revoke_key(id, context.caller->key_id);
  if (!revoked && revoked.error().code == ErrorCode::not_found) return no_such_key(id);
  if (!revoked) return std::move(revoked).error();
  parts.gate.forget_key(id);
  Json json = server::key_json(revoked->key, revoked->account, parts.clock.now());
  const bool is_own = id == context.caller->key_id;
  json["note"] = is_own ? Json("This was the key of this very call: its next call is refused.") : Json();
  return answer(std::move(json), "Revoked the key " + id + ".");
}

// --- audit ---

// Opaque to callers: the row that a page ended with, in characters that a query string need not escape.
std::string cursor_after(const store::AuditRow& row) {
  return std::to_string(to_unix_ms(row.at)) + "." + std::to_string(row.position) + "." + row.account_id;
}

// The number before the next dot, which is taken off `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != '.') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

Result<std::optional<store::AuditPosition>> audit_position(const Json& arguments) {
  const auto cursor = string_member(arguments, "cursor");
  if (!cursor) return std::optional<store::AuditPosition>();
  std::string_view rest = *cursor;
  const auto at_ms = take_number(rest);
  const auto position = at_ms ? take_number(rest) : std::nullopt;
  if (position && is_id(rest, "acc")) {
    return std::optional(
        store::AuditPosition{.at = from_unix_ms(*at_ms), .account_id = std::string(rest), .position = *position});
  }
  return wrong("cursor", "is \"" + printable(*cursor, 60) +
                             "\"; expected the next_cursor of a page of this list, or nothing for its first page");
}

Result<ToolResult> list_audit(const AdminParts& parts, const Json& arguments) {
  auto after = audit_position(arguments);
  if (!after) return std::move(after).error();
  const std::int64_t limit = integer_or(arguments, "limit", store::PageRequest{}.limit);
  return parts.database.read_for([&](store::Transaction& transaction) -> Result<ToolResult> {
    std::string account_id;
    if (const auto selector = string_member(arguments, "account")) {
      auto account = find_account(transaction, *selector);
      if (!account) return std::move(account).error();
      account_id = account->id;
    }
    auto rows = store::audit_page(transaction, account_id, limit + 1, *after);
    if (!rows) return std::move(rows).error();
    const bool has_more = std::cmp_greater(rows->size(), limit);
    if (has_more) rows->pop_back();
    Json data = Json::array();
    for (const store::AuditRow& row : *rows) {
      data.push_back({{"account_id", row.account_id},
                      {"actor", row.actor},
                      {"action", row.action},
                      {"subject", row.subject},
                      {"data", row.data},
                      {"at", to_rfc3339(row.at)}});
    }
    return answer({{"data", std::move(data)}, {"next_cursor", has_more ? Json(cursor_after(rows->back())) : Json()}},
                  std::to_string(rows->size()) + " changes.");
  });
}

// --- the table ---

Json account_schema() {
  return p::answer({
      {"id", p::text("The account.")},
      {"name", p::text("Its name; unique.")},
      {"tier", p::text("What its keys may spend.")},
      {"limit_override", p::nullable(p::integer("Units per minute of the tier custom."))},
      {"created_at", p::time("When it was made.")},
      {"updated_at", p::time("When it was last changed.")},
  });
}

p::Members key_members() {
  return {
      {"id", p::text("The key's id; not the key itself.")},
      {"account", p::text("The name of the account that owns it.")},
      {"account_id", p::text("Its id.")},
      {"tier", p::text("The account's tier.")},
      {"name", p::text("What it is for.")},
      {"prefix", p::text("Its first characters, for recognising it.")},
      {"scopes", p::list("What it may do.", p::text("A scope."))},
      {"state", p::one_of("Whether it works.", {"active", "expired", "revoked"})},
      {"limit_override", p::nullable(p::integer("Units per minute instead of the tier's."))},
      {"created_at", p::time("When it was made.")},
      {"expires_at", p::nullable(p::time("When it ends; null: never."))},
      {"last_used_at", p::nullable(p::time("When it was last used, to the minute."))},
      {"revoked_at", p::nullable(p::time("When it was revoked."))},
      {"calls_24h", p::answer({{"admitted", p::integer("Calls of the last 24 hours that were let through.")},
                               {"refused", p::integer("Those that were too fast or lacked a scope.")}})},
  };
}

Json key_schema(const p::Members& more = {}, bool has_calls = true) {
  p::Members members = key_members();
  if (!has_calls) members.pop_back();
  members.insert(members.end(), more.begin(), more.end());
  return p::answer(members);
}

Json secret_schema(const p::Members& more = {}) {
  p::Members members = {{"key", p::text("The key itself, wk_...: shown in this answer only.")}};
  members.insert(members.end(), more.begin(), more.end());
  return key_schema(members);
}

Json audit_schema() {
  return p::answer({
      {"account_id", p::text("Whose account was changed.")},
      {"actor", p::text("The id of the key that did it, or \"cli\".")},
      {"action", p::text("What was done, such as key.created.")},
      {"subject", p::text("The id of what was changed.")},
      {"data", p::object("The change; never a secret.")},
      {"at", p::time("When.")},
  });
}

Json limit_schema() {
  return p::nullable(p::integer("Units per minute.", {.minimum = 1, .maximum = limits::kUnitsPerMinuteMax}));
}

Json account_selector() {
  return p::text("An account's id or name.", {.length_min = 1, .length_max = kNameCharactersMax});
}

// The filter and the page of a list.
Json list_arguments(bool has_account) {
  p::Members members = p::page_members();
  if (has_account) members.emplace_back("account", account_selector());
  return p::arguments(members);
}

using Handler = std::function<Result<ToolResult>(const CallContext&, const Json&)>;

Tool route(std::string name, std::string title, std::string description, tools::RestRoute rest, Json input, Json output,
           Handler handler) {
  const bool is_read = rest.method == "GET";
  const bool is_delete = rest.method == "DELETE";
  return {.name = std::move(name),
          .title = std::move(title),
          .description = std::move(description),
          .input_schema = std::move(input),
          .output_schema = std::move(output),
          .annotations = {.is_read_only = is_read, .is_destructive = is_delete, .is_idempotent = is_read || is_delete},
          .scope = tools::Scope::admin,
          .rest = std::move(rest),
          .handler = std::move(handler)};
}

std::vector<Tool> account_routes(const AdminParts& parts) {
  const Json account_id = p::text("The account's id or name.", {.length_min = 1, .length_max = kNameCharactersMax});
  return {
      route("list_accounts", "List accounts", "Every account of this server, newest first.",
            {"GET", "/v1/accounts", 200}, list_arguments(false), p::page_answer("Accounts.", account_schema()),
            [parts](const CallContext&, const Json& arguments) { return list_accounts(parts, arguments); }),
      route("create_account", "Create an account",
            "Makes an account without keys. Its tier decides the limits of its keys.", {"POST", "/v1/accounts", 201},
            p::arguments({{"name", p::text("Its name.", {.length_min = 1, .length_max = kNameCharactersMax})},
                          {"tier", p::with_default(
                                       p::text("Its tier: free, standard, starter, pro, custom or admin.", kTierBounds),
                                       "free")},
                          {"limit_override", limit_schema()}},
                         {"name"}),
            account_schema(),
            [parts](const CallContext& context, const Json& arguments) {
              return create_account(parts, context, arguments);
            }),
      route("get_account", "Get an account", "One account, by its id or its name.",
            {"GET", "/v1/accounts/{account_id}", 200}, p::arguments({{"account_id", account_id}}, {"account_id"}),
            account_schema(),
            [parts](const CallContext&, const Json& arguments) { return get_account(parts, arguments); }),
      route(
          "update_account", "Change an account's tier",
          "Changes the tier, or the limit of the tier custom. Acts on the next call of every key of the account.",
          {"PATCH", "/v1/accounts/{account_id}", 200},
          p::arguments({{"account_id", account_id},
                        {"tier", p::text("The new tier: free, standard, starter, pro, custom or admin.", kTierBounds)},
                        {"limit_override", limit_schema()}},
                       {"account_id"}),
          account_schema(),
          [parts](const CallContext& context, const Json& arguments) {
            return update_account(parts, context, arguments);
          }),
  };
}

std::vector<Tool> key_routes(const AdminParts& parts) {
  const p::Members own = {{"key_id", p::id("key", "The key.")}};
  return {
      route("list_keys", "List keys", "Keys with their calls of 24 hours, newest first; never their secrets.",
            {"GET", "/v1/keys", 200}, list_arguments(true), p::page_answer("Keys.", key_schema()),
            [parts](const CallContext&, const Json& arguments) { return list_keys(parts, arguments); }),
      route(
          "create_key", "Create a key",
          "Makes a key of an account; at most 10 are active at a time. The answer shows the secret, and nothing ever "
          "again. "
          "An Idempotency-Key has no effect here: a secret is not kept, so it could not be answered again.",
          {"POST", "/v1/keys", 201},
          p::arguments(
              {{"account", account_selector()},
               {"name", p::with_default(p::text("What it is for.", {.length_min = 1, .length_max = kNameCharactersMax}),
                                        "unnamed")},
               {"scopes", p::with_default(p::list("What it may do: scopes, or the shorthands read and write.",
                                                  p::text("A scope.", {.length_min = 1, .length_max = 40}), 20),
                                          Json::array({"read", "write"}))},
               {"expires_at", p::nullable(p::time("When it ends; null or left out: never."))},
               {"limit_override", limit_schema()}},
              {"account"}),
          secret_schema(),
          [parts](const CallContext& context, const Json& arguments) { return create_key(parts, context, arguments); }),
      route("get_key", "Get a key", "One key, with its calls of 24 hours; never its secret.",
            {"GET", "/v1/keys/{key_id}", 200}, p::arguments(own, {"key_id"}), key_schema(),
            [parts](const CallContext&, const Json& arguments) { return get_key(parts, arguments); }),
      route(
          "rotate_key", "Rotate a key",
          "Makes a successor with the same name, scopes, limit and expiry; the old key ends after the overlap.",
          {"POST", "/v1/keys/{key_id}/rotate", 200},
          p::arguments(
              {own.front(),
               {"overlap_seconds", p::with_default(p::integer("How long the old key still works; 0 ends it at once.",
                                                              {.minimum = 0, .maximum = kOverlapSecondsMax}),
                                                   std::chrono::seconds(server::kRotationOverlap).count())}},
              {"key_id"}),
          secret_schema({{"replaces", p::text("The id of the old key.")}}),
          [parts](const CallContext& context, const Json& arguments) { return rotate_key(parts, context, arguments); }),
      route(
          "revoke_key", "Revoke a key",
          "Ends a key at once. The last active key with the scope admin is not revoked: make or rotate one first.",
          {"DELETE", "/v1/keys/{key_id}", 200}, p::arguments(own, {"key_id"}),
          key_schema({{"note", p::nullable(p::text("A warning, if the key was that of this very call."))}}, false),
          [parts](const CallContext& context, const Json& arguments) { return revoke_key(parts, context, arguments); }),
  };
}

}  // namespace

std::vector<Tool> admin_routes(const AdminParts& parts) {
  std::vector<Tool> routes = account_routes(parts);
  for (Tool& each : key_routes(parts)) routes.push_back(std::move(each));
  routes.push_back(route("list_audit", "List changes", "Who changed accounts, keys and targets, newest first.",
                         {"GET", "/v1/audit", 200}, list_arguments(true), p::page_answer("Changes.", audit_schema()),
                         [parts](const CallContext&, const Json& arguments) { return list_audit(parts, arguments); }));
  routes.push_back(usage_route(parts));
  return routes;
}

}  // namespace weir::rest
