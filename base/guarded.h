// A mutex and the data that it guards in one type, so that the data cannot be reached without the lock.
#pragma once
#include <mutex>
#include <utility>

namespace weir {

// The body of with() must not block, log, call back or take a second lock: then there is no lock order to
// remember. Thread-safe.
template <typename T>
class Guarded {
 public:
  Guarded() = default;
  template <typename... Args>
  explicit Guarded(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  template <typename Body>
  decltype(auto) with(Body&& body) {
    const std::lock_guard lock(mutex_);
    return std::forward<Body>(body)(value_);
  }
  template <typename Body>
  decltype(auto) with(Body&& body) const {
    const std::lock_guard lock(mutex_);
    return std::forward<Body>(body)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace weir
