// A program that an operator named, started without a shell in a process group of its own, with three pipes and only
// the environment that it was given. Who reads and writes the pipes is stdio_transport.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir::tools::mcp_servers {

// A file descriptor that is closed with its owner. Not thread-safe: owned by one object.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  [[nodiscard]] int get() const { return number_; }
  void reset();

 private:
  int number_;
};

struct ProcessSpec {
  std::vector<std::string> command;                                // an absolute path, then its arguments
  std::vector<std::pair<std::string, std::string>> environment{};  // besides PATH and LANG, which it may replace
  std::string folder{};                                            // "" : /
};

// The destructor ends it. Not thread-safe: owned by its transport.
class ChildProcess {
 public:
  // Returns unavailable, naming the path, if the program cannot be started. What it then does wrong shows on its pipes.
  static Result<std::unique_ptr<ChildProcess>> start(const ProcessSpec& spec);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The pipes' ends on this side; input is written without blocking.
  Descriptor input;
  Descriptor output;
  Descriptor errors;

  // MCP "stdio, shutdown": closes its input and gives it `grace`, then SIGTERM and as long again, then SIGKILL, to
  // its whole process group; waits for it. Blocks up to twice `grace` and a moment. How it ended: "exit code 1",
  // "signal 9".
  std::string stop(std::chrono::milliseconds grace);

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  [[nodiscard]] bool has_ended_within(std::chrono::milliseconds wait) const;

  pid_t pid_ = -1;
  std::string end_;  // once it was waited for
};

}  // namespace weir::tools::mcp_servers
