#include "streaming/event_hub.h"

#include "streaming/event_channel.h"

namespace weir::streaming {
namespace {

// Shared by the hub's table, the subscription and whoever is calling the receiver; the last of them lets go.
// Thread-safe.
struct Slot {
  explicit Slot(EventHub::Receiver to) : receiver(std::move(to)) {}
  const EventHub::Receiver receiver;
  std::atomic<bool> is_open = true;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Who receives the events of one key (a resource or an account). A subscription may outlive the hub, hence shared.
// Thread-safe.
class Table {
 public:
  std::shared_ptr<Slot> add(std::string_view key, EventHub::Receiver receiver) {
    auto slot = std::make_shared<Slot>(std::move(receiver));
    const std::lock_guard lock(mutex_);
    if (size_ >= EventHub::kSubscriptionsMax) return nullptr;
    ++size_;
    const auto found = slots_.find(key);
    auto& slots = found == slots_.end() ? slots_[std::string(key)] : found->second;
    slots.push_back(slot);
    return slot;
  }

  void remove(const std::string& key, const std::shared_ptr<Slot>& slot) {
    slot->is_open = false;
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find(key);
    if (found == slots_.end()) return;
    auto& slots = found->second;
    const auto place = std::find(slots.begin(), slots.end(), slot);
    if (place == slots.end()) return;
    *place = std::move(slots.back());
    slots.pop_back();
    --size_;
    if (slots.empty()) slots_.erase(found);
  }

  // A copy: receivers are called without the lock, so that they may end their own subscription.
  std::vector<std::shared_ptr<Slot>> of(std::string_view key) const {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find(key);
    return found == slots_.end() ? std::vector<std::shared_ptr<Slot>>() : found->second;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return size_;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<Slot>>, TextHash, std::equal_to<>> slots_;
  std::size_t size_ = 0;
};

// Thread-safe.
class TableSubscription final : public Subscription {
 public:
  TableSubscription(std::shared_ptr<Table> table, std::string key, std::shared_ptr<Slot> slot)
      : table_(std::move(table)), key_(std::move(key)), slot_(std::move(slot)) {}
  TableSubscription(const TableSubscription&) = delete;
  TableSubscription& operator=(const TableSubscription&) = delete;
  ~TableSubscription() override { table_->remove(key_, slot_); }

 private:
  const std::shared_ptr<Table> table_;
  const std::string key_;
  const std::shared_ptr<Slot> slot_;
};

class LocalHub final : public EventHub {
 public:
  explicit LocalHub(Executor* executor) : executor_(executor) {}

  std::shared_ptr<Subscription> subscribe(std::string_view resource_id, Receiver receiver) override {
    return subscribe_in(resources_, resource_id, std::move(receiver));
  }
  std::shared_ptr<Subscription> subscribe_account(std::string_view account_id, Receiver receiver) override {
    return subscribe_in(accounts_, account_id, std::move(receiver));
  }

  std::shared_ptr<Subscription> join(const Feed& feed, std::weak_ptr<BatchReceiver> receiver) override {
    const std::size_t others = resources_->size() + accounts_->size();
    if (others >= kSubscriptionsMax) return nullptr;
    EventChannels& channels = feed.kind == Feed::Kind::resource ? *resource_channels_ : *account_channels_;
    return channels.join(feed.id, std::move(receiver), kSubscriptionsMax - others);
  }

  void publish(const Published& published) override {
    publish(published.event, [&](const std::shared_ptr<const Event>&) { return published; });
  }

  void publish(std::shared_ptr<const Event> event, const Encoder& encode) override {
    // Whoever comes after this moment has its own reading of the log, which is behind the commit.
    const auto of_resource = resources_->of(event->resource_id);
    const auto of_account = accounts_->of(event->account_id);
    const auto resource_channel = resource_channels_->find(event->resource_id);
    const auto account_channel = account_channels_->find(event->account_id);
    if (of_resource.empty() && of_account.empty() && !resource_channel && !account_channel) return;
    const Published published = encode(std::move(event));
    if (resource_channel) resource_channel->push(published, executor_);
    if (account_channel) account_channel->push(published, executor_);
    deliver(of_resource, published);
    deliver(of_account, published);
  }

  [[nodiscard]] std::size_t subscriptions() const override {
    return resources_->size() + accounts_->size() + resource_channels_->size() + account_channels_->size();
  }

 private:
  static void deliver(const std::vector<std::shared_ptr<Slot>>& slots, const Published& published) {
    for (const std::shared_ptr<Slot>& slot : slots) {
      if (slot->is_open) slot->receiver(published);
    }
  }

  std::shared_ptr<Subscription> subscribe_in(const std::shared_ptr<Table>& table, std::string_view key,
                                             Receiver receiver) {
    if (subscriptions() >= kSubscriptionsMax) return nullptr;
    auto slot = table->add(key, std::move(receiver));
    if (slot == nullptr) return nullptr;
    return std::make_shared<TableSubscription>(table, std::string(key), std::move(slot));
  }

  const std::shared_ptr<Table> resources_ = std::make_shared<Table>();
  const std::shared_ptr<Table> accounts_ = std::make_shared<Table>();
  const std::shared_ptr<EventChannels> resource_channels_ = std::make_shared<EventChannels>();
  const std::shared_ptr<EventChannels> account_channels_ = std::make_shared<EventChannels>();
  Executor* const executor_;
};

}  // namespace

std::unique_ptr<EventHub> EventHub::create() { return std::make_unique<LocalHub>(nullptr); }

std::unique_ptr<EventHub> EventHub::create(Executor& executor) { return std::make_unique<LocalHub>(&executor); }

}  // namespace weir::streaming
