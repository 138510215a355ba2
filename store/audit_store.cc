#include "store/audit_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::int64_t kAuditLimitMax = 1'000;

AuditRow audit_from(const Row& row) {
  return {.account_id = row.text(0),
          .actor = row.text(1),
          .action = row.text(2),
          .subject = row.text(3),
          .data = row.json(4),
          .at = time_in(row, 5),
          .position = row.integer(6)};
}

}  // namespace

Result<void> insert_audit(Transaction& transaction, const AuditRow& row) {
  return done(transaction.execute(
      "INSERT INTO audit (account_id, position, actor, action, subject, data, at) VALUES (:1, "
      "(SELECT COALESCE(MAX(position), 0) + 1 FROM audit WHERE account_id = :2), :3, :4, :5, :6, :7)",
      {row.account_id, row.account_id, row.actor, row.action, row.subject, to_text(row.data), time_value(row.at)}));
}

Result<std::vector<AuditRow>> list_audit(Transaction& transaction, std::string_view account_id, std::int64_t limit) {
  return each_row(transaction.query("SELECT account_id, actor, action, subject, data, at, position FROM audit "
                                    "WHERE account_id = :1 ORDER BY position DESC LIMIT :2",
                                    {text_value(account_id), std::clamp<std::int64_t>(limit, 1, kAuditLimitMax)}),
                  audit_from);
}

Result<std::vector<AuditRow>> audit_page(Transaction& transaction, std::string_view account_id, std::int64_t limit,
                                         const std::optional<AuditPosition>& after) {
  SqlText sql("SELECT account_id, actor, action, subject, data, at, position FROM audit WHERE 1 = 1");
  if (!account_id.empty()) sql.add(" AND account_id = ", text_value(account_id));
  if (after) {
    sql.add(" AND (at < ", time_value(after->at)).add(" OR (at = ", time_value(after->at));
    sql.add(" AND (account_id < ", after->account_id).add(" OR (account_id = ", after->account_id);
    sql.add(" AND position < ", after->position, "))))");
  }
  sql.add(" ORDER BY at DESC, account_id DESC, position DESC LIMIT ",
          std::clamp<std::int64_t>(limit, 1, kAuditLimitMax));
  return each_row(std::move(sql).query(transaction), audit_from);
}

}  // namespace weir::store
