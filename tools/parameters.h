// The words in which tools declare their schemas: small builders for JSON Schema that reads the same as draft-07 and
// as 2020-12 (no tuples, no $defs, no formats that either makes an assertion).
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace weir::tools::parameters {

using Members = std::vector<std::pair<std::string, Json>>;

// A root object: `required` members are listed by name; nothing else may be given.
Json arguments(const Members& members, const std::vector<std::string>& required = {});
// The object of an answer: all `members` are always there except those in `optional`; more may be added later.
Json answer(const Members& members, const std::vector<std::string>& optional = {}, std::string_view description = "");

struct TextBounds {
  std::int64_t length_min = 1;
  std::int64_t length_max = 200;
};
Json text(std::string_view description, TextBounds bounds);
Json text(std::string_view description);  // any length
Json one_of(std::string_view description, const std::vector<std::string>& values);
struct IntegerBounds {
  std::int64_t minimum = 0;
  std::int64_t maximum = 0;
};
Json integer(std::string_view description, IntegerBounds bounds);
Json integer(std::string_view description);
Json number(std::string_view description);
Json boolean(std::string_view description);
Json list(std::string_view description, Json items);
Json list(std::string_view description, Json items, std::int64_t items_max);
Json object(std::string_view description);  // any members
// The schema with its type widened by null.
Json nullable(Json schema);
Json with_default(Json schema, Json value);

// An RFC 3339 time in UTC.
Json time(std::string_view description);
Json id(std::string_view prefix, std::string_view description);

// `limit` and `cursor`, the same for every list.
Members page_members();
// {"data": [...], "next_cursor": text or null}
Json page_answer(std::string_view description, Json item, Members more = {});

}  // namespace weir::tools::parameters
