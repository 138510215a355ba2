// How this folder writes times, JSON and lists into columns and reads them back, and what a statement's outcome
// means. For the *_store files only.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

inline Value time_value(UnixMillis time) { return to_unix_ms(time); }
inline Value time_value(const std::optional<UnixMillis>& time) {
  return time ? Value(to_unix_ms(*time)) : Value(nullptr);
}
inline Value json_value(const Json& json) { return json.is_null() ? Value(nullptr) : Value(to_text(json)); }
inline Value flag_value(bool flag) { return std::int64_t{flag ? 1 : 0}; }
inline Value text_value(std::string_view text) { return std::string(text); }

inline UnixMillis time_in(const Row& row, std::size_t column) { return from_unix_ms(row.integer(column)); }
inline std::optional<UnixMillis> optional_time_in(const Row& row, std::size_t column) {
  if (row.is_null(column)) return std::nullopt;
  return time_in(row, column);
}

// Lists are JSON arrays of strings or integers.
template <typename T>
Value list_value(const std::vector<T>& items) {
  return to_text(Json(items));
}
inline std::vector<std::string> texts_in(const Row& row, std::size_t column) {
  std::vector<std::string> items;
  for (const Json& item : row.json(column)) {
    if (item.is_string()) items.push_back(item.get<std::string>());
  }
  return items;
}
inline std::vector<std::int64_t> integers_in(const Row& row, std::size_t column) {
  std::vector<std::int64_t> items;
  for (const Json& item : row.json(column)) {
    if (item.is_number_integer()) items.push_back(item.get<std::int64_t>());
  }
  return items;
}

// Ends a SELECT that claims rows of a queue: what another node is claiming is passed over. SQLite has one writer.
inline std::string_view skip_locked(const Transaction& transaction) {
  return transaction.dialect() == Dialect::postgres ? " FOR UPDATE SKIP LOCKED" : "";
}

// For statements whose number of changed rows does not matter.
inline Result<void> done(Result<std::int64_t> changed) {
  if (!changed) return std::move(changed).error();
  return {};
}
// For changes of one row that must exist: `missing` if it does not.
inline Result<void> changed_one(Result<std::int64_t> changed, std::string_view missing) {
  if (!changed) return std::move(changed).error();
  if (*changed == 0) return Error(ErrorCode::not_found, std::string(missing));
  return {};
}
inline Result<bool> changed_any(Result<std::int64_t> changed) {
  if (!changed) return std::move(changed).error();
  return *changed > 0;
}

// Every row of an answer as a T.
template <typename Make>
auto each_row(Result<std::vector<Row>> rows, Make make) -> Result<std::vector<std::invoke_result_t<Make, const Row&>>> {
  if (!rows) return std::move(rows).error();
  std::vector<std::invoke_result_t<Make, const Row&>> items;
  items.reserve(rows->size());
  for (const Row& row : *rows) items.push_back(make(row));
  return items;
}
// The first row as a T, nothing if there is none.
template <typename Make>
auto first_row(Result<std::vector<Row>> rows, Make make)
    -> Result<std::optional<std::invoke_result_t<Make, const Row&>>> {
  using Item = std::optional<std::invoke_result_t<Make, const Row&>>;
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return Item();
  return Item(make(rows->front()));
}
// The first row as a T; not_found, saying `missing`, if there is none.
template <typename Make>
auto only_row(Result<std::vector<Row>> rows, Make make, std::string_view missing)
    -> Result<std::invoke_result_t<Make, const Row&>> {
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return Error(ErrorCode::not_found, std::string(missing));
  return make(rows->front());
}
// The integer in the first column of the only row; 0 if there is no row.
inline Result<std::int64_t> only_integer(Result<std::vector<Row>> rows) {
  if (!rows) return std::move(rows).error();
  return rows->empty() ? 0 : rows->front().integer(0);
}

// A page read with one row more than asked for, which tells whether there is a next one. `id_of` gives the id
// that the next page continues after.
template <typename T, typename IdOf>
Page<T> page_of(std::vector<T> items, std::int64_t limit, IdOf id_of) {
  Page<T> page;
  page.items = std::move(items);
  if (std::cmp_greater(page.items.size(), limit)) {
    page.items.resize(static_cast<std::size_t>(limit));
    page.next_after_id = id_of(page.items.back());
  }
  return page;
}
inline std::int64_t page_limit(const PageRequest& page) {
  return std::clamp<std::int64_t>(page.limit, 1, kPageLimitMax);
}

}  // namespace weir::store
