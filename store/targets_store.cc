#include "store/targets_store.h"

#include "store/columns.h"
#include "store/sql_text.h"

namespace weir::store {
namespace {

constexpr std::string_view kNoTarget = "there is no such target: list the targets to see their ids";

constexpr std::string_view kTargetColumns =
    "id, account_id, created_by_key, url, host, port, name, visibility, is_self, scope_hosts, expected_ports, tags, "
    "verification_state, verification, attestation, created_at, updated_at, archived_at";

TargetRow target_from(const Row& row) {
  return {.id = row.text(0),
          .account_id = row.text(1),
          .created_by_key = row.text(2),
          .url = row.text(3),
          .host = row.text(4),
          .port = row.integer(5),
          .name = row.text(6),
          .visibility = row.text(7),
          .is_self = row.integer(8) != 0,
          .scope_hosts = texts_in(row, 9),
          .expected_ports = integers_in(row, 10),
          .tags = texts_in(row, 11),
          .verification_state = row.text(12),
          .verification = row.json(13),
          .attestation = row.json(14),
          .created_at = time_in(row, 15),
          .updated_at = time_in(row, 16),
          .archived_at = optional_time_in(row, 17)};
}

SqlText select_live(std::string_view account_id) {
  SqlText sql("SELECT ");
  sql.add(kTargetColumns).add(" FROM targets WHERE account_id = ", text_value(account_id));
  sql.add(" AND archived_at IS NULL");
  return sql;
}

// `text` as a LIKE pattern that finds it anywhere; its own wildcards are escaped with '!'.
std::string containing(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace

Result<void> insert_target(Transaction& transaction, const TargetRow& target) {
  const std::string sql =
      std::string("INSERT INTO targets (")
          .append(kTargetColumns)
          .append(") VALUES (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15, :16, :17, :18)");
  auto inserted = transaction.execute(
      sql,
      {target.id, target.account_id, target.created_by_key, target.url, target.host, target.port, target.name,
       target.visibility, flag_value(target.is_self), list_value(target.scope_hosts), list_value(target.expected_ports),
       list_value(target.tags), target.verification_state, to_text(target.verification), json_value(target.attestation),
       time_value(target.created_at), time_value(target.updated_at), time_value(target.archived_at)});
  return done(std::move(inserted));
}

Result<TargetRow> target_by_id(Transaction& transaction, std::string_view account_id, std::string_view id) {
  SqlText sql = select_live(account_id);
  sql.add(" AND id = ", text_value(id));
  return only_row(std::move(sql).query(transaction), target_from, kNoTarget);
}

Result<std::optional<TargetRow>> target_by_url(Transaction& transaction, std::string_view account_id,
                                               std::string_view url) {
  SqlText sql = select_live(account_id);
  sql.add(" AND url = ", text_value(url));
  return first_row(std::move(sql).query(transaction), target_from);
}

Result<Page<TargetRow>> list_targets(Transaction& transaction, const TargetFilter& filter, const PageRequest& page) {
  SqlText sql = select_live(filter.account_id);
  if (!filter.query.empty()) {
    // LOWER on both sides: LIKE ignores case in SQLite only.
    sql.add(" AND (LOWER(name) LIKE LOWER(", containing(filter.query), ") ESCAPE '!'");
    sql.add(" OR LOWER(url) LIKE LOWER(", containing(filter.query), ") ESCAPE '!')");
  }
  if (!filter.tag.empty()) {
    // tags is a JSON array of strings: the tag in its quotes, as the serialiser writes it.
    sql.add(" AND tags LIKE ", containing(to_text(Json(filter.tag))), " ESCAPE '!'");
  }
  if (!page.after_id.empty()) sql.add(" AND id < ", page.after_id);
  sql.add(" ORDER BY id DESC LIMIT ", page_limit(page) + 1);
  auto targets = each_row(std::move(sql).query(transaction), target_from);
  if (!targets) return std::move(targets).error();
  return page_of(std::move(*targets), page_limit(page), [](const TargetRow& target) { return target.id; });
}

Result<void> update_target(Transaction& transaction, const TargetRow& target) {
  return changed_one(
      transaction.execute(
          "UPDATE targets SET name = :1, visibility = :2, is_self = :3, scope_hosts = :4, expected_ports = :5, "
          "tags = :6, verification_state = :7, verification = :8, attestation = :9, updated_at = :10 "
          "WHERE id = :11 AND account_id = :12 AND archived_at IS NULL",
          {target.name, target.visibility, flag_value(target.is_self), list_value(target.scope_hosts),
           list_value(target.expected_ports), list_value(target.tags), target.verification_state,
           to_text(target.verification), json_value(target.attestation), time_value(target.updated_at), target.id,
           target.account_id}),
      kNoTarget);
}

Result<std::int64_t> count_targets(Transaction& transaction, std::string_view account_id) {
  return only_integer(transaction.query("SELECT COUNT(*) FROM targets WHERE account_id = :1 AND archived_at IS NULL",
                                        {text_value(account_id)}));
}

Result<void> archive_target(Transaction& transaction, std::string_view account_id, std::string_view id, UnixMillis at) {
  return changed_one(transaction.execute("UPDATE targets SET archived_at = :1, updated_at = :1 "
                                         "WHERE id = :2 AND account_id = :3 AND archived_at IS NULL",
                                         {time_value(at), text_value(id), text_value(account_id)}),
                     kNoTarget);
}

}  // namespace weir::store
