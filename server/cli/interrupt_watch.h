// Ctrl-C as a request to stop: what a command follows goes on without it, so the command says how to come back instead of
// just ending.
#pragma once
#include <atomic>
#include <stop_token>
#include <thread>

namespace weir::cli {

// Not thread-safe: owned by the command. server::block_stop_signals() has been called before any thread was started.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  // Stopped by the first SIGINT or SIGTERM.
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] bool has_come() const { return source_.stop_requested(); }

 private:
  void wait();

  std::stop_source source_;
  std::atomic<bool> is_over_{false};
  std::jthread thread_;
};

}  // namespace weir::cli
