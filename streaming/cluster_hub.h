// The hub of a node that shares its database with others: what they commit is published here as well. A hint (from Redis)
// says that something was committed; the log says what. A hint that is lost is made up for by the next one, or by a look at
// the counters each second while anybody follows anything. Not the way of the hints: that is the server's.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "store/database.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"

namespace weir::streaming {

// "There is an event with these numbers." Not thread-safe: a value.
struct EventHint {
  std::string account_id;
  std::string resource_id;
  std::int64_t seq = 0;
  std::int64_t account_seq = 0;

  // One line: "acc_1 scn_2 17 230".
  [[nodiscard]] std::string to_text() const;
  static std::optional<EventHint> parse(std::string_view text);
};

// Receivers hear the events of this node as from any hub. Those of others they hear from one thread, in the order of each
// feed's sequence; who follows only now may hear the newest event that was there already. Thread-safe.
class ClusterHub final : public EventHub {
 public:
  // Called after each commit of this node, on the thread of some writer; must not block.
  using Hinter = std::function<void(const EventHint&)>;
  static constexpr std::chrono::milliseconds kSweepInterval{1'000};

  // The database must outlive the hub.
  ClusterHub(std::unique_ptr<EventHub> local, store::Database& database, Hinter hinter,
             std::chrono::milliseconds sweep_interval = kSweepInterval);
  ~ClusterHub() override;
  ClusterHub(const ClusterHub&) = delete;
  ClusterHub& operator=(const ClusterHub&) = delete;

  // From here on other nodes are heard. `log` must live until stop().
  void start(EventLog& log);
  void stop();
  // Another node's hint. Never blocks; beyond kHintsMax it is dropped, and the sweep makes up for it.
  void heard(const EventHint& hint);

  std::shared_ptr<Subscription> subscribe(std::string_view resource_id, Receiver receiver) override;
  std::shared_ptr<Subscription> subscribe_account(std::string_view account_id, Receiver receiver) override;
  std::shared_ptr<Subscription> join(const Feed& feed, std::weak_ptr<BatchReceiver> receiver) override;
  void publish(const Published& published) override;
  void publish(std::shared_ptr<const Event> event, const Encoder& encode) override;
  [[nodiscard]] std::size_t subscriptions() const override { return local_->subscriptions(); }

  static constexpr std::size_t kHintsMax = 10'000;

 private:
  using Key = std::pair<Feed::Kind, std::string>;
  struct State;
  class Following;

  std::shared_ptr<Subscription> follow(Key key, std::shared_ptr<Subscription> subscription);
  void committed(const Event& event);
  void run(const std::stop_token& stop);
  void sweep();
  void look(Feed::Kind kind, const std::vector<std::string>& ids);
  void bring(const Key& key, std::int64_t through);

  const std::unique_ptr<EventHub> local_;
  store::Database& database_;
  const Hinter hinter_;
  const std::chrono::milliseconds sweep_interval_;
  const std::shared_ptr<State> state_;  // shared with subscriptions, which may outlive the hub
  EventLog* log_ = nullptr;             // set by start(), before the thread
  std::jthread thread_;
};

}  // namespace weir::streaming
