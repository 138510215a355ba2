// One connection to Redis that all workers share: commands are pipelined, every caller waits for its own answer, with
// a deadline. The only place that knows hiredis (0.14: no TLS, no RESP3, no timers). It knows nothing of limits.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "limits/redis_settings.h"

namespace weir::limits {

// What Redis answered. Not thread-safe: a value.
struct RedisReply {
  enum class Kind : std::uint8_t { nothing, integers, text, error };

  Kind kind = Kind::nothing;
  std::vector<std::int64_t> integers{};  // one, or a list of them
  std::string text{};                    // a status, a string, or the error: "NOSCRIPT No matching script..."
};

// Commands are sent at once while nothing is unanswered, and otherwise with the next batch, at most kGatherMax later.
// A lost connection fails its waiting callers at once and is made anew, with growing pauses, until the object ends.
// While there is none, calls are refused at once; only before the first attempt has ended do they wait.
// Thread-safe.
class RedisConnection {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit RedisConnection(RedisSettings settings);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // The answer, which may be an error of Redis. Blocks up to `until`. Returns unavailable if there is no connection, no
  // answer in time, no room, or if whoever is called back asks on the connection's thread; a command that was sent before its caller gave up is still carried out.
  Result<RedisReply> call(std::span<const std::string_view> arguments, TimePoint until);
  // The same, up to the settings' deadline from now.
  Result<RedisReply> call(std::span<const std::string_view> arguments);
  using Answered = std::function<void(Result<RedisReply>)>;
  // As call(), but `answered` is told, once, on the connection's thread, where it must not block. It may send more.
  // Returns unavailable, and calls nobody, if there is no connection or no room.
  Result<void> call_back(std::span<const std::string_view> arguments, Answered answered);
  // Sends without waiting for an answer. False if there is no connection or no room. Never blocks.
  bool post(std::span<const std::string_view> arguments);

  // Ends the connection and fails everyone who waits or is to be called; nobody is called later. Called by the
  // destructor; before it by an owner whose callbacks need what dies earlier. Blocks for the thread's end.
  void stop();

  [[nodiscard]] bool is_connected() const { return is_connected_.load(std::memory_order_relaxed); }
  [[nodiscard]] const RedisSettings& settings() const { return settings_; }

 private:
  class Link;
  struct Call;
  struct Pending {
    std::string command;
    std::shared_ptr<Call> call;  // shared by caller and thread, whoever is later; null if nobody waits
    TimePoint queued_at;
  };
  struct Queue {
    std::vector<Pending> waiting;
    bool is_open = true;  // false: no connection, refuse at once
    std::string why_closed;
  };

  Result<void> submit(std::span<const std::string_view> arguments, std::shared_ptr<Call> call);
  [[nodiscard]] Error away(std::string why) const;
  void wake() const;

  const RedisSettings settings_;
  const int wake_;
  std::atomic<bool> is_connected_{false};
  std::atomic<std::size_t> unanswered_{0};  // waiting and sent
  Guarded<Queue> queue_;
  std::jthread thread_;  // "redis": the socket is its own
};

}  // namespace weir::limits
