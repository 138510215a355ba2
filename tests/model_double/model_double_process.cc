#include "tests/model_double/model_double_process.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "egress/http_client.h"

namespace weir::testing {
namespace {

std::string script_path() {
  const char* source = std::getenv("WEIR_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/tests/model_double/double.py";
}

std::string first_line(int descriptor) {
  std::string line;
  char c = 0;
  while (::read(descriptor, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

}  // namespace

ModelDoubleProcess::ModelDoubleProcess() {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) throw std::runtime_error("no pipe");
  std::string script = script_path();
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(pipe[1], STDOUT_FILENO);
    ::close(pipe[0]);
    ::close(pipe[1]);
    execlp("python3", "python3", "-B", script.c_str(), "--key", kKey, static_cast<char*>(nullptr));
    _exit(127);
  }
  ::close(pipe[1]);
  output_ = pipe[0];
  const std::string line = first_line(output_);
  const std::string beginning = "model double ready on ";
  if (!line.starts_with(beginning)) throw std::runtime_error("the model double did not start: " + line);
  url_ = line.substr(beginning.size());
}

ModelDoubleProcess::~ModelDoubleProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
}

std::vector<std::string> ModelDoubleProcess::violations() {
  const egress::AddressPolicy policy({.allow_loopback = true});
  const auto resolver = egress::system_resolver();
  egress::HttpClient client(policy, *resolver, "test");
  const auto send = [&](const std::string& method, const std::string& path) {
    egress::HttpRequest request;
    request.method = method;
    request.url = *egress::Url::parse(url_ + path);
    request.body_bytes_max = std::size_t{64} << 20U;
    request.timeout = std::chrono::seconds{20};
    Result<egress::HttpResponse> response = client.send(request);
    if (!response) throw std::runtime_error(path + ": " + response.error().message);
    return std::move(response->body);
  };
  const Json report = *parse_json(send("GET", "/double/violations"));
  send("POST", "/double/reset");
  return report.get<std::vector<std::string>>();
}

}  // namespace weir::testing
