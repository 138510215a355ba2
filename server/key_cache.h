// API keys that were resolved lately, by the SHA-256 of what was presented: the key itself is never kept. How long an
// entry is believed is the gate's decision; here it only ages out when there is no room.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/hmac.h"
#include "tools/call_context.h"

namespace weir::server {

// A key as the database had it at checked_at, revoked and expired ones included. Immutable but for touched_ms.
// Shared by the cache and the requests that are using it; the last of them lets go. Thread-safe.
struct CachedKey {
  std::shared_ptr<const tools::Caller> caller;
  std::string prefix;
  std::optional<UnixMillis> expires_at;
  std::optional<UnixMillis> revoked_at;
  std::chrono::steady_clock::time_point checked_at{};
  std::atomic<std::int64_t> touched_ms{0};  // when last_used_at was last written, or is about to be
};

// At most `keys_max` entries; the one that was used longest ago makes room (of its shard, so roughly). Thread-safe.
class KeyCache {
 public:
  explicit KeyCache(std::size_t keys_max);

  // Null if it is not there. Never blocks.
  std::shared_ptr<CachedKey> find(const Sha256& hash);
  // What was read after `seen` (changes() then) is not kept if something was forgotten since: it may be what was forgotten.
  void put(const Sha256& hash, std::shared_ptr<CachedKey> key, std::uint64_t seen);
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  void forget(const Sha256& hash);
  // Looks at every entry: for the rare change of a key.
  void forget_key(std::string_view key_id);
  void forget_account(std::string_view account_id);
  [[nodiscard]] std::size_t size() const;

 private:
  template <typename Matches>
  void forget_if(Matches matches);

  struct HashOfHash {
    std::size_t operator()(const Sha256& hash) const;
  };
  struct EqualInConstantTime {
    bool operator()(const Sha256& left, const Sha256& right) const {
      return equal_in_constant_time(as_bytes(left), as_bytes(right));
    }
  };
  using Entries = std::list<std::pair<Sha256, std::shared_ptr<CachedKey>>>;  // the latest used first
  struct Shard {
    Entries entries;
    std::unordered_map<Sha256, Entries::iterator, HashOfHash, EqualInConstantTime> by_hash;
  };
  static constexpr std::size_t kShardsMax = 16;

  Guarded<Shard>& shard_of(const Sha256& hash) { return shards_[hash[31] % shard_count_]; }

  const std::size_t shard_count_;
  const std::size_t keys_per_shard_;
  std::array<Guarded<Shard>, kShardsMax> shards_;
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace weir::server
