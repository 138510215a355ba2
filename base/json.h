// JSON without exceptions: parsing returns a Result, reading returns what is there, writing never fails.
// The only place that calls the library's parser and serialiser.
#pragma once
#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Compiled once, in json.cc: instantiating it in every file would double the time of a build. Not in the release build,
// where the small members are worth inlining.
#ifndef NDEBUG
extern template class nlohmann::basic_json<>;
#endif

namespace weir {

// Objects are sorted by name. (An insertion-ordered object is searched linearly, which a hostile body with
// many members would turn into quadratic work.)
using Json = nlohmann::json;

// Deeper documents are refused: nothing that Weir speaks nests further, and recursion over them must end.
inline constexpr std::size_t kJsonDepthMax = 64;

// Returns bad_request, with the position and what was expected, if `text` is not one JSON value, is not valid
// UTF-8, or nests deeper than `depth_max`. Never throws.
Result<Json> parse_json(std::string_view text, std::size_t depth_max = kJsonDepthMax);

// Compact, on one line; invalid UTF-8 is replaced by U+FFFD, so it never fails.
std::string to_text(const Json& value);
// The same with two spaces of indentation, for people.
std::string to_pretty_text(const Json& value);

// "string", "integer", "number", "boolean", "object", "array" or "null": the words of JSON Schema.
std::string_view json_type(const Json& value);

// Member access that cannot fail: nothing (or the fallback) if `object` is not an object, lacks the member or
// holds another type.
const Json* find_member(const Json& object, std::string_view name);
std::optional<std::string> string_member(const Json& object, std::string_view name);
std::optional<std::int64_t> integer_member(const Json& object, std::string_view name);
std::optional<bool> bool_member(const Json& object, std::string_view name);
std::string string_or(const Json& object, std::string_view name, std::string_view fallback);
std::int64_t integer_or(const Json& object, std::string_view name, std::int64_t fallback);
bool bool_or(const Json& object, std::string_view name, bool fallback);

}  // namespace weir
