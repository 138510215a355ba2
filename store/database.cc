#include "store/database.h"

#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "base/random.h"
#include "store/migrations.h"

namespace weir::store {
namespace {

// Statement texts kept prepared in each session; the folder has about a hundred, filters multiply a few of them.
constexpr std::size_t kStatementsMax = 256;
// No list that Weir reads is longer: a larger answer is a mistake, and must not eat the memory.
constexpr std::size_t kRowsMax = 100'000;

enum class Access : std::uint8_t { read, write };

// Extended codes hold the primary one in their low byte (sqlite.org/rescode.html).
Error error_of(int extended_code, std::string cause) {
  using namespace std::chrono_literals;
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return Error(ErrorCode::conflict, "this already exists: change what must be unique, or use the existing one")
          .because(std::move(cause));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Error(ErrorCode::conflict, "this refers to something that does not exist or is still in use")
          .because(std::move(cause));
    default: break;
  }
  switch (extended_code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorCode::unavailable, "the database is busy with another process: try again")
          .because(std::move(cause)).retry_in(1s);
    case SQLITE_FULL:
      return Error(ErrorCode::unavailable, "the disk of the data folder is full: make room and try again")
          .because(std::move(cause));
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return Error(ErrorCode::unavailable,
                   "the database file cannot be read or written: check the data folder's disk and permissions")
          .because(std::move(cause));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::unavailable, "the database file is damaged or not a database: restore a backup")
          .because(std::move(cause));
    default: return internal_error(std::move(cause));
  }
}

struct Answer {
  std::vector<Row> rows;
  std::int64_t changed = 0;
};

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

// One connection and its prepared statements. The only code that meets SOCI's exceptions. Not thread-safe: owned by
// whoever took it from the database.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const DatabaseSettings& settings, Access access) {
    auto session = std::unique_ptr<Session>(new Session());
    auto opened = session->guarded([&]() -> Result<void> {
      session->sql_.open(soci::sqlite3, "db=\"" + settings.path + "\"");
      return {};
    });
    if (!opened) return std::move(opened).error();
    const std::string synchronous = settings.synchronous == DatabaseSettings::Synchronous::full ? "FULL" : "NORMAL";
    for (const std::string& pragma :
         {"busy_timeout=" + std::to_string(settings.busy_timeout.count()), std::string("journal_mode=WAL"),
          "synchronous=" + synchronous, std::string("foreign_keys=ON"),
          std::string(access == Access::read ? "query_only=ON" : "query_only=OFF")}) {
      if (auto set = session->command("PRAGMA " + pragma); !set) return std::move(set).error();
    }
    return session;
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { statements_.clear(); }

  Result<Answer> run(std::string_view sql, std::vector<Value> values) {
    std::vector<Parameter> parameters;
    auto answer = guarded([&]() -> Result<Answer> {
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
    });
    // A statement that failed may still be bound to what is gone now: it is prepared anew when next needed.
    if (!answer) statements_.erase(std::string(sql));
    return answer;
  }

  Result<void> command(std::string_view sql) {
    auto answer = run(sql, {});
    if (!answer) return std::move(answer).error();
    return {};
  }

  // False after BEGIN; SQLite ends a transaction by itself when the disk fails in the middle of it.
  [[nodiscard]] bool is_autocommit() { return sqlite_api::sqlite3_get_autocommit(connection()) != 0; }

 private:
  Session() = default;

  // SOCI does not export this class's type information, which UBSan's check of the cast would need.
  [[gnu::no_sanitize("vptr")]] sqlite_api::sqlite3* connection() {
    return static_cast<soci::sqlite3_session_backend*>(sql_.get_backend())->conn_;
  }

  soci::statement& prepared(std::string_view sql) {
    std::string key(sql);
    if (const auto found = statements_.find(key); found != statements_.end()) return *found->second;
    if (statements_.size() >= kStatementsMax) statements_.clear();
    auto statement = std::make_unique<soci::statement>(sql_);
    statement->alloc();
    statement->prepare(key);
    return *statements_.emplace(std::move(key), std::move(statement)).first->second;
  }

  // Runs `body`; an exception of the library becomes an Error. Its text goes to the cause without the parameters.
  template <typename Body>
  auto guarded(Body&& body) -> std::invoke_result_t<Body> {
    try {
      return body();
    } catch (const soci::sqlite3_soci_error& error) {
      const bool is_open = sql_.get_backend() != nullptr;
      return error_of(is_open ? sqlite_api::sqlite3_extended_errcode(connection()) : error.result(),
                      error.get_error_message());
    } catch (const soci::soci_error& error) {
      return internal_error(error.get_error_message());
    } catch (const std::bad_cast& error) {
      return internal_error(error.what());
    }
  }

  soci::session sql_;
  std::unordered_map<std::string, std::unique_ptr<soci::statement>> statements_;
};

// Begins on construction and rolls back on destruction unless committed.
class SessionTransaction final : public Transaction {
 public:
  explicit SessionTransaction(Session& session) : session_(session) {}
  SessionTransaction(const SessionTransaction&) = delete;
  SessionTransaction& operator=(const SessionTransaction&) = delete;
  ~SessionTransaction() override {
    if (session_.is_autocommit()) return;
    // Fails only if SQLite has already rolled back.
    (void)session_.command("ROLLBACK").has_value();
  }

  Result<void> begin(Access access) {
    return session_.command(access == Access::write ? "BEGIN IMMEDIATE" : "BEGIN");
  }

  Result<void> commit() {
    if (session_.is_autocommit()) return ended();
    return session_.command("COMMIT");
  }

  Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> parameters) override {
    if (session_.is_autocommit()) return ended();
    auto answer = session_.run(sql, std::move(parameters));
    if (!answer) return std::move(answer).error();
    return std::move(answer->rows);
  }

  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    if (session_.is_autocommit()) return ended();
    auto answer = session_.run(sql, std::move(parameters));
    if (!answer) return std::move(answer).error();
    return answer->changed;
  }

  void on_commit(std::function<void()> callback) override { callbacks_.push_back(std::move(callback)); }
  std::vector<std::function<void()>> take_callbacks() { return std::move(callbacks_); }

 private:
  static Error ended() {
    return Error(ErrorCode::unavailable, "the change was undone because the database failed: try again")
        .because("the transaction was rolled back by the database");
  }

  Session& session_;
  std::vector<std::function<void()>> callbacks_;
};

// Lets callbacks of commits run one commit after the other, in the order in which the tickets were drawn, without the
// writer's lock. Thread-safe.
class CommitOrder {
 public:
  std::uint64_t draw() { return next_++; }  // under the writer's lock

  void run(std::uint64_t ticket, const std::vector<std::function<void()>>& callbacks) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return turn_ == ticket; });
    }
    struct Turn {  // passed on whatever a callback does
      CommitOrder& order;
      ~Turn() {
        const std::lock_guard lock(order.mutex_);
        ++order.turn_;
        order.changed_.notify_all();
      }
    } turn{*this};
    for (const auto& callback : callbacks) callback();
  }

 private:
  std::uint64_t next_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;
};

// The database whose transaction or callbacks this thread is in: entering it again would wait for itself.
thread_local const Database* t_inside = nullptr;

class Inside {
 public:
  explicit Inside(const Database* database) : before_(t_inside) {
    CHECK(t_inside != database, "read() or write() inside a transaction or an on_commit callback of the database");
    t_inside = database;
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { t_inside = before_; }

 private:
  const Database* before_;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::chrono::milliseconds busy_timeout, std::unique_ptr<Session> writer,
                 std::vector<std::unique_ptr<Session>> readers)
      : busy_timeout_(busy_timeout), writer_(std::move(writer)), readers_(std::move(readers)) {}

  Result<void> write(const std::function<Result<void>(Transaction&)>& body) override {
    const Inside inside(this);
    std::unique_lock lock(writer_mutex_);
    std::vector<std::function<void()>> callbacks;
    {
      SessionTransaction transaction(*writer_);
      if (auto begun = transaction.begin(Access::write); !begun) return begun;
      if (auto worked = body(transaction); !worked) return worked;
      if (auto committed = transaction.commit(); !committed) return committed;
      callbacks = transaction.take_callbacks();
    }
    if (callbacks.empty()) return {};
    const std::uint64_t ticket = commit_order_.draw();
    lock.unlock();
    commit_order_.run(ticket, callbacks);
    return {};
  }

  Result<void> read(const std::function<Result<void>(Transaction&)>& body) override {
    const Inside inside(this);
    const Lease lease(*this);
    if (lease.session == nullptr) {
      return Error(ErrorCode::unavailable, "the database is busy: try again").retry_in(std::chrono::seconds{1});
    }
    SessionTransaction transaction(*lease.session);
    if (auto begun = transaction.begin(Access::read); !begun) return begun;
    if (auto worked = body(transaction); !worked) return worked;
    return transaction.commit();
  }

 private:
  // A reader for the length of one transaction; none if all stay taken for `busy_timeout`.
  struct Lease {
    explicit Lease(SqliteDatabase& owner) : database(owner) {
      std::unique_lock lock(database.readers_mutex_);
      const auto is_free = [&] { return !database.readers_.empty(); };
      if (!database.reader_freed_.wait_for(lock, database.busy_timeout_, is_free)) return;
      session = std::move(database.readers_.back());
      database.readers_.pop_back();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (session == nullptr) return;
      {
        const std::lock_guard lock(database.readers_mutex_);
        database.readers_.push_back(std::move(session));
      }
      database.reader_freed_.notify_one();
    }
    SqliteDatabase& database;
    std::unique_ptr<Session> session;
  };

  const std::chrono::milliseconds busy_timeout_;
  CommitOrder commit_order_;
  std::mutex writer_mutex_;
  const std::unique_ptr<Session> writer_;  // guarded by writer_mutex_
  std::mutex readers_mutex_;
  std::condition_variable reader_freed_;
  std::vector<std::unique_ptr<Session>> readers_;  // guarded by readers_mutex_: those that nobody has taken
};

Error cannot_open(const std::string& path, const Error& reason) {
  return Error(ErrorCode::unavailable, "cannot open the database " + path + ": " + reason.message)
      .because(reason.cause);
}
Error cannot_open(const std::string& path, int error_number) {
  return Error(ErrorCode::unavailable, "cannot open the database " + path + ": " + std::strerror(error_number));
}

// Held while the file is made and migrated, so that two processes that start together do not meet half-way.
// Not thread-safe: owned by open().
class FolderGuard {
 public:
  explicit FolderGuard(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
  }
  FolderGuard(const FolderGuard&) = delete;
  FolderGuard& operator=(const FolderGuard&) = delete;
  ~FolderGuard() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  int descriptor_;
};

// Only the owner may read the file: it holds everything. An existing file is changed by its path, never opened here:
// closing any descriptor of it would drop the locks that SQLite holds in this process (sqlite.org/howtocorrupt.html).
Result<void> make_private_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  if (errno != EEXIST || ::chmod(path.c_str(), 0600) != 0) return cannot_open(path, errno);
  return {};
}

Result<void> prepare_schema(Session& session) {
  SessionTransaction transaction(session);
  if (auto begun = transaction.begin(Access::write); !begun) return begun;
  if (auto done = migrate(transaction, embedded_migrations(), SystemClock().now()); !done) return done;
  auto epoch = transaction.execute("INSERT INTO meta (name, value) VALUES ('event_epoch', :1) ON CONFLICT DO NOTHING",
                                   {SystemRandom().base62(8)});
  if (!epoch) return std::move(epoch).error();
  return transaction.commit();
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const DatabaseSettings& settings) {
  if (settings.path.empty() || settings.path.find_first_of("\"\n") != std::string::npos) {
    return Error(ErrorCode::unavailable, "cannot open the database \"" + settings.path +
                                             "\": its path must not be empty or hold quotes or line breaks");
  }
  const std::filesystem::path folder = std::filesystem::absolute(settings.path).parent_path();
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  }
  if (failed) return cannot_open(settings.path, failed.value());

  const FolderGuard guard(folder);
  if (auto made = make_private_file(settings.path); !made) return std::move(made).error();
  auto writer = Session::open(settings, Access::write);
  if (!writer) return cannot_open(settings.path, writer.error());
  if (auto prepared = prepare_schema(**writer); !prepared) return cannot_open(settings.path, prepared.error());
  std::vector<std::unique_ptr<Session>> readers;
  for (unsigned i = 0; i < std::max(settings.readers, 1U); ++i) {
    auto reader = Session::open(settings, Access::read);
    if (!reader) return cannot_open(settings.path, reader.error());
    readers.push_back(std::move(*reader));
  }
  return std::unique_ptr<Database>(
      std::make_unique<SqliteDatabase>(settings.busy_timeout, std::move(*writer), std::move(readers)));
}

}  // namespace weir::store
