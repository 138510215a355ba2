#include "server/account_views.h"

#include "server/key_admin.h"

namespace weir::server {
namespace {

Json number_or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(); }
Json time_or_null(const std::optional<UnixMillis>& at) { return at ? Json(to_rfc3339(*at)) : Json(); }

}  // namespace

Json account_json(const store::AccountRow& account) {
  return {{"id", account.id},
          {"name", account.name},
          {"tier", account.tier},
          {"limit_override", number_or_null(account.limit_override)},
          {"created_at", to_rfc3339(account.created_at)},
          {"updated_at", to_rfc3339(account.updated_at)}};
}

Json key_json(const store::ApiKeyRow& key, const store::AccountRow& account, UnixMillis now) {
  return {{"id", key.id},
          {"account", account.name},
          {"account_id", account.id},
          {"tier", account.tier},
          {"name", key.name},
          {"prefix", key.prefix},
          {"scopes", key.scopes},
          {"state", to_string(state_of(key, now))},
          {"limit_override", number_or_null(key.limit_override)},
          {"created_at", to_rfc3339(key.created_at)},
          {"expires_at", time_or_null(key.expires_at)},
          {"last_used_at", time_or_null(key.last_used_at)},
          {"revoked_at", time_or_null(key.revoked_at)}};
}

Json calls_json(const store::UsageTotals& calls) { return {{"admitted", calls.admitted}, {"refused", calls.refused}}; }

Json windows_json(const store::UsageWindows& windows) {
  return {{"last_24h", calls_json(windows.last_24h)},
          {"last_7d", calls_json(windows.last_7d)},
          {"last_30d", calls_json(windows.last_30d)}};
}

}  // namespace weir::server
