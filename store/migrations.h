// The steps that bring a database to the schema that this binary knows: store/schema/NNN_name.sql, compiled in. A step
// that has been released is never edited; a change is a new step.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Immutable.
struct Migration {
  std::int64_t version = 0;  // 1, 2, ... without holes
  std::string_view name;     // "foundation"
  std::string_view sql;      // statements, each ended by ";" at the end of a line; "--" comments on own lines
};

// In order of version. Generated at build time from schema/*.sql.
std::span<const Migration> embedded_migrations();

// Applies what is missing, inside the caller's transaction. Returns unavailable if the database holds a version that
// is not among `migrations` (a newer binary wrote it) or one whose text has changed since it was applied.
Result<void> migrate(Transaction& transaction, std::span<const Migration> migrations, UnixMillis now);
// What opening a database does, under a lock that no other node holds: migrates to the embedded schema, and makes the
// event epoch if there is none.
Result<void> prepare_schema(Transaction& transaction);

}  // namespace weir::store
