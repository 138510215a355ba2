#include "store/soci_statements.h"

#include <optional>

namespace weir::store {
namespace {

// Statement texts kept prepared in each session; the folder has about a hundred, filters multiply a few of them.
constexpr std::size_t kStatementsMax = 256;
// No list that Weir reads is longer: a larger answer is a mistake, and must not eat the memory.
constexpr std::size_t kRowsMax = 100'000;
constexpr std::size_t kKeptTextMax = 4'096;

// SOCI keeps the addresses of what is bound.
struct Parameter {
  enum class Type : std::uint8_t { text, integer, number } type = Type::text;
  std::string name;
  long long integer = 0;
  double number = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;
};

bool is_large(const Value& value) {
  const auto* const text = std::get_if<std::string>(&value);
  return text != nullptr && text->size() > kKeptTextMax;
}

std::optional<Parameter::Type> type_of(const Value& value) {
  if (std::holds_alternative<std::int64_t>(value)) return Parameter::Type::integer;
  if (std::holds_alternative<double>(value)) return Parameter::Type::number;
  if (std::holds_alternative<std::string>(value)) return Parameter::Type::text;
  return std::nullopt;  // NULL is of any
}

void assign(Parameter& parameter, Value& value) {
  parameter.indicator = soci::i_ok;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    parameter.integer = *integer;
  } else if (const auto* number = std::get_if<double>(&value)) {
    parameter.number = *number;
  } else if (auto* text = std::get_if<std::string>(&value)) {
    parameter.text = std::move(*text);
  } else {
    parameter.indicator = soci::i_null;
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

// A statement with what is bound to it. Not thread-safe: owned by SociStatements.
struct SociStatements::Prepared {
  explicit Prepared(soci::session& sql) : statement(sql) {}

  // True if `values` can be assigned to what is bound.
  [[nodiscard]] bool is_bound_for(const std::vector<Value>& values, Wanted wanted) const {
    if (bound != wanted || parameters.size() != values.size()) return false;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto type = type_of(values[i]);
      if (type && *type != parameters[i].type) return false;
    }
    return true;
  }

  void bind(const std::vector<Value>& values, Wanted wanted) {
    bound.reset();
    statement.bind_clean_up();
    parameters = std::vector<Parameter>(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      Parameter& parameter = parameters[i];
      parameter.name = std::to_string(i + 1);
      parameter.type = type_of(values[i]).value_or(Parameter::Type::text);
      switch (parameter.type) {
        case Parameter::Type::integer:
          statement.exchange(soci::use(parameter.integer, parameter.indicator, parameter.name));
          break;
        case Parameter::Type::number:
          statement.exchange(soci::use(parameter.number, parameter.indicator, parameter.name));
          break;
        case Parameter::Type::text:
          statement.exchange(soci::use(parameter.text, parameter.indicator, parameter.name));
          break;
      }
    }
    if (wanted == Wanted::rows) statement.exchange(soci::into(columns));
    statement.define_and_bind();
    bound = wanted;
  }

  // Large texts are not kept longer than they are needed: neither what was bound nor what was read last.
  void let_go(bool has_read_large) {
    for (Parameter& parameter : parameters) {
      if (parameter.text.capacity() > kKeptTextMax) parameter.text = std::string();
    }
    if (!has_read_large) return;
    bound.reset();
    statement.bind_clean_up();
    columns.clean_up();
  }

  std::vector<Parameter> parameters;
  soci::row columns;
  std::optional<Wanted> bound;
  soci::statement statement;  // goes first: it knows the addresses of the others
};

SociStatements::SociStatements(soci::session& sql) : sql_(sql) {}
SociStatements::~SociStatements() = default;

Result<Answer> SociStatements::run(std::string_view sql, std::vector<Value> values, Wanted wanted) {
  Prepared& prepared_one = prepared(sql);
  soci::statement& statement = prepared_one.statement;
  if (!prepared_one.is_bound_for(values, wanted)) prepared_one.bind(values, wanted);
  for (std::size_t i = 0; i < values.size(); ++i) assign(prepared_one.parameters[i], values[i]);
  Answer found;
  bool has_read_large = false;  // in the last row
  bool has_row = statement.execute(true);
  if (wanted == Wanted::rows) {
    const soci::row& columns = prepared_one.columns;
    for (; has_row; has_row = statement.fetch()) {
      if (found.rows.size() == kRowsMax) return internal_error("a query answered more than kRowsMax rows");
      std::vector<Value> row;
      row.reserve(columns.size());
      for (std::size_t i = 0; i < columns.size(); ++i) row.push_back(value_in(columns, i));
      has_read_large = std::ranges::any_of(row, is_large);
      found.rows.emplace_back(std::move(row));
    }
  } else {
    found.changed = statement.get_affected_rows();
  }
  prepared_one.let_go(has_read_large);
  return found;
}

void SociStatements::forget(std::string_view sql) { statements_.erase(std::string(sql)); }

void SociStatements::clear() { statements_.clear(); }

SociStatements::Prepared& SociStatements::prepared(std::string_view sql) {
  std::string key(sql);
  if (const auto found = statements_.find(key); found != statements_.end()) return *found->second;
  if (statements_.size() >= kStatementsMax) statements_.clear();
  auto statement = std::make_unique<Prepared>(sql_);
  statement->statement.alloc();
  statement->statement.prepare(key);
  return *statements_.emplace(std::move(key), std::move(statement)).first->second;
}

}  // namespace weir::store
