// The stream server as a child process, which can be killed and started again over the same folder and port.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace weir::streams {

// Runs this very program with `serve FOLDER PORT`. Not thread-safe: owned by one thread.
class ServerProcess {
 public:
  explicit ServerProcess(std::string folder);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Blocks until it listens. False if it does not come up.
  bool start();
  // kill -9.
  void kill_at_once();
  // SIGTERM; blocks until it has ended.
  void stop();
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Private memory of the process in bytes; 0 if unknown.
  [[nodiscard]] std::int64_t private_bytes() const;

 private:
  void end(int signal);

  const std::string folder_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace weir::streams
