#include <algorithm>
#include <array>
#include <optional>

#include "tools/runs/playbook/expression.h"
#include "tools/runs/playbook/expression_functions.h"
#include "tools/runs/playbook/expression_tree.h"

namespace weir::tools::runs {
namespace {

using Kind = ExpressionNode::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_of_name(char c) { return begins_name(c) || is_digit(c) || c == '-'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Longer ones before those that they begin with.
struct Operator {
  std::string_view sign;
  Comparison comparison;
};
constexpr std::array kOperators = {Operator{"==", Comparison::equal},   Operator{"!=", Comparison::unequal},
                                   Operator{"<=", Comparison::at_most}, Operator{">=", Comparison::at_least},
                                   Operator{"<", Comparison::less},     Operator{">", Comparison::more}};
// What other languages have at the place of an operator, and what to say to it.
struct Foreign {
  std::string_view sign;
  std::string_view advice;
};
constexpr std::array kForeign = {
    Foreign{"=", "one = is no operator: compare with =="},
    Foreign{"&", "one & is no operator: write &&"},
    Foreign{"|", "one | is no operator: write ||"},
    Foreign{"+", "there is no arithmetic: put texts together in the template, \"${a} ${b}\""},
    Foreign{"-", "there is no arithmetic"},
    Foreign{"*", "there is no arithmetic"},
    Foreign{"/", "there is no arithmetic"},
    Foreign{"%", "there is no arithmetic"},
    Foreign{"?", "there is no ?: here: use `when`, or default(path, otherwise)"},
};

// By descent, one function for each level of the grammar. Not thread-safe: owned by parse_expression().
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<ExpressionNode> all() {
    if (text_.size() > kExpressionBytesMax) {
      return Error(ErrorCode::validation_failed, "an expression has at most " + std::to_string(kExpressionBytesMax) +
                                                     " bytes; this one has " + std::to_string(text_.size()));
    }
    auto node = any_of();
    if (!node) return node;
    skip_spaces();
    if (at_ < text_.size()) return unexpected("an operator or the end");
    return node;
  }

 private:
  Result<ExpressionNode> any_of() { return joined("||", Kind::any_of, &Parser::all_of); }
  Result<ExpressionNode> all_of() { return joined("&&", Kind::all_of, &Parser::comparison); }

  Result<ExpressionNode> joined(std::string_view sign, Kind kind, Result<ExpressionNode> (Parser::*operand)()) {
    auto first = (this->*operand)();
    if (!first || !follows(sign)) return first;
    ExpressionNode node{.kind = kind, .begin = first->begin};
    node.children.push_back(*std::move(first));
    while (take(sign)) {
      auto next = (this->*operand)();
      if (!next) return next;
      node.children.push_back(*std::move(next));
    }
    node.end = node.children.back().end;
    return node;
  }

  Result<ExpressionNode> comparison() {
    auto left = unary();
    if (!left) return left;
    const auto found = take_comparison();
    if (!found) return left;
    auto right = unary();
    if (!right) return right;
    ExpressionNode node{.kind = Kind::comparison, .begin = left->begin, .end = right->end, .comparison = *found};
    node.children.push_back(*std::move(left));
    node.children.push_back(*std::move(right));
    skip_spaces();
    const std::size_t second = at_;
    if (take_comparison()) return mistake(second, "comparisons do not chain: join two of them with &&");
    return node;
  }

  std::optional<Comparison> take_comparison() {
    for (const Operator& one : kOperators) {
      if (take(one.sign)) return one.comparison;
    }
    skip_spaces();
    if (text_.substr(at_).starts_with("in") && (at_ + 2 == text_.size() || !is_of_name(text_[at_ + 2]))) {
      at_ += 2;
      return Comparison::within;
    }
    return std::nullopt;
  }

  Result<ExpressionNode> unary() {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != '!' || text_.substr(at_).starts_with("!=")) return primary();
    return deeper([this]() -> Result<ExpressionNode> {
      ExpressionNode node{.kind = Kind::negation, .begin = at_++};
      auto operand = unary();
      if (!operand) return operand;
      node.end = operand->end;
      node.children.push_back(*std::move(operand));
      return node;
    });
  }

  Result<ExpressionNode> primary() {
    auto node = atom();
    if (!node || at_ >= text_.size() || (text_[at_] != '.' && text_[at_] != '[')) return node;
    if (node->kind == Kind::literal) return mistake(at_, "a literal has no members");
    if (node->kind == Kind::path) return node;  // atom() has taken them
    ExpressionNode path{.kind = Kind::path, .begin = node->begin};
    path.children.push_back(*std::move(node));
    return path_parts(std::move(path));
  }

  Result<ExpressionNode> atom() {
    skip_spaces();
    if (at_ >= text_.size()) return unexpected("a value");
    const char c = text_[at_];
    if (c == '(') return deeper([this] { return group(); });
    if (c == '[') {
      return deeper([this]() -> Result<ExpressionNode> {
        ExpressionNode node{.kind = Kind::list, .begin = at_++};
        return values_until(']', std::move(node));
      });
    }
    if (c == '"' || c == '\'') return quoted();
    if (is_digit(c) || c == '-') return number();
    if (begins_name(c)) return named();
    return unexpected("a value");
  }

  Result<ExpressionNode> group() {
    const std::size_t opened = at_++;
    auto node = any_of();
    if (!node) return node;
    if (!take(")")) return unexpected("\")\" for the \"(\" at " + std::to_string(opened + 1));
    return node;
  }

  // After the opening bracket: values, commas, `close`.
  Result<ExpressionNode> values_until(char close, ExpressionNode node) {
    const std::string_view end(&close, 1);
    while (!take(end)) {
      if (!node.children.empty() && !take(",")) return unexpected("\",\" or \"" + std::string(end) + "\"");
      auto value = any_of();
      if (!value) return value;
      node.children.push_back(*std::move(value));
    }
    node.end = at_;
    return node;
  }

  Result<ExpressionNode> named() {
    const std::size_t begin = at_;
    const std::string_view name = take_name();
    ExpressionNode node{.kind = Kind::literal, .begin = begin, .end = at_};
    if (name == "true" || name == "false") {
      node.value = name == "true";
      return node;
    }
    if (name == "null") return node;
    const std::size_t after = at_;
    if (take("(")) return call(name, begin);
    at_ = after;
    if (std::ranges::find(kExpressionRoots, name) == kExpressionRoots.end()) return unknown_name(name, begin);
    node.kind = Kind::path;
    node.name = name;
    return path_parts(std::move(node));
  }

  Error unknown_name(std::string_view name, std::size_t begin) const {
    if (find_function(name) != nullptr)
      return mistake(begin, "\"" + std::string(name) + "\" is a function: write " +
                                std::string(find_function(name)->help.signature));
    std::string roots;
    for (const std::string_view root : kExpressionRoots) roots.append(roots.empty() ? "" : ", ").append(root);
    return mistake(begin, "there is no \"" + std::string(name) + "\": paths begin with one of " + roots +
                              ", and a text stands in quotes");
  }

  Result<ExpressionNode> call(std::string_view name, std::size_t begin) {
    const FunctionRow* const function = find_function(name);
    if (function == nullptr) {
      return mistake(begin, "there is no function \"" + std::string(name) + "\"; there are " + function_names());
    }
    auto node = deeper([&] {
      return values_until(')', ExpressionNode{.kind = Kind::call, .begin = begin, .name = std::string(name)});
    });
    if (!node) return node;
    const std::size_t count = node->children.size();
    if (count < function->arguments_min || count > function->arguments_max) {
      return mistake(begin, std::string(function->help.signature) + " does not take " + std::to_string(count) +
                                (count == 1 ? " value" : " values"));
    }
    return node;
  }

  Result<ExpressionNode> path_parts(ExpressionNode path) {
    while (at_ < text_.size()) {
      if (text_[at_] == '.') {
        ++at_;
        if (at_ >= text_.size() || !begins_name(text_[at_])) return unexpected("a member's name after \".\"");
        path.parts.push_back({.name = std::string(take_name())});
      } else if (text_[at_] == '[') {
        auto index = deeper([this] { return bracketed(); });
        if (!index) return index;
        if (index->kind == Kind::literal && index->value.is_string()) {
          path.parts.push_back({.name = index->value.get<std::string>()});
        } else {
          path.parts.push_back({.name = "", .child = static_cast<int>(path.children.size())});
          path.children.push_back(*std::move(index));
        }
      } else {
        break;
      }
    }
    path.end = at_;
    if (path.name == "steps" && (path.parts.empty() || path.parts.front().name.empty())) {
      return mistake(path.begin, "\"steps\" wants the name of a step: steps.scan.result");
    }
    return path;
  }

  Result<ExpressionNode> bracketed() {
    ++at_;
    auto index = any_of();
    if (!index) return index;
    if (index->kind == Kind::literal && !index->value.is_string() &&
        !(index->value.is_number_integer() && index->value >= 0)) {
      return mistake(index->begin, "expected a position from 0 or a member's name in quotes");
    }
    if (!take("]")) return unexpected("\"]\"");
    return index;
  }

  Result<ExpressionNode> quoted() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ >= text_.size()) break;
        constexpr std::string_view kLetters = "nrt\"'\\/";
        constexpr std::string_view kMeanings = "\n\r\t\"'\\/";
        const auto escape = kLetters.find(text_[at_]);
        if (escape == std::string_view::npos)
          return mistake(at_ - 1, R"(unknown escape; there are \n \r \t \" \' \\ \/)");
        c = kMeanings[escape];
        ++at_;
      }
      value += c;
    }
    if (at_ >= text_.size()) return mistake(begin, "this text has no closing quote");
    ++at_;
    return ExpressionNode{.kind = Kind::literal, .begin = begin, .end = at_, .value = std::move(value)};
  }

  Result<ExpressionNode> number() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_of_name(text_[at_]) || text_[at_] == '.' || text_[at_] == '+')) ++at_;
    auto value = parse_json(text_.substr(begin, at_ - begin));
    if (!value || !value->is_number()) {
      return mistake(begin, "\"" + std::string(text_.substr(begin, at_ - begin)) + "\" is no number");
    }
    return ExpressionNode{.kind = Kind::literal, .begin = begin, .end = at_, .value = *std::move(value)};
  }

  std::string_view take_name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_of_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool follows(std::string_view sign) {
    skip_spaces();
    return text_.substr(at_).starts_with(sign);
  }
  bool take(std::string_view sign) {
    if (!follows(sign)) return false;
    at_ += sign.size();
    return true;
  }

  // One level further in, which is not stack without end.
  template <typename Inner>
  Result<ExpressionNode> deeper(Inner inner) {
    if (depth_ == kExpressionDepthMax) {
      return mistake(at_, "nested deeper than " + std::to_string(kExpressionDepthMax) + " levels");
    }
    ++depth_;
    Result<ExpressionNode> node = inner();
    --depth_;
    return node;
  }

  [[nodiscard]] Error mistake(std::size_t position, const std::string& what) const {
    return Error(ErrorCode::validation_failed, "at " + std::to_string(position + 1) + ": " + what);
  }

  [[nodiscard]] Error unexpected(const std::string& expected) {
    skip_spaces();
    const std::string_view rest = text_.substr(std::min(at_, text_.size()));
    for (const Foreign& one : kForeign) {
      if (rest.starts_with(one.sign)) return mistake(at_, std::string(one.advice));
    }
    constexpr std::size_t kShownMax = 20;
    const std::string found = rest.empty() ? "the end" : "\"" + std::string(rest.substr(0, kShownMax)) + "\"";
    return mistake(at_, "expected " + expected + ", found " + found);
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

Result<ExpressionNode> parse_expression(std::string_view text) { return Parser(text).all(); }

}  // namespace weir::tools::runs
