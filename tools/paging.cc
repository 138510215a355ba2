#include "tools/paging.h"

#include "base/hmac.h"
#include "base/ids.h"
#include "base/log.h"

namespace weir::tools {

Result<store::PageRequest> page_request(const Json& arguments, std::string_view id_prefix) {
  store::PageRequest page;
  page.limit = integer_or(arguments, "limit", page.limit);
  const std::optional<std::string> cursor = string_member(arguments, "cursor");
  if (!cursor) return page;
  // Base64 of an id uses letters, digits and nothing that a query string would have to escape.
  const std::optional<std::string> id = from_base64(*cursor);
  if (!id || !is_id(*id, id_prefix)) {
    const std::string problem = "is \"" + printable(*cursor, 60) +
                                "\"; expected the next_cursor of a page of this list, or nothing for its first page";
    return Error(ErrorCode::validation_failed, "cursor " + problem + ".").with_field("cursor", problem);
  }
  page.after_id = *id;
  return page;
}

Json next_cursor(const std::optional<std::string>& next_after_id) {
  if (!next_after_id) return nullptr;
  return to_base64(*next_after_id);
}

}  // namespace weir::tools
