// The database in the data folder: one SQLite file in WAL mode, with one writer and a few readers.
#pragma once
#include <memory>

#include "store/database.h"

namespace weir::store {

// Database::open() for settings without a URL.
Result<std::unique_ptr<Database>> open_sqlite(const DatabaseSettings& settings);

}  // namespace weir::store
