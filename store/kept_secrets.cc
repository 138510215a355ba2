#include "store/kept_secrets.h"

#include "store/columns.h"

namespace weir::store {

Result<std::string> kept_secret(Transaction& transaction, std::string_view name, std::string_view fresh) {
  auto inserted = transaction.execute("INSERT INTO meta (name, value) VALUES (:1, :2) ON CONFLICT (name) DO NOTHING",
                                      {text_value(name), text_value(fresh)});
  if (!inserted) return std::move(inserted).error();
  return only_row(
      transaction.query("SELECT value FROM meta WHERE name = :1", {text_value(name)}),
      [](const Row& row) { return row.text(0); }, "the secret was not kept");
}

}  // namespace weir::store
