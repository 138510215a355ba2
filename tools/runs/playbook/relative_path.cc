#include "tools/runs/playbook/relative_path.h"

#include <algorithm>
#include <charconv>

namespace weir::tools::runs {
namespace {

Error not_a_path(std::string_view text) {
  return Error(
      ErrorCode::validation_failed,
      "\"" + std::string(text) + "\" is no path into an element: write it like 'id', 'counts.high' or '[0].data.url'");
}

}  // namespace

Result<RelativePath> RelativePath::parse(std::string_view text) {
  RelativePath path;
  path.text_ = text;
  std::string_view rest = text;
  while (!rest.empty()) {
    Part part;
    if (rest.front() == '[') {
      const std::size_t close = std::min(rest.find(']'), rest.size());
      const char* const end = rest.data() + close;
      const auto [stopped, error] = std::from_chars(rest.data() + 1, end, part.position);
      if (close == rest.size() || error != std::errc() || stopped != end) return not_a_path(text);
      rest.remove_prefix(close + 1);
    } else {
      if (!path.parts_.empty()) {
        if (rest.front() != '.') return not_a_path(text);
        rest.remove_prefix(1);
      }
      part.name = rest.substr(0, rest.find_first_of(".["));
      if (part.name.empty()) return not_a_path(text);
      rest.remove_prefix(part.name.size());
    }
    path.parts_.push_back(std::move(part));
  }
  if (path.parts_.empty()) return not_a_path(text);
  return path;
}

const Json* RelativePath::find(const Json& element) const {
  const Json* value = &element;
  for (const Part& part : parts_) {
    if (!part.name.empty()) {
      value = find_member(*value, part.name);
    } else {
      value = value->is_array() && part.position < value->size() ? &(*value)[part.position] : nullptr;
    }
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : to_text(value); }

}  // namespace weir::tools::runs
