// libFuzzer entry for the expressions and templates of playbooks: whatever the bytes, parsing and evaluation end, say what is
// wrong, and stay within their bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "tools/runs/playbook/expression.h"
#include "tools/runs/playbook/template.h"

namespace {

const weir::Json& inputs() {
  static const weir::Json kInputs = weir::Json::parse(
      R"({"n": 7, "f": -1.5, "t": "text", "b": true, "z": null, "list": ["a", "b", 3, {"id": 1}, [2]], "o": {"k": {"id": "x"}}})");
  return kInputs;
}

const weir::Json& steps() {
  static const weir::Json kSteps = weir::Json::parse(
      R"({"a": {"status": "completed", "result": {"id": "scn_1", "data": [{"id": 1, "severity": "high"}, {"id": 2}]}},
          "b": {"status": "skipped"}, "c": {"status": "completed", "results": [{"id": 1}, null, {"id": 3}]}})");
  return kSteps;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::tools::runs;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const weir::Json index = 1;
  const Bindings bindings{{"inputs", &inputs()}, {"steps", &steps()}, {"item", &inputs()}, {"index", &index}};

  if (const auto expression = Expression::parse(text); !expression) {
    CHECK(!expression.error().message.empty(), "a mistake is said");
  } else {
    CHECK(expression->text().size() <= kExpressionBytesMax, "an expression is bounded");
    for (const Reference& reference : expression->references()) {
      CHECK(reference.position < expression->text().size(), "a reference stands in the text");
      CHECK((reference.root == "steps") == !reference.step.empty(), "what reads steps names one");
    }
    const auto value = expression->evaluate(bindings);
    const auto again = expression->evaluate(bindings);
    CHECK(value.has_value() == again.has_value(), "the same each time");
    if (value) {
      CHECK(*value == *again, "the same value each time");
      CHECK(json_bytes(*value, kExpressionValueBytesMax) <= kExpressionValueBytesMax, "a value is bounded");
    } else {
      CHECK(value.error().message == again.error().message, "the same mistake each time");
    }
  }

  const weir::Json json{{"a", text}, {"b", {text, 1}}};
  if (const auto written = Template::parse(json, "args")) {
    if (text.find('$') == std::string_view::npos)
      CHECK(*written->evaluate(bindings) == json, "plain text stays as it is");
    (void)written->evaluate(bindings);
  }
  return 0;
}
