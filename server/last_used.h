// Writes when keys were last used, in batches on its own thread, so that no call waits for the database's writer.
#pragma once
#include <cstddef>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "store/database.h"

namespace weir::server {

// At most kWaitingMax notes wait; beyond, they are dropped and made again at the key's next use (retry later). A clean
// stop writes what waits. Thread-safe.
class LastUsed {
 public:
  static constexpr std::size_t kWaitingMax = 1'024;

  // `database` must outlive this object.
  explicit LastUsed(store::Database& database);
  ~LastUsed();
  LastUsed(const LastUsed&) = delete;
  LastUsed& operator=(const LastUsed&) = delete;

  // False if there is no room. Never blocks.
  bool note(std::string key_id, UnixMillis at) { return waiting_.push({std::move(key_id), at}); }

 private:
  struct Note {
    std::string key_id;
    UnixMillis at{};
  };
  void run(const std::stop_token& stop);
  void write(Note first);

  store::Database& database_;
  BoundedQueue<Note> waiting_{kWaitingMax};
  std::jthread thread_;  // waits on waiting_, woken by note() and by stopping; touches the database
};

}  // namespace weir::server
