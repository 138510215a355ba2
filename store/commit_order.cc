#include "store/commit_order.h"

#include "base/log.h"

namespace weir::store {
namespace {

thread_local const Database* t_inside = nullptr;

}  // namespace

void CommitOrder::run(std::uint64_t ticket, const std::function<void()>& callbacks) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == ticket; });
  }
  struct Turn {  // passed on whatever a callback does
    CommitOrder& order;
    ~Turn() {
      const std::lock_guard lock(order.mutex_);
      ++order.turn_;
      order.changed_.notify_all();
    }
  } turn{*this};
  callbacks();
}

void CommitOrder::call(const std::function<void()>& callback) {
  try {
    callback();
  } catch (const std::exception& error) {
    log::error("store.callback_failed", {{"cause", error.what()}});
  }
}

Inside::Inside(const Database* database) : before_(t_inside) {
  CHECK(t_inside != database, "read() or write() inside a transaction or an on_commit callback of the database");
  t_inside = database;
}

Inside::~Inside() { t_inside = before_; }

}  // namespace weir::store
