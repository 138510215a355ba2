#include "tools/runs/playbook/template.h"

#include <utility>

#include "tools/runs/playbook/relative_path.h"

namespace weir::tools::runs {

// Not thread-safe: a value.
struct TemplateNode {
  enum class Kind : std::uint8_t { literal, value, text, list, object } kind = Kind::literal;
  std::string path;  // for messages
  Json literal{};
  std::vector<Expression> expressions{};  // one for value; for text as many as there are
  std::vector<std::string> pieces{};      // of text: one more than expressions, around them
  std::vector<std::pair<std::string, TemplateNode>> children{};
};

namespace {

using Kind = TemplateNode::Kind;

// Where the expression that begins at `from` ends: at the first } that is not within quotes.
std::size_t end_of_expression(std::string_view text, std::size_t from) {
  char quote = '\0';
  for (std::size_t at = from; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != '\0') {
      if (c == '\\') {
        ++at;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '}') {
      return at;
    }
  }
  return std::string_view::npos;
}

// Not thread-safe: owned by Template::parse().
class Parser {
 public:
  TemplateNode node_of(const Json& json, const std::string& path, std::size_t depth) {
    TemplateNode node{.path = path};
    if (json.is_string()) {
      read_text(json.get_ref<const std::string&>(), node);
    } else if (!json.is_structured()) {
      node.literal = json;
    } else if (depth == kJsonDepthMax) {
      add_mistake(path, "is nested deeper than " + std::to_string(kJsonDepthMax) + " levels");
    } else if (json.is_array()) {
      node.kind = Kind::list;
      std::size_t position = 0;
      for (const Json& element : json) {
        node.children.emplace_back("", node_of(element, path + "[" + std::to_string(position++) + "]", depth + 1));
      }
    } else {
      node.kind = Kind::object;
      for (const auto& [name, member] : json.items()) {
        const std::string inner = path.empty() ? name : path + "." + name;
        if (name.find("${") != std::string::npos) add_mistake(inner, "a member's name cannot hold an expression");
        node.children.emplace_back(name, node_of(member, inner, depth + 1));
      }
    }
    return node;
  }

  [[nodiscard]] const std::vector<FieldError>& mistakes() const { return mistakes_; }
  [[nodiscard]] std::vector<Reference> take_references() { return std::move(references_); }

 private:
  void read_text(const std::string& text, TemplateNode& node) {
    std::string piece;
    std::size_t at = 0;
    while (at < text.size()) {
      if (text.compare(at, 3, "$${") == 0) {
        piece += "${";
        at += 3;
        continue;
      }
      if (text.compare(at, 2, "${") != 0) {
        piece += text[at++];
        continue;
      }
      const std::size_t end = end_of_expression(text, at + 2);
      if (end == std::string::npos) {
        add_mistake(node.path, "the \"${\" at " + std::to_string(at + 1) +
                                   " has no \"}\"; write $${ for the characters themselves");
        return;
      }
      if (!add_expression(std::string_view(text).substr(at + 2, end - at - 2), node)) return;
      node.pieces.push_back(std::exchange(piece, {}));
      at = end + 1;
    }
    if (node.expressions.empty()) {
      node.literal = std::move(piece);
      return;
    }
    node.pieces.push_back(std::move(piece));
    const bool is_whole = node.expressions.size() == 1 && node.pieces[0].empty() && node.pieces[1].empty();
    node.kind = is_whole ? Kind::value : Kind::text;
  }

  bool add_expression(std::string_view text, TemplateNode& node) {
    if (++count_ > kTemplateExpressionsMax) {
      if (count_ == kTemplateExpressionsMax + 1) {
        add_mistake(node.path, "is one expression too many: there may be " + std::to_string(kTemplateExpressionsMax));
      }
      return false;
    }
    auto expression = Expression::parse(text);
    if (!expression) {
      add_mistake(node.path, expression.error().message);
      return false;
    }
    references_.insert(references_.end(), expression->references().begin(), expression->references().end());
    node.expressions.push_back(*std::move(expression));
    return true;
  }

  void add_mistake(std::string path, std::string message) {
    mistakes_.push_back({std::move(path), std::move(message)});
  }

  std::size_t count_ = 0;
  std::vector<Reference> references_;
  std::vector<FieldError> mistakes_;
};

Error at_path(const TemplateNode& node, Error error) {
  if (!node.path.empty()) error.message = node.path + ": " + error.message;
  return error;
}

Result<Json> text_value(const TemplateNode& node, const Bindings& bindings) {
  std::string text = node.pieces[0];
  for (std::size_t i = 0; i < node.expressions.size(); ++i) {
    auto value = node.expressions[i].evaluate(bindings);
    if (!value) return at_path(node, std::move(value).error());
    text += text_of(*value);
    text += node.pieces[i + 1];
    if (text.size() > kExpressionValueBytesMax) break;
  }
  return Json(std::move(text));
}

// `room`: what is left of the bound of the whole.
Result<Json> value_of(const TemplateNode& node, const Bindings& bindings, std::size_t& room) {
  Json result;
  if (node.kind == Kind::list || node.kind == Kind::object) {
    result = node.kind == Kind::list ? Json::array() : Json::object();
    for (const auto& [name, child] : node.children) {
      auto value = value_of(child, bindings, room);
      if (!value) return value;
      if (node.kind == Kind::list) {
        result.push_back(*std::move(value));
      } else {
        result[name] = *std::move(value);
      }
    }
    return result;
  }
  if (node.kind == Kind::literal) {
    result = node.literal;
  } else {
    auto value = node.kind == Kind::text ? text_value(node, bindings) : node.expressions[0].evaluate(bindings);
    if (!value) return node.kind == Kind::text ? std::move(value).error() : at_path(node, std::move(value).error());
    result = *std::move(value);
  }
  const std::size_t bytes = json_bytes(result, room);
  if (bytes > room) {
    return at_path(node, Error(ErrorCode::payload_too_large, "the whole is larger than " +
                                                                 std::to_string(kExpressionValueBytesMax) +
                                                                 " bytes: ask the tools for less"));
  }
  room -= bytes;
  return result;
}

}  // namespace

Result<Template> Template::parse(const Json& json, std::string_view path) {
  Parser parser;
  TemplateNode root = parser.node_of(json, std::string(path), 0);
  if (!parser.mistakes().empty()) {
    Error error(ErrorCode::validation_failed,
                parser.mistakes().front().field + ": " + parser.mistakes().front().message);
    error.fields = parser.mistakes();
    return error;
  }
  Template result;
  result.root_ = std::make_shared<const TemplateNode>(std::move(root));
  result.references_ = parser.take_references();
  return result;
}

Result<Json> Template::evaluate(const Bindings& bindings) const {
  std::size_t room = kExpressionValueBytesMax;
  return value_of(*root_, bindings, room);
}

}  // namespace weir::tools::runs
