// Who changed what: one row for each change of keys, accounts and targets.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct AuditRow {
  std::string account_id;
  std::string actor;    // a key id, or "cli"
  std::string action;   // "key.created"
  std::string subject;  // an id
  Json data = Json::object();
  UnixMillis at{};
  std::int64_t position = 0;  // within the account, from 1; given by insert_audit
};

// Where a page of the audit of all accounts ended. Not thread-safe: a value.
struct AuditPosition {
  UnixMillis at{};
  std::string account_id;
  std::int64_t position = 0;
};

Result<void> insert_audit(Transaction& transaction, const AuditRow& row);
// Newest first.
Result<std::vector<AuditRow>> list_audit(Transaction& transaction, std::string_view account_id, std::int64_t limit);
// Newest first; of every account if `account_id` is empty. At most `limit` rows that come after `after`.
Result<std::vector<AuditRow>> audit_page(Transaction& transaction, std::string_view account_id, std::int64_t limit,
                                         const std::optional<AuditPosition>& after);

}  // namespace weir::store
