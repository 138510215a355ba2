#include "streaming/cluster_hub.h"

#include <pthread.h>

#include <array>
#include <charconv>
#include <deque>

#include "base/log.h"

namespace weir::streaming {
namespace {

// Events that were published lately, so that one that is reached by its resource and by its account is told once. More than
// a second of a busy cluster; beyond, an event may be told twice, which readers of streams notice by its number.
constexpr std::size_t kRecentMax = 16'384;
// Ids of one question to the counters.
constexpr std::size_t kIdsPerQuery = 500;
constexpr std::int64_t kEventsPerPage = 500;

}  // namespace

std::string EventHint::to_text() const {
  return account_id + " " + resource_id + " " + std::to_string(seq) + " " + std::to_string(account_seq);
}

std::optional<EventHint> EventHint::parse(std::string_view text) {
  std::array<std::string_view, 4> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = text.find(' ');
    if ((end == std::string_view::npos) != (i + 1 == words.size())) return std::nullopt;
    words.at(i) = text.substr(0, end);
    if (words.at(i).empty()) return std::nullopt;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  EventHint hint{.account_id = std::string(words[0]), .resource_id = std::string(words[1])};
  const auto read = [](std::string_view word, std::int64_t& number) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    return error == std::errc{} && end == word.data() + word.size() && number > 0;
  };
  if (!read(words[2], hint.seq) || !read(words[3], hint.account_seq)) return std::nullopt;
  return hint;
}

// Thread-safe.
struct ClusterHub::State {
  std::mutex mutex;  // guards what follows
  std::condition_variable_any changed;
  std::map<Key, std::size_t> followers;
  std::map<Key, std::int64_t> known;   // of those that are followed: told through
  std::map<Key, std::int64_t> hinted;  // there is something through this number
  std::set<std::pair<std::string, std::int64_t>, std::less<>> recent;
  std::deque<std::pair<std::string, std::int64_t>> recent_order;

  // False if it was noted before. Under the mutex.
  bool note(const Event& event) {
    if (!recent.emplace(event.resource_id, event.seq).second) return false;
    recent_order.emplace_back(event.resource_id, event.seq);
    if (recent_order.size() > kRecentMax) {
      recent.erase(recent_order.front());
      recent_order.pop_front();
    }
    return true;
  }
};

// A subscription of the local hub, counted as long as it lives. Thread-safe.
class ClusterHub::Following final : public Subscription {
 public:
  Following(std::shared_ptr<State> state, Key key, std::shared_ptr<Subscription> subscription)
      : state_(std::move(state)), key_(std::move(key)), subscription_(std::move(subscription)) {
    const std::lock_guard lock(state_->mutex);
    ++state_->followers[key_];
  }
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;
  ~Following() override {
    subscription_.reset();
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->followers.find(key_);
    if (--found->second > 0) return;
    state_->followers.erase(found);
    state_->known.erase(key_);
    state_->hinted.erase(key_);
  }

 private:
  const std::shared_ptr<State> state_;
  const Key key_;
  std::shared_ptr<Subscription> subscription_;
};

ClusterHub::ClusterHub(std::unique_ptr<EventHub> local, store::Database& database, Hinter hinter,
                       std::chrono::milliseconds sweep_interval)
    : local_(std::move(local)),
      database_(database),
      hinter_(std::move(hinter)),
      sweep_interval_(sweep_interval),
      state_(std::make_shared<State>()) {}

ClusterHub::~ClusterHub() { stop(); }

void ClusterHub::start(EventLog& log) {
  CHECK(log_ == nullptr, "a hub is started once");
  log_ = &log;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "weir-cluster");
    run(stop);
  });
}

void ClusterHub::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void ClusterHub::heard(const EventHint& hint) {
  const std::lock_guard lock(state_->mutex);
  bool is_wanted = false;
  const auto take = [&](Key key, std::int64_t seq) {
    if (!state_->followers.contains(key) || state_->hinted.size() >= kHintsMax) return;
    std::int64_t& through = state_->hinted[std::move(key)];
    through = std::max(through, seq);
    is_wanted = true;
  };
  take({Feed::Kind::resource, hint.resource_id}, hint.seq);
  take({Feed::Kind::account, hint.account_id}, hint.account_seq);
  if (is_wanted) state_->changed.notify_one();
}

std::shared_ptr<Subscription> ClusterHub::follow(Key key, std::shared_ptr<Subscription> subscription) {
  if (subscription == nullptr) return nullptr;
  return std::make_shared<Following>(state_, std::move(key), std::move(subscription));
}

std::shared_ptr<Subscription> ClusterHub::subscribe(std::string_view resource_id, Receiver receiver) {
  return follow({Feed::Kind::resource, std::string(resource_id)}, local_->subscribe(resource_id, std::move(receiver)));
}

std::shared_ptr<Subscription> ClusterHub::subscribe_account(std::string_view account_id, Receiver receiver) {
  return follow({Feed::Kind::account, std::string(account_id)},
                local_->subscribe_account(account_id, std::move(receiver)));
}

std::shared_ptr<Subscription> ClusterHub::join(const Feed& feed, std::weak_ptr<BatchReceiver> receiver) {
  return follow({feed.kind, feed.id}, local_->join(feed, std::move(receiver)));
}

void ClusterHub::publish(const Published& published) {
  committed(*published.event);
  local_->publish(published);
}

void ClusterHub::publish(std::shared_ptr<const Event> event, const Encoder& encode) {
  committed(*event);
  local_->publish(std::move(event), encode);
}

void ClusterHub::committed(const Event& event) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->note(event);
    // Saves the sweep from reading our own events again.
    const auto pass = [this](const Key& key, std::int64_t seq) {
      const auto found = state_->known.find(key);
      if (found != state_->known.end() && found->second == seq - 1) found->second = seq;
    };
    pass({Feed::Kind::resource, event.resource_id}, event.seq);
    pass({Feed::Kind::account, event.account_id}, event.account_seq);
  }
  hinter_({.account_id = event.account_id,
           .resource_id = event.resource_id,
           .seq = event.seq,
           .account_seq = event.account_seq});
}

void ClusterHub::run(const std::stop_token& stop) {
  auto next_sweep = std::chrono::steady_clock::now() + sweep_interval_;
  while (!stop.stop_requested()) {
    std::map<Key, std::int64_t> hinted;
    {
      std::unique_lock lock(state_->mutex);
      state_->changed.wait_until(lock, stop, next_sweep, [this] { return !state_->hinted.empty(); });
      hinted.swap(state_->hinted);
    }
    if (stop.stop_requested()) return;
    for (const auto& [key, through] : hinted) bring(key, through);
    if (std::chrono::steady_clock::now() < next_sweep) continue;
    sweep();
    next_sweep = std::chrono::steady_clock::now() + sweep_interval_;
  }
}

void ClusterHub::sweep() {
  std::map<Feed::Kind, std::vector<std::string>> ids;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [key, count] : state_->followers) ids[key.first].push_back(key.second);
  }
  for (const auto& [kind, all] : ids) {
    for (std::size_t first = 0; first < all.size(); first += kIdsPerQuery) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), first + kIdsPerQuery));
      look(kind, {begin, end});
    }
  }
}

// What the counters say of these feeds.
void ClusterHub::look(Feed::Kind kind, const std::vector<std::string>& ids) {
  const auto counters = database_.read_for([&](store::Transaction& transaction) {
    return kind == Feed::Kind::resource ? store::last_seqs_of_resources(transaction, ids)
                                        : store::last_seqs_of_accounts(transaction, ids);
  });
  if (!counters) {
    log::warning("cluster.unreadable", {{"cause", counters.error().cause}});
    return;
  }
  for (const auto& [id, last] : *counters) bring({kind, id}, last);
}

// Publishes what the log has of a feed up to `through` and was not told yet.
void ClusterHub::bring(const Key& key, std::int64_t through) {
  std::int64_t known = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->followers.contains(key)) return;
    // Of a feed that is new here only the newest event is told: its readers have read the log, and see by the number
    // whether they missed something between that and now.
    known = state_->known.try_emplace(key, through - 1).first->second;
  }
  while (known < through && !thread_.get_stop_token().stop_requested()) {
    const auto page = log_->read({.kind = key.first, .id = key.second}, known, kEventsPerPage);
    if (!page) {
      log::warning("cluster.unreadable", {{"feed", key.second}, {"cause", page.error().cause}});
      return;
    }
    for (const Event& event : page->events) {
      bool is_new = false;
      {
        const std::lock_guard lock(state_->mutex);
        is_new = state_->note(event);
      }
      if (!is_new) continue;
      local_->publish(std::make_shared<const Event>(event),
                      [this](std::shared_ptr<const Event> encoded) { return log_->published(std::move(encoded)); });
    }
    // Deleted by retention meanwhile, if there are none: nothing more to tell.
    const Feed feed{.kind = key.first, .id = key.second};
    known = page->events.empty() ? through : feed.seq_of(page->events.back());
    const std::lock_guard lock(state_->mutex);
    if (!state_->followers.contains(key)) return;
    std::int64_t& told = state_->known[key];
    told = known = std::max(told, known);
  }
}

}  // namespace weir::streaming
