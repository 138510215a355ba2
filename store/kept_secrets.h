// Random secrets that this database makes once and keeps, so that what was sealed with one can be opened after a restart
// and by every server that shares the database.
#pragma once
#include <string>
#include <string_view>

#include "store/database.h"

namespace weir::store {

// The secret of that name: the one that is kept, else `fresh`, which is kept from now on.
Result<std::string> kept_secret(Transaction& transaction, std::string_view name, std::string_view fresh);

}  // namespace weir::store
