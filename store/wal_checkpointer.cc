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
  if (pages < pages_) moved_ = 0;  // it has begun anew
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
    auto state = session_->checkpoint();
    const std::lock_guard lock(mutex_);
    if (!state) {
      // The next one moves these, too; another process may be at it.
      log::warning("store.checkpoint_failed", {{"cause", state.error().cause}});
      moved_ = pages_;
      return 0;
    }
    moved_ = std::max(pages_, state->pages);
    return state->pages;
  };
  const int left = move_pages();
  if (left > sizes_.log_max) paused_([&] { (void)move_pages(); });
}

}  // namespace weir::store
