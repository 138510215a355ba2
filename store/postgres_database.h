// The database that several nodes share: PostgreSQL, with one writing session and a few reading ones in each process.
#pragma once
#include <memory>

#include "store/database.h"

namespace weir::store {

// Database::open() for settings with a URL.
Result<std::unique_ptr<Database>> open_postgres(const DatabaseSettings& settings);

}  // namespace weir::store
