#include "tests/support/postgres_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/check.h"
#include "base/hmac.h"
#include "tests/support/eventually.h"

namespace weir::testing {
namespace {

namespace fs = std::filesystem;

// Debian keeps the server's programs off the PATH, in a folder for each version: the newest one's.
std::string program(const std::string& name) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const fs::path path = version.path() / "bin" / name;
    if (fs::exists(path, ignored)) found.push_back(path.string());
  }
  return found.empty() ? name : *std::max_element(found.begin(), found.end());
}

// Whom the server runs as if the tests run as root.
const passwd* server_user() {
  if (geteuid() != 0) return nullptr;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* user = getpwnam(name); user != nullptr) return user;
  }
  throw std::runtime_error("neither a user postgres nor nobody to run PostgreSQL as");
}

}  // namespace

PostgresProcess::PostgresProcess() {
  if (const passwd* user = server_user(); user != nullptr) {
    if (chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("cannot chown the folder");
  }
  const std::string data = (folder_.path() / "data").string();
  const pid_t initdb = spawn({program("initdb"), "--auth=trust", "--username=weir", "--no-sync", "--no-instructions",
                              "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata=" + data});
  int status = 0;
  waitpid(initdb, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("initdb failed: see " + folder_.path().string());
  start();
}

PostgresProcess::~PostgresProcess() {
  thaw();
  stop();
}

PostgresProcess& PostgresProcess::shared() {
  static PostgresProcess process;
  return process;
}

pid_t PostgresProcess::spawn(const std::vector<std::string>& command) const {
  const std::string log = (folder_.path() / "log").string();
  std::vector<std::string> texts = command;
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  const passwd* user = server_user();
  const uid_t uid = user == nullptr ? geteuid() : user->pw_uid;
  const gid_t gid = user == nullptr ? getegid() : user->pw_gid;

  const pid_t parent = getpid();
  const pid_t child = fork();
  CHECK(child >= 0, "a process can be made");
  if (child != 0) return child;
  if (user != nullptr && (setgroups(0, nullptr) != 0 || setgid(gid) != 0 || setuid(uid) != 0)) _exit(126);
  // After the change of user, which would take it back. SIGQUIT ends the server and all that belongs to it at once.
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (getppid() != parent || chdir("/") != 0) _exit(1);
  const int descriptor = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (descriptor >= 0) {
    dup2(descriptor, STDOUT_FILENO);
    dup2(descriptor, STDERR_FILENO);
  }
  execvp(arguments[0], arguments.data());
  _exit(127);
}

void PostgresProcess::start() {
  CHECK(pid_ < 0, "stop() came first");
  const std::string folder = folder_.path().string();
  pid_ = spawn({program("postgres"),
                "-D",
                folder + "/data",
                "-k",
                folder,
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "shared_buffers=16MB",
                "-c",
                "max_connections=200",
                "-c",
                "autovacuum=off",
                "-c",
                "max_wal_senders=0",
                "-c",
                "wal_level=minimal"});
  const auto settings = store::PostgresSettings::parse(base_url());
  CHECK(settings.has_value(), "the URL of the test's server is one");
  // Ready when its line in the file of the lock says so (postgresql.org/docs/15/storage-file-layout.html).
  const bool is_ready = eventually([&] {
    std::ifstream file(folder + "/data/postmaster.pid");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return text.find("ready") != std::string::npos;
  });
  if (!is_ready) throw std::runtime_error("PostgreSQL did not start");
}

void PostgresProcess::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGQUIT);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  std::error_code ignored;
  fs::remove(folder_.path() / "data" / "postmaster.pid", ignored);
}

std::vector<pid_t> PostgresProcess::backends() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  std::vector<pid_t> found;
  for (pid_t child = 0; file >> child;) {
    std::ifstream title("/proc/" + std::to_string(child) + "/cmdline");
    std::string text;
    std::getline(title, text, '\0');
    if (text.find("weir") != std::string::npos) found.push_back(child);
  }
  return found;
}

void PostgresProcess::freeze() {
  frozen_ = backends();
  for (const pid_t backend : frozen_) ::kill(backend, SIGSTOP);
}

void PostgresProcess::thaw() {
  for (const pid_t backend : frozen_) ::kill(backend, SIGCONT);
  frozen_.clear();
}

std::string PostgresProcess::base_url() const { return "postgresql://weir@/postgres?host=" + folder_.path().string(); }

std::string PostgresProcess::url(std::string_view schema) {
  store::DatabaseSettings settings;
  settings.postgres = *store::PostgresSettings::parse(base_url());
  settings.readers = 1;
  auto database = store::Database::open(settings);
  if (!database) throw std::runtime_error(database.error().message);
  const auto made = (*database)->write([&](store::Transaction& transaction) -> Result<void> {
    auto done = transaction.execute("CREATE SCHEMA IF NOT EXISTS \"" + std::string(schema) + "\"");
    if (!done) return std::move(done).error();
    return {};
  });
  if (!made) throw std::runtime_error(made.error().cause);
  return base_url() + "&options=-csearch_path%3D" + std::string(schema);
}

bool is_postgres_backend() {
  const char* name = std::getenv("WEIR_TEST_STORE");
  return name != nullptr && std::string_view(name) == "postgres";
}

store::DatabaseSettings on_backend(store::DatabaseSettings settings) {
  if (!is_postgres_backend()) return settings;
  const std::string schema = "t" + to_hex(sha256(settings.path)).substr(0, 24);
  settings.postgres = *store::PostgresSettings::parse(PostgresProcess::shared().url(schema));
  return settings;
}

}  // namespace weir::testing
