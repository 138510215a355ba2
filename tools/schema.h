// A compiled JSON Schema (2020-12 as far as valijson goes). The only file that knows valijson.
#pragma once
#include <memory>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools {

// Thread-safe.
class Schema {
 public:
  // Crashes if `schema` is not a schema: it is ours.
  explicit Schema(const Json& schema);
  // For a schema that a caller sent. Returns validation_failed if it is none.
  static Result<Schema> compile(const Json& schema);
  ~Schema();
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;

  // Every violation, in a person's words: {"profile", "is \"fast\"; expected one of passive, quick, full"}. Empty:
  // valid. At most kErrorsMax.
  [[nodiscard]] std::vector<FieldError> violations(const Json& value) const;
  static constexpr std::size_t kErrorsMax = 10;

  // `value` with the schema's top-level defaults for members that are missing.
  [[nodiscard]] Json with_defaults(Json value) const;

 private:
  struct State;
  explicit Schema(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir::tools
