// Cursors of lists: what a caller sees instead of a row's id, and back.
#pragma once
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "store/database.h"

namespace weir::tools {

// From validated `limit` and `cursor` arguments. Returns validation_failed if the cursor was not made by
// cursor_after() for rows whose ids start with `id_prefix`.
Result<store::PageRequest> page_request(const Json& arguments, std::string_view id_prefix);

// The text for `next_cursor`, null after the last page.
Json next_cursor(const std::optional<std::string>& next_after_id);

}  // namespace weir::tools
