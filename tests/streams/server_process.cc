#include "tests/streams/server_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

namespace weir::streams {

ServerProcess::ServerProcess(std::string folder) : folder_(std::move(folder)) {}

ServerProcess::~ServerProcess() { stop(); }

bool ServerProcess::start() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return false;
  const std::string port = std::to_string(port_);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl("/proc/self/exe", "/proc/self/exe", "serve", folder_.c_str(), port.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::array<char, 16> line{};
  const ssize_t size = child < 0 ? -1 : read(ends[0], line.data(), line.size() - 1);
  close(ends[0]);
  pid_ = child;
  if (size <= 0) return false;
  port_ = std::atoi(line.data());
  return port_ > 0;
}

void ServerProcess::end(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void ServerProcess::kill_at_once() { end(SIGKILL); }

void ServerProcess::stop() { end(SIGTERM); }

std::int64_t ServerProcess::private_bytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  std::string name;
  while (file >> name) {
    std::int64_t kib = 0;
    if (name == "RssAnon:" && file >> kib) return kib * 1024;
    std::getline(file, name);
  }
  return 0;
}

}  // namespace weir::streams
