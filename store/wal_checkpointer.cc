#include "store/wal_checkpointer.h"

#include <pthread.h>

#include <utility>

#include "base/log.h"

namespace weir::store {

WalCheckpointer::WalCheckpointer(std::unique_ptr<SqliteSession> session,
                                 std::function<void(const std::function<void()>&)> paused, const Sizes& sizes)
    : session_(std::move(session)),
      paused_(std::move(paused)),
      sizes_(sizes),
      thread_([this](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), "weir-wal");
        work(stop);
      }) {}

void WalCheckpointer::note(int pages) {
  const std::lock_guard lock(mutex_);
  if (pages < pages_) {  // it has begun anew
    moved_ = 0;
    ++beginnings_;
  }
  pages_ = pages;
  if (pages_ - moved_ >= sizes_.gathered) grown_.notify_one();
}

void WalCheckpointer::work(const std::stop_token& stop) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (!grown_.wait(lock, stop, [this] { return pages_ - moved_ >= sizes_.gathered; })) return;
    }
    checkpoint();
  }
}

void WalCheckpointer::checkpoint() {
  const auto move_pages = [this] {
    const int beginning = [this] {
      const std::lock_guard lock(mutex_);
      return beginnings_;
    }();
    auto state = session_->checkpoint();
    if (!state) log::warning("store.checkpoint_failed", {{"cause", state.error().cause}});
    // Without an answer (another process may be at it) the next one moves these, too.
    const int pages = state ? state->pages : -1;
    const std::lock_guard lock(mutex_);
    if (beginning == beginnings_) moved_ = pages >= 0 ? pages : pages_;
    return pages;
  };
  const int left = move_pages();
  if (left > sizes_.log_max) paused_([&] { (void)move_pages(); });
}

}  // namespace weir::store
