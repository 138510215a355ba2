#include "server/http/work_queue.h"

#include <sys/eventfd.h>

#include <cstdint>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace weir::http {
namespace {

constexpr int kItemsPerWake = 16;

void run(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& failure) {
    log::error("http.posted_work_failed", {{"cause", failure.what()}});
  }
}

}  // namespace

WorkQueue::WorkQueue() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(wake_.is_open(), "the kernel gives an eventfd");
}

bool WorkQueue::post(std::function<void()> work) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || items_.size() >= kPostedWorkMax) return false;
    items_.push_back(std::move(work));
    is_first = !std::exchange(is_waking_, true);
  }
  if (is_first) wake_one();
  return true;
}

void WorkQueue::run_some() {
  for (int i = 0; i < kItemsPerWake; ++i) {
    std::function<void()> work;
    bool passes_on = false;
    {
      const std::lock_guard lock(mutex_);
      // Who comes answers every wake-up so far: what is posted from now on wakes another.
      if (i == 0) is_waking_ = false;
      if (items_.empty()) return;
      work = std::move(items_.front());
      items_.pop_front();
      // Whoever takes the first item passes the wake-up on, and so does who stops while items are left.
      if (!items_.empty() && (i == 0 || i + 1 == kItemsPerWake)) passes_on = !std::exchange(is_waking_, true);
    }
    if (passes_on) wake_one();
    run(work);
  }
}

void WorkQueue::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

std::size_t WorkQueue::size() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

void WorkQueue::wake_one() const {
  // The counter is never read: with EPOLLET each write is an edge, and 2^64 writes do not happen.
  const std::uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) < 0) log::error("http.wake_failed");
}

}  // namespace weir::http
