#include "tools/agents/playbook_references.h"

#include "tools/runs/playbook/template.h"

namespace weir::tools::agents {
namespace {

// Not thread-safe: owned by one reading.
class ReferenceWalk {
 public:
  explicit ReferenceWalk(Mistakes& mistakes) : mistakes_(mistakes) {}

  // Text by text, so that each reference knows where it stands.
  void walk(const Json& value, const std::string& path, TextReference::Place place) {
    if (value.is_string()) return read(value, path, place);
    if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], at_index(path, i), place);
    }
    if (!value.is_object()) return;
    for (const auto& [name, member] : value.items()) {
      if (name.find("${") != std::string::npos)
        mistakes_.add(path, "has a member whose name holds ${; only values may");
      walk(member, joined(path, name), place);
    }
  }

  // `text` is an expression, with ${ } around it or without.
  void read_expression(const std::string& text, const std::string& path, TextReference::Place place) {
    if (text.empty()) return;
    Result<runs::Expression> expression = runs::Expression::parse(text);
    if (!expression) return mistakes_.add(path, expression.error().message);
    keep(expression->references(), path, place);
  }

  std::vector<TextReference> take() { return std::move(found_); }

 private:
  void read(const Json& text, const std::string& path, TextReference::Place place) {
    Result<runs::Template> parsed = runs::Template::parse(text, path);
    if (parsed) return keep(parsed->references(), path, place);
    if (parsed.error().fields.empty()) mistakes_.add(path, parsed.error().message);
    for (const FieldError& field : parsed.error().fields)
      mistakes_.add(field.field.empty() ? path : field.field, field.message);
  }

  void keep(const std::vector<runs::Reference>& references, const std::string& path, TextReference::Place place) {
    for (const runs::Reference& reference : references)
      found_.push_back({.place = place, .path = path, .reference = reference});
  }

  Mistakes& mistakes_;
  std::vector<TextReference> found_;
};

}  // namespace

std::vector<TextReference> references_of(const Step& step, const std::string& path, Mistakes& mistakes) {
  using Place = TextReference::Place;
  ReferenceWalk walk(mistakes);
  walk.read_expression(step.when, joined(path, "when"), Place::when);
  walk.read_expression(step.for_each, joined(path, "for_each"), Place::for_each);
  walk.walk(step.args, joined(path, "args"), Place::args);
  walk.read_expression(step.until, joined(path, "until"), Place::until);
  return walk.take();
}

std::vector<TextReference> references_in(const Json& text, const std::string& path, Mistakes& mistakes) {
  ReferenceWalk walk(mistakes);
  walk.walk(text, path, TextReference::Place::output);
  return walk.take();
}

}  // namespace weir::tools::agents
