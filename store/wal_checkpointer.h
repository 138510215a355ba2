// Moves what was committed from SQLite's write-ahead log into the database file, on a thread of its own: left to SQLite it
// happens in some writer's commit, which then waits for the disk (https://www.sqlite.org/wal.html).
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "store/sqlite_session.h"

namespace weir::store {

// Thread-safe.
class WalCheckpointer {
 public:
  // Pages are of 4 KiB. Not thread-safe: a value.
  struct Sizes {
    int gathered = 1'000;  // before they are moved
    // A log that grows beyond this while it is moved, because writing never pauses, makes the writers wait once: only when
    // all of it has been moved does it begin anew.
    int log_max = 32'768;
  };

  // `session` is the checkpointer's own; `paused` calls its argument while nobody writes.
  WalCheckpointer(std::unique_ptr<SqliteSession> session, std::function<void(const std::function<void()>&)> paused,
                  const Sizes& sizes);
  WalCheckpointer(const WalCheckpointer&) = delete;
  WalCheckpointer& operator=(const WalCheckpointer&) = delete;
  ~WalCheckpointer() = default;

  // A commit has left the log with so many pages. Never blocks for the disk.
  void note(int pages);

 private:
  void work(const std::stop_token& stop);
  void checkpoint();

  const std::unique_ptr<SqliteSession> session_;  // the thread's
  const std::function<void(const std::function<void()>&)> paused_;
  const Sizes sizes_;
  std::mutex mutex_;
  std::condition_variable_any grown_;
  int pages_ = 0;       // guarded by mutex_: in the log
  int moved_ = 0;       // guarded by mutex_: of these
  int beginnings_ = 0;  // guarded by mutex_: how often the log began anew
  std::jthread thread_;
};

}  // namespace weir::store
