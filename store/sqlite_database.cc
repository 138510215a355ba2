#include "store/sqlite_database.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "store/migrations.h"
#include "store/session_database.h"
#include "store/sqlite_session.h"
#include "store/wal_checkpointer.h"

namespace weir::store {
namespace {

Error cannot_open(const std::string& path, const Error& reason) {
  return Error(ErrorCode::unavailable, "cannot open the database " + path + ": " + reason.message)
      .because(reason.cause);
}
Error cannot_open(const std::string& path, int error_number) {
  return Error(ErrorCode::unavailable, "cannot open the database " + path + ": " + std::strerror(error_number));
}

// Held while the file is made and migrated, so that two processes that start together do not meet half-way.
// Not thread-safe: owned by open().
class FolderGuard {
 public:
  explicit FolderGuard(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
  }
  FolderGuard(const FolderGuard&) = delete;
  FolderGuard& operator=(const FolderGuard&) = delete;
  ~FolderGuard() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  int descriptor_;
};

// Only the owner may read the file: it holds everything. An existing file is changed by its path, never opened here:
// closing any descriptor of it would drop the locks that SQLite holds in this process (sqlite.org/howtocorrupt.html).
Result<void> make_private_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  if (errno != EEXIST || ::chmod(path.c_str(), 0600) != 0) return cannot_open(path, errno);
  return {};
}

// Thread-safe.
class SqliteDatabase final : public SessionDatabase<SqliteSession> {
 public:
  // `log_owner` is `writer`.
  SqliteDatabase(std::chrono::milliseconds patience, SqliteSession& log_owner, std::unique_ptr<SqliteSession> writer,
                 std::vector<std::unique_ptr<SqliteSession>> readers, std::unique_ptr<SqliteSession> mover)
      : SessionDatabase(patience, std::move(writer), std::move(readers)),
        checkpointer_(
            std::move(mover), [this](const std::function<void()>& move_pages) { pause_writers(move_pages); },
            WalCheckpointer::Sizes{}) {
    log_owner.leave_log([this](int pages) { checkpointer_.note(pages); });
  }

 private:
  WalCheckpointer checkpointer_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const DatabaseSettings& settings) {
  if (settings.path.empty() || settings.path.find_first_of("\"\n") != std::string::npos) {
    return Error(ErrorCode::unavailable, "cannot open the database \"" + settings.path +
                                             "\": its path must not be empty or hold quotes or line breaks");
  }
  const std::filesystem::path folder = std::filesystem::absolute(settings.path).parent_path();
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  }
  if (failed) return cannot_open(settings.path, failed.value());

  const FolderGuard guard(folder);
  if (auto made = make_private_file(settings.path); !made) return std::move(made).error();
  auto writer = SqliteSession::open(settings, Access::write);
  if (!writer) return cannot_open(settings.path, writer.error());
  if (auto prepared = transact(**writer, Access::write, prepare_schema); !prepared)
    return cannot_open(settings.path, prepared.error());
  std::vector<std::unique_ptr<SqliteSession>> readers;
  for (unsigned i = 0; i < std::max(settings.readers, 1U); ++i) {
    auto reader = SqliteSession::open(settings, Access::read);
    if (!reader) return cannot_open(settings.path, reader.error());
    readers.push_back(std::move(*reader));
  }
  auto mover = SqliteSession::open(settings, Access::write);
  if (!mover) return cannot_open(settings.path, mover.error());
  SqliteSession& log_owner = **writer;
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(
      settings.busy_timeout, log_owner, std::move(*writer), std::move(readers), std::move(*mover)));
}

}  // namespace weir::store
