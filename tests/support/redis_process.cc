#include "tests/support/redis_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "base/check.h"
#include "tests/support/eventually.h"

namespace weir::testing {
namespace {

std::vector<std::string_view> views_of(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

}  // namespace

RedisProcess::RedisProcess(std::vector<std::string> options, std::string admin_password)
    : options_(std::move(options)), admin_password_(std::move(admin_password)) {
  start();
}

RedisProcess::~RedisProcess() { kill(); }

limits::RedisSettings RedisProcess::settings() const {
  limits::RedisSettings settings;
  settings.socket_path = socket_path();
  settings.password = admin_password_;
  settings.deadline = std::chrono::seconds{10};
  return settings;
}

void RedisProcess::kill() {
  if (pid_ < 0) return;
  admin_.reset();
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisProcess::stop() { CHECK(::kill(pid_, SIGSTOP) == 0, "the server runs"); }
void RedisProcess::resume() { CHECK(::kill(pid_, SIGCONT) == 0, "the server is there"); }

void RedisProcess::start(const std::vector<std::string>& more) {
  start_without_waiting(more);
  if (!eventually([this] { return is_answering(); })) throw std::runtime_error("redis-server did not start");
}

void RedisProcess::start_without_waiting(const std::vector<std::string>& more) {
  CHECK(pid_ < 0, "kill() came first");
  const std::string folder = folder_.path().string();
  std::vector<std::string> arguments = {"redis-server",
                                        "--port",
                                        "0",
                                        "--unixsocket",
                                        socket_path(),
                                        "--save",
                                        "",
                                        "--appendonly",
                                        "no",
                                        "--dir",
                                        folder,
                                        "--logfile",
                                        folder + "/redis.log",
                                        "--enable-debug-command",
                                        "yes"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const pid_t parent = getpid();
  pid_ = fork();
  CHECK(pid_ >= 0, "a process can be made");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    execvp("redis-server", argv.data());
    _exit(127);
  }
  limits::RedisSettings admin = settings();
  admin_.emplace(admin);
}

bool RedisProcess::is_answering() {
  const std::vector<std::string_view> ping{"PING"};
  const auto reply = admin_->call(ping);
  return reply && reply->text == "PONG";
}

limits::RedisReply RedisProcess::command(const std::vector<std::string>& arguments) {
  if (!eventually([this] { return admin_->is_connected(); })) throw std::runtime_error("redis-server went away");
  Result<limits::RedisReply> reply = admin_->call(views_of(arguments));
  if (!reply) throw std::runtime_error(arguments.front() + ": " + reply.error().cause);
  return *std::move(reply);
}

std::int64_t RedisProcess::number(const std::vector<std::string>& arguments) {
  const limits::RedisReply reply = command(arguments);
  if (reply.integers.size() != 1) throw std::runtime_error(arguments.front() + ": " + reply.text);
  return reply.integers.front();
}

std::string RedisProcess::info(const std::string& section, std::string_view field) {
  const std::string text = command({"INFO", section}).text;
  const std::string begin = "\n" + std::string(field) + ":";
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) return "";
  const std::size_t from = at + begin.size();
  return text.substr(from, text.find_first_of("\r\n", from) - from);
}

std::int64_t RedisProcess::calls_of(std::string_view command_name) {
  // "calls=12,usec=34,..."
  const std::string line = info("commandstats", "cmdstat_" + std::string(command_name));
  return line.starts_with("calls=") ? std::stoll(line.substr(6)) : 0;
}

}  // namespace weir::testing
