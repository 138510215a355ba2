#include "tools/runs/call_result.h"

#include <algorithm>

namespace weir::tools::runs {
namespace {

// Each step halves the longest list or text, so that this many shorten any answer that a tool may give.
constexpr int kCutsMax = 200;
constexpr std::size_t kNoteBytes = 512;  // room for `truncated`

std::size_t size_of(const Json& value) { return to_text(value).size(); }

// The list or text that takes most of `value`, found by following the longest member.
Json* longest_part(Json& value) {
  Json* part = &value;
  while (part->is_structured() && !part->empty()) {
    Json* longest = nullptr;
    std::size_t longest_size = 0;
    std::size_t all = 0;
    for (Json& member : *part) {
      const std::size_t size = size_of(member);
      all += size;
      if (size > longest_size) {
        longest = &member;
        longest_size = size;
      }
    }
    // A list of many small items is cut itself; one of few large ones has its items cut.
    if (part->is_array() && part->size() > 1 && longest_size * 2 < all) return part;
    const bool is_leaf = !longest->is_structured() && !longest->is_string();
    if (is_leaf) return part;
    part = longest;
  }
  return part;
}

bool cut(Json& part) {
  if (part.is_string()) {
    const std::string& text = part.get_ref<const std::string&>();
    if (text.size() < 8) return false;
    part = shortened(text, text.size() / 2);
    return true;
  }
  if (part.is_array() && part.size() > 1) {
    part.erase(part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2), part.end());
    return true;
  }
  if (part.is_object() && part.size() > 1) {
    // Many small members: the later half by name goes.
    std::size_t left = part.size() / 2;
    while (left-- > 0) part.erase(std::prev(part.end()));
    return true;
  }
  return false;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kMore = "...";
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max > kMore.size() ? bytes_max - kMore.size() : 0;
  // RFC 3629 section 3: 10xxxxxx continues a character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + std::string(kMore);
}

Json capped(Json value, std::size_t bytes_max, std::string_view note) {
  const std::size_t whole = size_of(value);
  if (whole <= bytes_max) return value;
  const std::size_t room = bytes_max > kNoteBytes ? bytes_max - kNoteBytes : bytes_max / 2;
  if (!value.is_object()) value = Json{{"value", std::move(value)}};
  for (int cuts = 0; cuts < kCutsMax && size_of(value) > room; ++cuts) {
    if (!cut(*longest_part(value))) break;
  }
  if (size_of(value) > room) value = {{"value", shortened(to_text(value), room / 2)}};
  value["truncated"] = {{"bytes", whole}, {"note", note}};
  return value;
}

Json result_to_keep(const ToolResult& result, std::string_view tool) {
  Json kept = result.structured;
  if (result.document && kept.is_object() && !kept.contains("text")) {
    kept["media_type"] = result.document->media_type;
    kept["text"] = result.document->text;
  }
  return capped(
      std::move(kept), kResultBytesMax,
      "This answer was too long to keep whole: lists and texts were shortened. Call " + std::string(tool) +
          " again for less at a time (limit, cursor, max_chars, a filter), or read the resource itself over REST.");
}

}  // namespace weir::tools::runs
