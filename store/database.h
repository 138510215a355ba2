// The database behind everything: transactions and values. SQLite in the data folder, or PostgreSQL when several nodes
// share the work; the SQL text is portable (TEXT ids, BIGINT milliseconds, JSON as TEXT, ON CONFLICT, RETURNING), so that
// both run the same one. All SQL lives in this folder.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/postgres_settings.h"

namespace weir::store {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;
Value optional_value(const std::optional<std::string>& text);
Value optional_value(const std::optional<std::int64_t>& number);

// One row of an answer, columns by position. Reading a column as another type converts (a number as text, text
// as a number), because an expression's column has no declared type; NULL reads as 0 or "". Not thread-safe: a
// value.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  [[nodiscard]] bool is_null(std::size_t column) const;
  [[nodiscard]] std::int64_t integer(std::size_t column) const;
  [[nodiscard]] double number(std::size_t column) const;
  [[nodiscard]] std::string text(std::size_t column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::size_t column) const;
  [[nodiscard]] std::optional<std::string> optional_text(std::size_t column) const;
  // The column's JSON; null if it is NULL or not JSON.
  [[nodiscard]] Json json(std::size_t column) const;
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::vector<Value> values_;
};

enum class Dialect : std::uint8_t { sqlite, postgres };

// A transaction in progress, valid only inside the body of Database::read() or write(). Parameters are written
// `:1`, `:2`, ... in order. Not thread-safe: owned by the body that it is passed to.
class Transaction {
 public:
  virtual ~Transaction() = default;
  // Blocks for the statement. Returns conflict if a UNIQUE or foreign-key constraint refuses it, else unavailable
  // (busy, disk full) or internal. A statement that fails ends the transaction: later ones and the commit return the same
  // error. Use ON CONFLICT where a conflict is to be expected.
  virtual Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  // The number of rows changed.
  virtual Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  // Runs after a successful commit, in the order of the commits, while others commit already, maybe on another writer's
  // thread; dropped on rollback. Must not block or fail.
  virtual void on_commit(std::function<void()> callback) = 0;
  // For the few statements that cannot be said in both.
  [[nodiscard]] virtual Dialect dialect() const = 0;
};

struct DatabaseSettings {
  std::string path;  // a file; ":memory:" is not supported: readers share it
  enum class Synchronous : std::uint8_t { normal, full } synchronous = Synchronous::normal;
  std::chrono::milliseconds busy_timeout{5'000};  // another process (the command line) may be writing
  unsigned readers = 4;
  std::optional<PostgresSettings> postgres{};           // instead of the file
  std::chrono::milliseconds statement_timeout{10'000};  // of PostgreSQL; a statement takes milliseconds

  // Where it is, for messages: the path, or the URL without user and password.
  [[nodiscard]] std::string shown() const { return postgres ? postgres->shown() : path; }
};

// Thread-safe.
class Database {
 public:
  // Opens or creates the file, or connects, and applies the migrations that are missing. Returns unavailable, naming the
  // place, if it cannot be opened or was written by a newer version.
  static Result<std::unique_ptr<Database>> open(const DatabaseSettings& settings);
  virtual ~Database() = default;

  // Runs `body` with a transaction that may write; commits if it returns success, else undoes what it did. Writers take
  // turns, on all nodes: what `body` reads cannot change before it commits. Those who wait share a commit, so `body` and
  // its callbacks may run on another writer's thread: whoever writes must hold no lock that any body or callback takes.
  // Blocks until it is this one's turn, at most `busy_timeout` for other processes. `body` must not call read() or
  // write(). Returns unavailable while a server is away; if it goes away during the commit, the change may or may not
  // have been made.
  virtual Result<void> write(const std::function<Result<void>(Transaction&)>& body) = 0;
  // The same with a consistent snapshot and no writing; does not wait for writers.
  virtual Result<void> read(const std::function<Result<void>(Transaction&)>& body) = 0;

  // write() and read() for bodies that return Result<T>.
  template <typename Body>
  auto write_for(Body&& body) {
    return run<true>(std::forward<Body>(body));
  }
  template <typename Body>
  auto read_for(Body&& body) {
    return run<false>(std::forward<Body>(body));
  }

 private:
  template <bool kWrites, typename Body>
  auto run(Body&& body) -> std::invoke_result_t<Body, Transaction&> {
    std::optional<std::invoke_result_t<Body, Transaction&>> outcome;
    const auto keep = [&](Transaction& transaction) -> Result<void> {
      outcome.emplace(body(transaction));
      if (!*outcome) return outcome->error();
      return {};
    };
    Result<void> done = kWrites ? write(keep) : read(keep);
    if (!done) return std::move(done).error();
    return std::move(*outcome);
  }
};

// A page of a list: `cursor` is opaque to callers; stores use the last id of the page before.
struct PageRequest {
  std::int64_t limit = 20;  // 1 to kPageLimitMax
  std::string after_id;     // "" for the first page
};
inline constexpr std::int64_t kPageLimitMax = 100;

template <typename T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next_after_id;  // nothing: this was the last page
};

}  // namespace weir::store
