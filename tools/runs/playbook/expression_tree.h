// What an expression's text means, as its parser leaves it to the evaluation. Not for others: see expression.h.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::runs {

enum class Comparison : std::uint8_t { equal, unequal, less, at_most, more, at_least, within };

// `.name`, or `[child]`. Not thread-safe: a value.
struct PathPart {
  std::string name;
  int child = -1;  // index into children: what stands in the brackets; -1: a name
};

// Not thread-safe: a value.
struct ExpressionNode {
  enum class Kind : std::uint8_t {
    literal,
    list,
    path,
    call,
    negation,
    all_of,
    any_of,
    comparison
  } kind = Kind::literal;
  std::size_t begin = 0;  // in the text
  std::size_t end = 0;
  Json value{};                   // of a literal
  std::string name{};             // of a path: its root, "" if the first child is; of a call: the function
  std::vector<PathPart> parts{};  // of a path
  Comparison comparison = Comparison::equal;
  std::vector<ExpressionNode> children{};
};

// Names that a path may begin with.
inline constexpr std::array<std::string_view, 6> kExpressionRoots = {"inputs", "steps", "run",
                                                                     "item",   "index", "result"};

// Returns validation_failed with the position and what was expected.
Result<ExpressionNode> parse_expression(std::string_view text);

}  // namespace weir::tools::runs
