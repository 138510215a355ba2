// A redis-server of a test's own: on a unix socket in a temporary folder, without persistence, killed with the test.
// What goes wrong with it is thrown: it ends the test. Knows no test framework, so that benchmarks may use it.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "limits/redis_connection.h"
#include "tests/support/temp_dir.h"

namespace weir::testing {

// Not thread-safe: owned by the test; the admin commands may run beside anything.
class RedisProcess {
 public:
  // Starts and waits until it answers. `options` are added to the command line: {"--requirepass", "secret"}.
  explicit RedisProcess(std::vector<std::string> options = {}, std::string admin_password = "");
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  [[nodiscard]] std::string socket_path() const { return (folder_.path() / "redis.sock").string(); }
  // A deadline for machines with much else to do; tests of the deadline set their own.
  [[nodiscard]] limits::RedisSettings settings() const;

  void kill();    // SIGKILL: nothing is said to clients
  void stop();    // SIGSTOP: accepts and reads nothing
  void resume();  // SIGCONT
  // After kill(). `more` options for this run; waits until it answers unless it is asked not to.
  void start(const std::vector<std::string>& more = {});
  void start_without_waiting(const std::vector<std::string>& more = {});
  void restart() {
    kill();
    start();
  }

  // One command; throws if there is no answer within ten seconds.
  limits::RedisReply command(const std::vector<std::string>& arguments);
  // The answer's number.
  std::int64_t number(const std::vector<std::string>& arguments);
  // A field of INFO <section>: info("commandstats", "cmdstat_evalsha").
  std::string info(const std::string& section, std::string_view field);
  // How often a command was carried out since the start or CONFIG RESETSTAT.
  std::int64_t calls_of(std::string_view command_name);

 private:
  [[nodiscard]] bool is_answering();

  const std::vector<std::string> options_;
  const std::string admin_password_;
  TempDir folder_;
  pid_t pid_ = -1;
  std::optional<limits::RedisConnection> admin_;
};

}  // namespace weir::testing
