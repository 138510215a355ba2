#include "store/soci_statements.h"

namespace weir::store {
namespace {

// Statement texts kept prepared in each session; the folder has about a hundred, filters multiply a few of them.
constexpr std::size_t kStatementsMax = 256;
// No list that Weir reads is longer: a larger answer is a mistake, and must not eat the memory.
constexpr std::size_t kRowsMax = 100'000;

// SOCI keeps the addresses of what is bound until the statement has run.
struct Parameter {
  std::string name;
  long long integer = 0;
  double number = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

void bind(soci::statement& statement, std::vector<Value>& values, std::vector<Parameter>& parameters) {
  parameters.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Parameter& parameter = parameters[i];
    parameter.name = std::to_string(i + 1);
    if (const auto* integer = std::get_if<std::int64_t>(&values[i])) {
      parameter.integer = *integer;
      statement.exchange(soci::use(parameter.integer, parameter.indicator, parameter.name));
    } else if (const auto* number = std::get_if<double>(&values[i])) {
      parameter.number = *number;
      statement.exchange(soci::use(parameter.number, parameter.indicator, parameter.name));
    } else {
      if (auto* text = std::get_if<std::string>(&values[i])) {
        parameter.text = std::move(*text);
      } else {
        parameter.indicator = soci::i_null;
      }
      statement.exchange(soci::use(parameter.text, parameter.indicator, parameter.name));
    }
  }
}

Value value_in(const soci::row& row, std::size_t column) {
  if (row.get_indicator(column) == soci::i_null) return nullptr;
  switch (row.get_properties(column).get_data_type()) {
    case soci::dt_double: return row.get<double>(column);
    case soci::dt_integer: return std::int64_t{row.get<int>(column)};
    case soci::dt_long_long: return static_cast<std::int64_t>(row.get<long long>(column));
    case soci::dt_unsigned_long_long: return static_cast<std::int64_t>(row.get<unsigned long long>(column));
    default: return row.get<std::string>(column);
  }
}

}  // namespace

Result<Answer> SociStatements::run(std::string_view sql, std::vector<Value> values) {
  std::vector<Parameter> parameters;
  soci::statement& statement = prepared(sql);
  soci::row columns;
  bind(statement, values, parameters);
  statement.exchange(soci::into(columns));
  statement.define_and_bind();
  Answer found;
  for (bool has_row = statement.execute(true); has_row; has_row = statement.fetch()) {
    if (found.rows.size() == kRowsMax) return internal_error("a query answered more than kRowsMax rows");
    std::vector<Value> row;
    row.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) row.push_back(value_in(columns, i));
    found.rows.emplace_back(std::move(row));
  }
  found.changed = statement.get_affected_rows();
  statement.bind_clean_up();
  return found;
}

soci::statement& SociStatements::prepared(std::string_view sql) {
  std::string key(sql);
  if (const auto found = statements_.find(key); found != statements_.end()) return *found->second;
  if (statements_.size() >= kStatementsMax) statements_.clear();
  auto statement = std::make_unique<soci::statement>(sql_);
  statement->alloc();
  statement->prepare(key);
  return *statements_.emplace(std::move(key), std::move(statement)).first->second;
}

}  // namespace weir::store
