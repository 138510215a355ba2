// Where what becomes of a run's tool calls arrives, from whatever thread, and waits for the run's own thread.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "tools/tool.h"

namespace weir::tools::runs {

// Not thread-safe: a value.
struct CallReport {
  enum class Kind : std::uint8_t { held, admitted, progress, answered };
  std::string key;
  std::uint64_t attempt = 0;  // of the desk's own numbering: late reports of given-up tries are told apart
  Kind kind = Kind::answered;
  std::chrono::milliseconds about{0};          // of held
  Json event{};                                // of progress
  std::optional<Result<ToolResult>> answer{};  // of answered
  std::chrono::steady_clock::time_point at{};
};

// Answers are never dropped: there is one for each call under way. Beyond kProgressMax, news of progress is. Thread-safe.
// Shared by the desk and the calls that it started; the last of them lets go.
class CallInbox {
 public:
  static constexpr std::size_t kProgressMax = 256;

  void push(CallReport report) {
    {
      const std::lock_guard lock(mutex_);
      if (report.kind == CallReport::Kind::progress && reports_.size() >= kProgressMax) return;
      reports_.push_back(std::move(report));
    }
    changed_.notify_one();
  }

  // Never blocks.
  std::optional<CallReport> take() {
    const std::lock_guard lock(mutex_);
    if (reports_.empty()) return std::nullopt;
    CallReport report = std::move(reports_.front());
    reports_.pop_front();
    return report;
  }

  // Blocks until there is a report, or `stop`, or up to `longest`.
  void wait(const std::stop_token& stop, std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, longest, [this] { return !reports_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<CallReport> reports_;
};

}  // namespace weir::tools::runs
