#include "tools/runs/playbook/expression.h"

#include <algorithm>
#include <array>

#include "tools/runs/playbook/expression_functions.h"
#include "tools/runs/playbook/expression_tree.h"

namespace weir::tools::runs {
namespace {

using Kind = ExpressionNode::Kind;

// Borrowed from the bindings or the expression wherever it can be: results are large. Not thread-safe: a value.
struct Value {
  Json owned{};
  const Json* borrowed = nullptr;

  [[nodiscard]] const Json& get() const { return borrowed != nullptr ? *borrowed : owned; }
  [[nodiscard]] Json take() && { return borrowed != nullptr ? *borrowed : std::move(owned); }
};

std::string type_of(const Json& value) { return value.is_null() ? "null" : "of type " + std::string(json_type(value)); }

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 120;
  return "\"" + std::string(text.substr(0, kShownMax)) + (text.size() > kShownMax ? "..." : "") + "\"";
}

bool holds(Comparison comparison, std::partial_ordering order) {
  switch (comparison) {
    case Comparison::less: return order < 0;
    case Comparison::at_most: return order <= 0;
    case Comparison::more: return order > 0;
    default: return order >= 0;
  }
}

// What there is where a member is not: the way out of a typing mistake.
std::string what_there_is(const Json& value) {
  if (value.is_null()) return "it is null";
  if (value.is_array()) return "it is a list of " + std::to_string(value.size());
  if (!value.is_object()) return "it is a value " + type_of(value);
  if (value.empty()) return "it is empty";
  constexpr std::size_t kNamesMax = 8;
  std::string names;
  std::size_t count = 0;
  for (const auto& [name, unused] : value.items()) {
    if (++count > kNamesMax) return "it has " + names + " and " + std::to_string(value.size() - kNamesMax) + " more";
    names += (names.empty() ? "" : ", ") + name;
  }
  return "it has " + names;
}

Error not_there(const std::string& path, const std::string& holder, const Json& value) {
  return Error(ErrorCode::not_found, path + " is not there: look at " + holder + ", " + what_there_is(value))
      .with_field(path, "is not there");
}

// Not thread-safe: owned by evaluate().
class Evaluation {
 public:
  Evaluation(std::string_view text, const Bindings& bindings) : text_(text), bindings_(bindings) {}

  Result<Value> value_of(const ExpressionNode& node) {
    if (auto looked = meter_.look(); !looked) return std::move(looked).error();
    switch (node.kind) {
      case Kind::literal: return Value{.borrowed = &node.value};
      case Kind::list: return list(node);
      case Kind::path: return path(node);
      case Kind::call: return call(node);
      case Kind::negation: {
        auto operand = truth(node.children[0], "!");
        if (!operand) return std::move(operand).error();
        return Value{.owned = !*operand};
      }
      case Kind::all_of: return joined(node, "&&", false);
      case Kind::any_of: return joined(node, "||", true);
      case Kind::comparison: return comparison(node);
    }
    return internal_error("an expression's node of no kind");
  }

 private:
  [[nodiscard]] std::string_view source(const ExpressionNode& node) const {
    return text_.substr(node.begin, node.end - node.begin);
  }

  Result<bool> truth(const ExpressionNode& node, std::string_view sign) {
    auto value = value_of(node);
    if (!value) return std::move(value).error();
    if (value->get().is_boolean()) return value->get().get<bool>();
    return Error(ErrorCode::validation_failed, std::string(sign) + " wants true or false, and " + shown(source(node)) +
                                                   " is " + type_of(value->get()));
  }

  Result<Value> joined(const ExpressionNode& node, std::string_view sign, bool decisive) {
    for (const ExpressionNode& operand : node.children) {
      auto is_true = truth(operand, sign);
      if (!is_true) return std::move(is_true).error();
      if (*is_true == decisive) return Value{.owned = decisive};
    }
    return Value{.owned = !decisive};
  }

  Result<Value> comparison(const ExpressionNode& node) {
    auto left = value_of(node.children[0]);
    if (!left) return left;
    auto right = value_of(node.children[1]);
    if (!right) return right;
    const Json& a = left->get();
    const Json& b = right->get();
    if (node.comparison == Comparison::equal || node.comparison == Comparison::unequal) {
      auto is_equal = are_equal(a, b, meter_);
      if (!is_equal) return std::move(is_equal).error();
      return Value{.owned = *is_equal == (node.comparison == Comparison::equal)};
    }
    if (node.comparison == Comparison::within) {
      auto is_inside = is_within(a, b, meter_);
      if (!is_inside) return std::move(is_inside).error();
      return Value{.owned = *is_inside};
    }
    if (!(a.is_number() && b.is_number()) && !(a.is_string() && b.is_string())) {
      return Error(ErrorCode::validation_failed, shown(source(node)) + " compares what is " + type_of(a) +
                                                     " with what is " + type_of(b) +
                                                     ": two numbers or two texts can be compared");
    }
    const auto order = a < b ? std::partial_ordering::less
                             : (b < a ? std::partial_ordering::greater : std::partial_ordering::equivalent);
    return Value{.owned = holds(node.comparison, order)};
  }

  Result<Value> list(const ExpressionNode& node) {
    Value values{.owned = Json::array()};
    for (const ExpressionNode& element : node.children) {
      auto value = value_of(element);
      if (!value) return value;
      if (auto looked = meter_.look_into(value->get()); !looked) return std::move(looked).error();
      values.owned.push_back((*std::move(value)).take());
    }
    return values;
  }

  Result<Value> call(const ExpressionNode& node) {
    if (node.name == "default") {
      auto value = value_of(node.children[0]);
      const bool is_absent = value ? value->get().is_null() : value.error().code == ErrorCode::not_found;
      return is_absent ? value_of(node.children[1]) : std::move(value);
    }
    std::vector<Value> values;
    values.reserve(node.children.size());
    std::vector<const Json*> arguments;
    for (const ExpressionNode& child : node.children) {
      auto value = value_of(child);
      if (!value) return value;
      values.push_back(*std::move(value));
      arguments.push_back(&values.back().get());
    }
    const FunctionRow* const function = find_function(node.name);
    CHECK(function != nullptr && function->call != nullptr, "the parser knows the functions");
    auto result = function->call(arguments, meter_);
    if (!result) return std::move(result).error();
    return Value{.owned = *std::move(result)};
  }

  Result<Value> path(const ExpressionNode& node) {
    Value base;
    std::string walked = node.name;
    if (node.name.empty()) {
      auto value = value_of(node.children[0]);
      if (!value) return value;
      base = *std::move(value);
      walked = source(node.children[0]);
    } else {
      const auto bound = bindings_.find(node.name);
      if (bound == bindings_.end()) {
        return Error(ErrorCode::not_found, "\"" + node.name + "\" has no value here")
            .with_field(node.name, "is not there");
      }
      base.borrowed = bound->second;
    }
    const Json* at = &base.get();
    for (const PathPart& part : node.parts) {
      const std::string holder = walked;
      Json key = part.name;
      if (part.child >= 0) {
        auto index = value_of(node.children[static_cast<std::size_t>(part.child)]);
        if (!index) return index;
        key = (*std::move(index)).take();
      }
      const Json* inner = nullptr;
      if (key.is_string()) {
        walked += "." + key.get_ref<const std::string&>();
        inner = find_member(*at, key.get_ref<const std::string&>());
      } else if (key.is_number_integer() && key >= 0) {
        const auto position = key.get<std::size_t>();
        walked += "[" + std::to_string(position) + "]";
        if (at->is_array() && position < at->size()) inner = &(*at)[position];
      } else {
        return Error(ErrorCode::validation_failed, "what stands in the brackets after " + holder + " is " +
                                                       type_of(key) +
                                                       ": it must be a position from 0 or a member's name");
      }
      if (inner == nullptr) return not_there(walked, holder, *at);
      at = inner;
    }
    if (base.borrowed != nullptr) return Value{.borrowed = at};
    return Value{.owned = *at};
  }

  const std::string_view text_;
  const Bindings& bindings_;
  EvaluationMeter meter_;
};

void collect_references(const ExpressionNode& node, std::vector<Reference>& references) {
  if (node.kind == Kind::path && !node.name.empty()) {
    Reference reference{.root = node.name, .text = node.name, .position = node.begin};
    std::size_t fixed = 0;
    for (const PathPart& part : node.parts) {
      const ExpressionNode* const index =
          part.child < 0 ? nullptr : &node.children[static_cast<std::size_t>(part.child)];
      if (index != nullptr && index->kind != Kind::literal) break;
      reference.text += index == nullptr ? "." + part.name : "[" + to_text(index->value) + "]";
      const bool is_step = node.name == "steps" && fixed == 0;
      if (is_step) reference.step = part.name;
      if (!is_step && fixed == (node.name == "steps" ? 1U : 0U)) reference.member = part.name;
      ++fixed;
    }
    references.push_back(std::move(reference));
  }
  for (const ExpressionNode& child : node.children) collect_references(child, references);
}

// The same without one ${ } around all of it, if that is what it is.
std::string_view without_braces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (first == std::string_view::npos) return text;
  const std::string_view trimmed = text.substr(first, last - first + 1);
  if (!trimmed.starts_with("${") || !trimmed.ends_with('}')) return trimmed;
  return trimmed.substr(2, trimmed.size() - 3);
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  Expression expression;
  expression.text_ = without_braces(text);
  auto root = parse_expression(expression.text_);
  if (!root) {
    Error error = std::move(root).error();
    error.message = shown(expression.text_) + ": " + error.message;
    return error;
  }
  expression.root_ = std::make_shared<const ExpressionNode>(*std::move(root));
  collect_references(*expression.root_, expression.references_);
  return expression;
}

Result<Json> Expression::evaluate(const Bindings& bindings) const {
  auto value = Evaluation(text_, bindings).value_of(*root_);
  if (value && json_bytes(value->get(), kExpressionValueBytesMax) > kExpressionValueBytesMax) {
    value = Error(ErrorCode::payload_too_large, "the value is larger than " + std::to_string(kExpressionValueBytesMax) +
                                                    " bytes: ask the tools for less");
  }
  if (!value) {
    Error error = std::move(value).error();
    error.message = shown(text_) + ": " + error.message;
    return error;
  }
  return (*std::move(value)).take();
}

Result<bool> Expression::evaluate_condition(const Bindings& bindings) const {
  auto value = evaluate(bindings);
  if (!value) return std::move(value).error();
  if (value->is_boolean()) return value->get<bool>();
  return Error(ErrorCode::validation_failed,
               shown(text_) + ": a condition must be true or false, and this is " + type_of(*value));
}

std::size_t json_bytes(const Json& value, std::size_t enough) {
  constexpr std::size_t kNumberBytes = 8;
  constexpr std::size_t kPunctuationBytes = 4;
  if (value.is_string()) return value.get_ref<const std::string&>().size() + 2;
  if (!value.is_structured()) return kNumberBytes;
  std::size_t bytes = 2;
  for (auto it = value.begin(); it != value.end() && bytes <= enough; ++it) {
    if (value.is_object()) bytes += it.key().size();
    bytes += kPunctuationBytes + json_bytes(*it, enough);
  }
  return bytes;
}

}  // namespace weir::tools::runs
