#include "store/commit_order.h"

namespace weir::store {
namespace {

thread_local const Database* t_inside = nullptr;

}  // namespace

void CommitOrder::run(std::uint64_t ticket, const std::vector<std::function<void()>>& callbacks) {
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
  for (const auto& callback : callbacks) callback();
}

Inside::Inside(const Database* database) : before_(t_inside) {
  CHECK(t_inside != database, "read() or write() inside a transaction or an on_commit callback of the database");
  t_inside = database;
}

Inside::~Inside() { t_inside = before_; }

}  // namespace weir::store
