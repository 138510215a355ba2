// A statement put together from fixed pieces and numbered parameters, for filters that may be absent. Values never
// enter the text.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
class SqlText {
 public:
  explicit SqlText(std::string_view text) : text_(text) {}

  // A piece without a parameter.
  SqlText& add(std::string_view piece) {
    text_ += piece;
    return *this;
  }
  // A piece, the parameter that follows it, and what closes it: add(" AND id < ", id).
  SqlText& add(std::string_view before, Value value, std::string_view after = "") {
    text_ += before;
    bind(std::move(value));
    text_ += after;
    return *this;
  }
  // `before` (:n, :m, ...): for IN. `values` must not be empty.
  template <typename Values>
  SqlText& add_list(std::string_view before, const Values& values) {
    text_ += before;
    std::string_view separator = "(";
    for (const auto& value : values) {
      text_ += separator;
      bind(Value(value));
      separator = ", ";
    }
    text_ += ")";
    return *this;
  }

  // ` AND (column = :n OR column = :m ...)`: what IN says, where a row is found by its key anyway. For a list of more than
  // two, SQLite makes a table of its own, each time. `values` must not be empty.
  template <typename Values>
  SqlText& add_one_of(std::string_view column, const Values& values) {
    std::string_view before = " AND (";
    for (const auto& value : values) {
      text_.append(before).append(column) += " = ";
      bind(Value(value));
      before = " OR ";
    }
    text_ += ")";
    return *this;
  }

  Result<std::vector<Row>> query(Transaction& transaction) && { return transaction.query(text_, std::move(values_)); }
  Result<std::int64_t> execute(Transaction& transaction) && { return transaction.execute(text_, std::move(values_)); }

 private:
  void bind(Value value) {
    values_.push_back(std::move(value));
    text_ += ':';
    text_ += std::to_string(values_.size());
  }

  std::string text_;
  std::vector<Value> values_;
};

}  // namespace weir::store
