// Accounts and keys as JSON, the same over REST and on the command line. A key's secret and its hash are never in it.
#pragma once
#include "base/clock.h"
#include "base/json.h"
#include "store/accounts_store.h"
#include "store/usage_store.h"

namespace weir::server {

Json account_json(const store::AccountRow& account);
Json key_json(const store::ApiKeyRow& key, const store::AccountRow& account, UnixMillis now);
Json calls_json(const store::UsageTotals& calls);
// {"last_24h": {...}, "last_7d": {...}, "last_30d": {...}}
Json windows_json(const store::UsageWindows& windows);

}  // namespace weir::server
