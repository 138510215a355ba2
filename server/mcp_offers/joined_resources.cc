#include "server/mcp_offers/joined_resources.h"

#include <iterator>

namespace weir::mcp_offers {
namespace {

// Before a cursor of the second list. The first one's cursors never begin so.
constexpr std::string_view kSecond = "2:";

}  // namespace

Result<mcp::ResourcePage> JoinedResources::list(const tools::CallContext& context, const std::string& cursor) const {
  if (!cursor.starts_with(kSecond)) {
    auto page = first_.list(context, cursor);
    if (!page || page->next_cursor) return page;
    // Only if there is something: a page that is empty is a wasted call.
    auto following = second_.list(context, "");
    if (!following) return following;
    if (page->items.empty()) {
      if (following->next_cursor) following->next_cursor = std::string(kSecond) + *following->next_cursor;
      return following;
    }
    if (!following->items.empty()) page->next_cursor = std::string(kSecond);
    return page;
  }
  auto page = second_.list(context, cursor.substr(kSecond.size()));
  if (page && page->next_cursor) page->next_cursor = std::string(kSecond) + *page->next_cursor;
  return page;
}

std::vector<mcp::ResourceTemplate> JoinedResources::templates() const {
  std::vector<mcp::ResourceTemplate> all = first_.templates();
  auto more = second_.templates();
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return all;
}

}  // namespace weir::mcp_offers
