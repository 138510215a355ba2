#include <charconv>

#include "store/database.h"

namespace weir::store {
namespace {

template <typename Number>
Number number_in(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? number : Number{};
}

std::string text_of(double number) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return error == std::errc{} ? std::string(buffer.data(), end) : std::string();
}

// Outside these bounds the cast would be undefined; 2^63 itself is not an int64.
std::int64_t integer_of(double number) {
  constexpr double kLimit = 9223372036854775808.0;
  return number >= -kLimit && number < kLimit ? static_cast<std::int64_t>(number) : 0;
}

}  // namespace

Value optional_value(const std::optional<std::string>& text) { return text ? Value(*text) : Value(nullptr); }

Value optional_value(const std::optional<std::int64_t>& number) { return number ? Value(*number) : Value(nullptr); }

bool Row::is_null(std::size_t column) const { return std::holds_alternative<std::nullptr_t>(values_.at(column)); }

std::int64_t Row::integer(std::size_t column) const {
  const Value& value = values_.at(column);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* number = std::get_if<double>(&value)) return integer_of(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return number_in<std::int64_t>(*text);
  return 0;
}

double Row::number(std::size_t column) const {
  const Value& value = values_.at(column);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return number_in<double>(*text);
  return 0;
}

std::string Row::text(std::size_t column) const {
  const Value& value = values_.at(column);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return text_of(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

std::optional<std::int64_t> Row::optional_integer(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::optional<std::string> Row::optional_text(std::size_t column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

Json Row::json(std::size_t column) const {
  if (is_null(column)) return nullptr;
  auto parsed = parse_json(text(column));
  return parsed ? std::move(*parsed) : Json();
}

}  // namespace weir::store
