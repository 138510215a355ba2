#include "server/http/connection_table.h"

#include <utility>

#include "server/http/connection.h"

namespace weir::http {

ConnectionTable::ConnectionTable(std::size_t connections_max)
    : slots_(std::make_unique<Slot[]>(connections_max)), connections_max_(connections_max) {}

std::optional<ConnectionToken> ConnectionTable::reserve() {
  std::size_t slot = 0;
  {
    const std::lock_guard lock(free_mutex_);
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else if (used_slots_.load() < connections_max_) {
      slot = used_slots_.fetch_add(1);
    } else {
      return std::nullopt;
    }
  }
  size_.fetch_add(1);
  return (ConnectionToken{slots_[slot].generation.load()} << 32) | slot;
}

void ConnectionTable::put(ConnectionToken token, std::shared_ptr<Connection> connection) {
  const std::lock_guard lock(stripe(slot_of(token)));
  slots_[slot_of(token)].connection = std::move(connection);
}

std::shared_ptr<Connection> ConnectionTable::find(ConnectionToken token) const {
  const std::size_t slot = slot_of(token);
  const std::lock_guard lock(stripe(slot));
  return slots_[slot].generation.load(std::memory_order_relaxed) == generation_of(token) ? slots_[slot].connection
                                                                                         : nullptr;
}

void ConnectionTable::remove(ConnectionToken token) {
  const std::size_t slot = slot_of(token);
  std::shared_ptr<Connection> removed;  // outlives the lock
  {
    const std::lock_guard lock(stripe(slot));
    if (slots_[slot].generation.load() != generation_of(token)) return;
    removed = std::move(slots_[slot].connection);
    // Zero would make a token that belongs to no connection.
    const std::uint32_t next = generation_of(token) + 1;
    slots_[slot].generation.store(next == 0 ? 1 : next);
    slots_[slot].deadline.store(TimePoint::max().time_since_epoch().count());
  }
  {
    const std::lock_guard lock(free_mutex_);
    free_.push_back(static_cast<std::uint32_t>(slot));
  }
  size_.fetch_sub(1);
}

std::vector<std::shared_ptr<Connection>> ConnectionTable::all() const {
  std::vector<std::shared_ptr<Connection>> connections;
  const std::size_t used = used_slots_.load();
  for (std::size_t slot = 0; slot < used; ++slot) {
    const std::lock_guard lock(stripe(slot));
    if (slots_[slot].connection) connections.push_back(slots_[slot].connection);
  }
  return connections;
}

void ConnectionTable::set_deadline(ConnectionToken token, TimePoint deadline) {
  slots_[slot_of(token)].deadline.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
}

std::vector<ConnectionToken> ConnectionTable::expired(TimePoint now, std::size_t count_max) const {
  std::vector<ConnectionToken> tokens;
  const std::size_t used = used_slots_.load();
  for (std::size_t slot = 0; slot < used && tokens.size() < count_max; ++slot) {
    if (slots_[slot].deadline.load(std::memory_order_relaxed) > now.time_since_epoch().count()) continue;
    tokens.push_back((ConnectionToken{slots_[slot].generation.load()} << 32) | slot);
  }
  return tokens;
}

}  // namespace weir::http
