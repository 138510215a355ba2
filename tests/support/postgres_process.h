// A PostgreSQL of a test's own: a new cluster in a temporary folder, on a unix socket alone, without fsync, ended with the
// test. Never as root, which PostgreSQL refuses. What goes wrong with it is thrown.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"
#include "tests/support/temp_dir.h"

namespace weir::testing {

// Not thread-safe: owned by the test.
class PostgresProcess {
 public:
  // Makes the cluster, starts and waits until it answers: about a second.
  PostgresProcess();
  ~PostgresProcess();
  PostgresProcess(const PostgresProcess&) = delete;
  PostgresProcess& operator=(const PostgresProcess&) = delete;

  // The one that all tests of a binary share, each with a schema of its own; started when first asked for.
  static PostgresProcess& shared();

  // A URL whose tables are apart from those of every other `schema`; the schema is made if it is missing.
  [[nodiscard]] std::string url(std::string_view schema);

  void stop();    // at once, as after a crash
  void start();   // waits until it answers
  void freeze();  // SIGSTOP to the processes that serve connections now
  void thaw();

 private:
  [[nodiscard]] std::string base_url() const;
  [[nodiscard]] std::vector<pid_t> backends() const;
  pid_t spawn(const std::vector<std::string>& command) const;

  TempDir folder_;
  pid_t pid_ = -1;
  std::vector<pid_t> frozen_;
};

// `settings` as they are; or, if the environment says WEIR_TEST_STORE=postgres, for the shared PostgreSQL instead of the
// file: with a schema for each path, so that the same path means the same tables. This is how the tests of a folder run
// against both databases.
store::DatabaseSettings on_backend(store::DatabaseSettings settings);
[[nodiscard]] bool is_postgres_backend();

}  // namespace weir::testing
