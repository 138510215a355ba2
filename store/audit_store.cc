#include "store/audit_store.h"

#include "store/columns.h"

namespace weir::store {
namespace {

constexpr std::int64_t kAuditLimitMax = 1'000;

AuditRow audit_from(const Row& row) {
  return {.account_id = row.text(0),
          .actor = row.text(1),
          .action = row.text(2),
          .subject = row.text(3),
          .data = row.json(4),
          .at = time_in(row, 5)};
}

}  // namespace

Result<void> insert_audit(Transaction& transaction, const AuditRow& row) {
  return done(transaction.execute(
      "INSERT INTO audit (account_id, position, actor, action, subject, data, at) "
      "SELECT :1, COALESCE(MAX(position), 0) + 1, :2, :3, :4, :5, :6 FROM audit WHERE account_id = :1",
      {row.account_id, row.actor, row.action, row.subject, to_text(row.data), time_value(row.at)}));
}

Result<std::vector<AuditRow>> list_audit(Transaction& transaction, std::string_view account_id, std::int64_t limit) {
  return each_row(transaction.query("SELECT account_id, actor, action, subject, data, at FROM audit "
                                    "WHERE account_id = :1 ORDER BY position DESC LIMIT :2",
                                    {text_value(account_id), std::clamp<std::int64_t>(limit, 1, kAuditLimitMax)}),
                  audit_from);
}

}  // namespace weir::store
