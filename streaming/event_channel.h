// The batch readers of one feed: gathers what is published while the batch before goes round. Part of the event hub.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "streaming/event_hub.h"

namespace weir::streaming {

// Shared by its table, its subscriptions and the round under way; the last of them lets go. Thread-safe.
class EventChannel : public std::enable_shared_from_this<EventChannel> {
 public:
  using Receivers = std::vector<std::weak_ptr<BatchReceiver>>;

  void add(std::weak_ptr<BatchReceiver> receiver);
  // True if it was the last one.
  bool remove(const std::weak_ptr<BatchReceiver>& receiver);
  // Adds to what is gathered and sees that a round takes it: on `executor`, or at once without one.
  void push(const Published& published, Executor* executor);

 private:
  // A round that has gone on for so many batches lets other work run first.
  static constexpr int kBatchesPerRound = 8;

  void run(Executor* executor);
  Receivers& own_receivers();

  std::mutex mutex_;  // guards what follows
  // Copied on a change while a round walks it, so that a round need not copy it each time.
  std::shared_ptr<Receivers> receivers_ = std::make_shared<Receivers>();
  std::vector<Published> gathered_;
  bool is_running_ = false;
};

// Channels by key. Shared by the hub and the subscriptions, which may outlive it. Thread-safe.
class EventChannels : public std::enable_shared_from_this<EventChannels> {
 public:
  // Null if `size_max` subscriptions are open.
  std::shared_ptr<Subscription> join(std::string_view key, std::weak_ptr<BatchReceiver> receiver, std::size_t size_max);
  // Null if nobody follows `key`.
  [[nodiscard]] std::shared_ptr<EventChannel> find(std::string_view key) const;
  void leave(const std::shared_ptr<EventChannel>& channel, const std::weak_ptr<BatchReceiver>& receiver);
  [[nodiscard]] std::size_t size() const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, std::shared_ptr<EventChannel>, TextHash, std::equal_to<>> channels_;
  std::unordered_map<const EventChannel*, std::string> keys_;
  std::size_t size_ = 0;
};

}  // namespace weir::streaming
