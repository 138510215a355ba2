#include "tools/mcp_servers/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <system_error>

#include "base/check.h"
#include "base/log.h"

namespace weir::tools::mcp_servers {
namespace {

// What every program may expect. HOME and the rest are the operator's to give.
constexpr std::string_view kPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::string_view kLanguage = "C.UTF-8";

std::string reason_of(int number) { return std::generic_category().message(number); }

struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return Error(ErrorCode::unavailable, "no pipe can be made: " + reason_of(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// argv and envp as the kernel takes them; the texts must outlive it. Not thread-safe: a value.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the child does between its birth and the program. Not thread-safe: owned by start().
class SpawnPlan {
 public:
  SpawnPlan() {
    CHECK(posix_spawn_file_actions_init(&actions_) == 0, "there is memory");
    CHECK(posix_spawnattr_init(&attributes_) == 0, "there is memory");
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void use(const Descriptor& input, const Descriptor& output, const Descriptor& errors, const std::string& folder) {
    posix_spawn_file_actions_adddup2(&actions_, input.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, errors.get(), STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
    // Nothing of the server's way with signals: it blocks some and ignores SIGPIPE.
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string end_of(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "status " + std::to_string(status);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

void Descriptor::reset() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const ProcessSpec& spec) {
  auto input = make_pipe();
  if (!input) return std::move(input).error();
  auto output = make_pipe();
  if (!output) return std::move(output).error();
  auto errors = make_pipe();
  if (!errors) return std::move(errors).error();
  if (fcntl(input->writing.get(), F_SETFL, O_NONBLOCK) != 0) {
    return Error(ErrorCode::unavailable, "a pipe cannot be written without blocking: " + reason_of(errno));
  }

  std::map<std::string, std::string> variables = {{"PATH", std::string(kPath)}, {"LANG", std::string(kLanguage)}};
  for (const auto& [name, value] : spec.environment) variables[name] = value;
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  std::vector<std::string> command = spec.command;
  std::vector<char*> arguments = pointers_to(command);
  std::vector<char*> environment_pointers = pointers_to(environment);

  SpawnPlan plan;
  plan.use(input->reading, output->writing, errors->writing, spec.folder.empty() ? "/" : spec.folder);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, command.front().c_str(), plan.actions(), plan.attributes(), arguments.data(),
                                 environment_pointers.data());
  if (failed != 0) {
    return Error(ErrorCode::unavailable, "cannot be started: " + printable(command.front()) + ": " + reason_of(failed));
  }
  auto child = std::unique_ptr<ChildProcess>(new ChildProcess(pid));
  child->input = std::move(input->writing);
  child->output = std::move(output->reading);
  child->errors = std::move(errors->reading);
  return child;
}

ChildProcess::~ChildProcess() { stop(std::chrono::milliseconds{0}); }

bool ChildProcess::has_ended_within(std::chrono::milliseconds wait) const {
  const Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (handle.get() < 0) return false;  // a kernel without it: the program is killed at once
  const auto end = std::chrono::steady_clock::now() + wait;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd waiting{.fd = handle.get(), .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

std::string ChildProcess::stop(std::chrono::milliseconds grace) {
  if (pid_ < 0) return end_;
  input.reset();
  if (!has_ended_within(grace)) {
    kill(-pid_, SIGTERM);
    if (!has_ended_within(grace)) kill(-pid_, SIGKILL);
  }
  // Not waited for yet, so that the group's number is still its own: what it started goes with it.
  kill(-pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  end_ = end_of(status);
  return end_;
}

}  // namespace weir::tools::mcp_servers
