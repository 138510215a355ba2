#include "server/key_cache.h"

#include <algorithm>
#include <cstring>

namespace weir::server {

std::size_t KeyCache::HashOfHash::operator()(const Sha256& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

KeyCache::KeyCache(std::size_t keys_max)
    : shard_count_(std::clamp<std::size_t>(keys_max, 1, kShardsMax)),
      keys_per_shard_(std::max<std::size_t>(1, keys_max / shard_count_)) {}

std::shared_ptr<CachedKey> KeyCache::find(const Sha256& hash) {
  return shard_of(hash).with([&](Shard& shard) -> std::shared_ptr<CachedKey> {
    const auto found = shard.by_hash.find(hash);
    if (found == shard.by_hash.end()) return nullptr;
    shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
    return found->second->second;
  });
}

void KeyCache::put(const Sha256& hash, std::shared_ptr<CachedKey> key, std::uint64_t seen) {
  shard_of(hash).with([&](Shard& shard) {
    // Under the lock that whoever forgets takes after it has counted.
    if (seen != changes_) return;
    const auto found = shard.by_hash.find(hash);
    if (found != shard.by_hash.end()) {
      // A slower thread may arrive with an older answer.
      if (found->second->second->checked_at <= key->checked_at) found->second->second = std::move(key);
      return;
    }
    if (shard.entries.size() >= keys_per_shard_) {
      shard.by_hash.erase(shard.entries.back().first);
      shard.entries.pop_back();
    }
    shard.entries.emplace_front(hash, std::move(key));
    shard.by_hash.emplace(hash, shard.entries.begin());
  });
}

void KeyCache::forget(const Sha256& hash) {
  shard_of(hash).with([&](Shard& shard) {
    const auto found = shard.by_hash.find(hash);
    if (found == shard.by_hash.end()) return;
    shard.entries.erase(found->second);
    shard.by_hash.erase(found);
  });
}

template <typename Matches>
void KeyCache::forget_if(Matches matches) {
  ++changes_;
  for (Guarded<Shard>& guarded : shards_) {
    guarded.with([&](Shard& shard) {
      for (auto entry = shard.entries.begin(); entry != shard.entries.end();) {
        if (matches(*entry->second->caller)) {
          shard.by_hash.erase(entry->first);
          entry = shard.entries.erase(entry);
        } else {
          ++entry;
        }
      }
    });
  }
}

void KeyCache::forget_key(std::string_view key_id) {
  forget_if([key_id](const tools::Caller& caller) { return caller.key_id == key_id; });
}

void KeyCache::forget_account(std::string_view account_id) {
  forget_if([account_id](const tools::Caller& caller) { return caller.account_id == account_id; });
}

std::size_t KeyCache::size() const {
  std::size_t size = 0;
  for (const Guarded<Shard>& guarded : shards_) {
    size += guarded.with([](const Shard& shard) { return shard.entries.size(); });
  }
  return size;
}

}  // namespace weir::server
