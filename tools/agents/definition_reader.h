// Reading what a caller sent, member by member: every mistake is kept with its path, none ends the reading, so that a
// caller sees all of them at once. Also reads what we stored ourselves, where a mistake would be ours.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::agents {

// Collects mistakes. Not thread-safe: owned by the reading.
class Mistakes {
 public:
  // More are counted, not kept.
  static constexpr std::size_t kKeptMax = 20;

  void add(std::string path, std::string problem);
  [[nodiscard]] bool is_empty() const { return fields_.empty(); }
  [[nodiscard]] std::size_t count() const { return fields_.size() + dropped_; }
  [[nodiscard]] const std::vector<FieldError>& fields() const { return fields_; }
  // validation_failed with all of them; `what` is "the agent".
  [[nodiscard]] Error error(std::string_view what) const;

 private:
  std::vector<FieldError> fields_;
  std::size_t dropped_ = 0;
};

// What a value is, for messages: the string "x", the number 3, an array of 4, an object, null.
std::string shown(const Json& value);
// `; did you mean get_scan?`, or "".
std::string suggestion(std::string_view name, const std::vector<std::string>& known);
// "steps[2]" and "args": "steps[2].args".
std::string joined(std::string_view path, std::string_view member);
std::string at_index(std::string_view path, std::size_t index);

// The members of one object. Not thread-safe: owned by the reading; `json` and `mistakes` must outlive it.
class MemberReader {
 public:
  // Members that are not `known` are mistakes, and so is what is no object.
  MemberReader(const Json& json, std::string path, const std::vector<std::string>& known, Mistakes& mistakes);

  [[nodiscard]] std::string path_of(std::string_view member) const { return joined(path_, member); }
  // Null if it is missing or null.
  [[nodiscard]] const Json* find(std::string_view member) const;
  [[nodiscard]] bool has(std::string_view member) const { return find(member) != nullptr; }

  // Each returns nothing if the member is missing or wrong; what is wrong is a mistake.
  std::optional<std::string> text(std::string_view member, std::size_t bytes_max);
  struct Range {
    std::int64_t minimum = 0;
    std::int64_t maximum = 0;
  };
  std::optional<std::int64_t> integer(std::string_view member, Range range);
  std::optional<double> number(std::string_view member, double minimum, double maximum);
  std::optional<std::string> one_of(std::string_view member, const std::vector<std::string>& values);
  // Null unless it is an array of at most `items_max`.
  const Json* list(std::string_view member, std::size_t items_max);
  // Null unless it is an object.
  const Json* object(std::string_view member);
  void missing(std::string_view member, std::string_view expected);
  void wrong(std::string_view member, std::string problem) { mistakes_.add(path_of(member), std::move(problem)); }

 private:
  const Json& json_;
  const std::string path_;
  Mistakes& mistakes_;
};

}  // namespace weir::tools::agents
