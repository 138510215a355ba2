#include "tools/agents/agent_slug.h"

#include <algorithm>

#include "base/ids.h"
#include "base/log.h"

namespace weir::tools::agents {
namespace {

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

Error wrong(const std::string& problem) {
  return Error(ErrorCode::validation_failed, "slug " + problem + ".").with_field("slug", problem);
}

}  // namespace

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= kSlugBytesMax && is_plain(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c) || c == '-'; });
}

Result<std::string> checked_slug(std::string_view text) {
  if (is_slug(text)) return std::string(text);
  return wrong("is \"" + printable(text, 60) + "\"; expected 1 to " + std::to_string(kSlugBytesMax) +
               " lower-case letters, digits and hyphens, not a hyphen first");
}

Result<std::string> slug_from(std::string_view name) {
  std::string slug;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (is_plain(lower))
      slug += lower;
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
  }
  slug = slug.substr(0, kSlugBytesMax);
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  if (!slug.empty()) return slug;
  return wrong("is missing, and the name has no letters a to z or digits to make one of; expected one");
}

}  // namespace weir::tools::agents
