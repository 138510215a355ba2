#include "streaming/event_channel.h"

#include <algorithm>
#include <utility>

namespace weir::streaming {
namespace {

bool is_same(const std::weak_ptr<BatchReceiver>& a, const std::weak_ptr<BatchReceiver>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

// Thread-safe.
class ChannelSubscription final : public Subscription {
 public:
  ChannelSubscription(std::shared_ptr<EventChannels> table, std::shared_ptr<EventChannel> channel,
                      std::weak_ptr<BatchReceiver> receiver)
      : table_(std::move(table)), channel_(std::move(channel)), receiver_(std::move(receiver)) {}
  ChannelSubscription(const ChannelSubscription&) = delete;
  ChannelSubscription& operator=(const ChannelSubscription&) = delete;
  ~ChannelSubscription() override { table_->leave(channel_, receiver_); }

 private:
  const std::shared_ptr<EventChannels> table_;
  const std::shared_ptr<EventChannel> channel_;
  const std::weak_ptr<BatchReceiver> receiver_;
};

}  // namespace

EventChannel::Receivers& EventChannel::own_receivers() {
  if (receivers_.use_count() > 1) receivers_ = std::make_shared<Receivers>(*receivers_);
  return *receivers_;
}

void EventChannel::add(std::weak_ptr<BatchReceiver> receiver) {
  const std::lock_guard lock(mutex_);
  own_receivers().push_back(std::move(receiver));
}

bool EventChannel::remove(const std::weak_ptr<BatchReceiver>& receiver) {
  const std::lock_guard lock(mutex_);
  Receivers& receivers = own_receivers();
  const auto place =
      std::find_if(receivers.begin(), receivers.end(), [&](const auto& other) { return is_same(other, receiver); });
  if (place != receivers.end()) {
    std::swap(*place, receivers.back());
    receivers.pop_back();
  }
  return receivers.empty();
}

void EventChannel::push(const Published& published, Executor* executor) {
  {
    const std::lock_guard lock(mutex_);
    // Readers see the hole and read the log.
    if (gathered_.size() >= EventHub::kGatheredMax) {
      gathered_.erase(gathered_.begin(), gathered_.begin() + EventHub::kGatheredMax / 2);
    }
    gathered_.push_back(published);
    if (std::exchange(is_running_, true)) return;
  }
  if (executor == nullptr || !executor->post([self = shared_from_this(), executor] { self->run(executor); })) {
    run(executor);
  }
}

void EventChannel::run(Executor* executor) {
  std::vector<Published> batch;
  for (int i = 0; executor == nullptr || i < kBatchesPerRound; ++i) {
    batch.clear();
    std::shared_ptr<const Receivers> receivers;
    {
      const std::lock_guard lock(mutex_);
      if (gathered_.empty()) {
        is_running_ = false;
        return;
      }
      batch.swap(gathered_);
      receivers = receivers_;
    }
    for (const std::weak_ptr<BatchReceiver>& receiver : *receivers) {
      if (const auto present = receiver.lock()) present->receive(batch);
    }
  }
  // An executor that stops takes nothing more, and its readers are being closed.
  if (!executor->post([self = shared_from_this(), executor] { self->run(executor); })) {
    const std::lock_guard lock(mutex_);
    is_running_ = false;
  }
}

std::shared_ptr<Subscription> EventChannels::join(std::string_view key, std::weak_ptr<BatchReceiver> receiver,
                                                  std::size_t size_max) {
  std::shared_ptr<EventChannel> channel;
  {
    const std::lock_guard lock(mutex_);
    if (size_ >= size_max) return nullptr;
    ++size_;
    const auto found = channels_.find(key);
    if (found != channels_.end()) {
      channel = found->second;
    } else {
      channel = std::make_shared<EventChannel>();
      channels_.emplace(std::string(key), channel);
      keys_.emplace(channel.get(), std::string(key));
    }
    // Under this lock, so that a channel that is being given up is not joined.
    channel->add(receiver);
  }
  return std::make_shared<ChannelSubscription>(shared_from_this(), std::move(channel), std::move(receiver));
}

std::shared_ptr<EventChannel> EventChannels::find(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : found->second;
}

void EventChannels::leave(const std::shared_ptr<EventChannel>& channel, const std::weak_ptr<BatchReceiver>& receiver) {
  const std::lock_guard lock(mutex_);
  --size_;
  if (!channel->remove(receiver)) return;
  const auto key = keys_.find(channel.get());
  channels_.erase(key->second);
  keys_.erase(key);
}

std::size_t EventChannels::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace weir::streaming
