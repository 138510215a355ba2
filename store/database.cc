#include "store/database.h"

#include "store/postgres_database.h"
#include "store/sqlite_database.h"

namespace weir::store {

Result<std::unique_ptr<Database>> Database::open(const DatabaseSettings& settings) {
  return settings.postgres ? open_postgres(settings) : open_sqlite(settings);
}

}  // namespace weir::store
