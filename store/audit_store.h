// Who changed what: one row for each change of keys, accounts and targets.
#pragma once
#include <string>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct AuditRow {
  std::string account_id;
  std::string actor;            // a key id, or "cli"
  std::string action;           // "key.created"
  std::string subject;          // an id
  Json data = Json::object();
  UnixMillis at{};
};

Result<void> insert_audit(Transaction& transaction, const AuditRow& row);
// Newest first.
Result<std::vector<AuditRow>> list_audit(Transaction& transaction, std::string_view account_id, std::int64_t limit);

}  // namespace weir::store
