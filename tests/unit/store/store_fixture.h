// A database of its own for each test, and the rows that others refer to. Not thread-safe.
#pragma once
#include <string>

#include "store/accounts_store.h"
#include "store/database.h"
#include "store/scans_store.h"
#include "store/targets_store.h"
#include "tests/support/postgres_process.h"
#include "tests/support/temp_dir.h"

namespace weir::store {

inline UnixMillis at_ms(std::int64_t ms) { return from_unix_ms(1'795'000'000'000 + ms); }

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { reopen(); }

  // On the backend that this run is about.
  static Result<std::unique_ptr<Database>> open(const DatabaseSettings& settings) {
    return Database::open(testing::on_backend(settings));
  }
  [[nodiscard]] std::string path() const { return (folder_.path() / "weir.db").string(); }
  void reopen() {
    database_.reset();
    auto opened = open({.path = path()});
    if (!opened) throw std::runtime_error(opened.error().message + " / " + opened.error().cause);
    database_ = std::move(*opened);
  }

  // Runs `body` in a transaction and fails the test if it fails.
  template <typename Body>
  auto write(Body body) {
    return must(database_->write_for(body));
  }
  template <typename Body>
  auto read(Body body) {
    return must(database_->read_for(body));
  }
  static void must(const Result<void>& done) {
    if (!done) throw std::runtime_error(done.error().message + " / " + done.error().cause);
  }
  template <typename T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
    return std::move(*result);
  }
  // The code with which `body` is refused; fails the test if it is not.
  template <typename Body>
  ErrorCode refusal(Body body) {
    auto result = database_->write_for(body);
    if (result) throw std::runtime_error("was not refused");
    return result.error().code;
  }

  void add_account(const std::string& id) {
    write([&](Transaction& t) {
      return insert_account(t, {.id = id,
                                .name = id,
                                .tier = "free",
                                .limit_override = std::nullopt,
                                .created_at = at_ms(0),
                                .updated_at = at_ms(0)});
    });
  }
  void add_target(const std::string& account_id, const std::string& id) {
    write([&](Transaction& t) {
      TargetRow target;
      target.id = id;
      target.account_id = account_id;
      target.url = "https://" + id + ".test/";
      return insert_target(t, target);
    });
  }
  void add_scan(const std::string& account_id, const std::string& target_id, const std::string& id) {
    write([&](Transaction& t) {
      ScanRow scan;
      scan.id = id;
      scan.account_id = account_id;
      scan.target_id = target_id;
      scan.profile = "quick";
      return insert_scan(t, scan);
    });
  }

  testing::TempDir folder_;
  std::unique_ptr<Database> database_;
};

}  // namespace weir::store
