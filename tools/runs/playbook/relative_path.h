// A path into an element of a list, as functions take it in quotes: 'id', 'counts.high', '[1].data[0].grade'.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::runs {

// Immutable.
class RelativePath {
 public:
  // Returns validation_failed with what was expected.
  static Result<RelativePath> parse(std::string_view text);

  // Null if it is not there.
  [[nodiscard]] const Json* find(const Json& element) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Part {
    std::string name;  // "" : a position
    std::size_t position = 0;
  };
  RelativePath() = default;

  std::string text_;
  std::vector<Part> parts_;
};

// As it stands within a text: texts as they are, everything else as compact JSON.
std::string text_of(const Json& value);

}  // namespace weir::tools::runs
