#include "server/key_cache.h"

namespace weir::server {
namespace {

std::shared_ptr<CachedKey> entry(const std::string& key_id, std::int64_t checked_at_ms = 0) {
  auto caller = std::make_shared<tools::Caller>();
  caller->key_id = key_id;
  auto key = std::make_shared<CachedKey>();
  key->caller = caller;
  key->checked_at = std::chrono::steady_clock::time_point{std::chrono::milliseconds{checked_at_ms}};
  return key;
}

TEST(KeyCacheTest, FindsWhatWasPutAndForgetsByHashAndById) {
  KeyCache cache(100);
  cache.put(sha256("a"), entry("key_a"), cache.changes());
  cache.put(sha256("b"), entry("key_b"), cache.changes());

  ASSERT_NE(cache.find(sha256("a")), nullptr);
  EXPECT_EQ(cache.find(sha256("a"))->caller->key_id, "key_a");
  cache.forget(sha256("a"));
  cache.forget_key("key_b");

  EXPECT_EQ(cache.find(sha256("a")), nullptr);
  EXPECT_EQ(cache.find(sha256("b")), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(KeyCacheTest, HoldsABoundedNumber) {
  KeyCache cache(64);
  for (int key = 0; key < 10'000; ++key) cache.put(sha256(std::to_string(key)), entry("key"), cache.changes());

  EXPECT_LE(cache.size(), 64U);
  EXPECT_GE(cache.size(), 32U);
}

TEST(KeyCacheTest, TheLongestUnusedMakesRoom) {
  KeyCache cache(16 * 4);  // four a shard
  cache.put(sha256("hot"), entry("key_hot"), cache.changes());
  for (int key = 0; key < 5'000; ++key) {
    cache.put(sha256(std::to_string(key)), entry("key"), cache.changes());
    ASSERT_NE(cache.find(sha256("hot")), nullptr) << key;
  }
}

TEST(KeyCacheTest, AnOlderAnswerDoesNotReplaceANewerOne) {
  KeyCache cache(10);
  cache.put(sha256("a"), entry("new", 200), cache.changes());
  cache.put(sha256("a"), entry("old", 100), cache.changes());

  EXPECT_EQ(cache.find(sha256("a"))->caller->key_id, "new");
}

TEST(KeyCacheTest, WhatWasReadBeforeSomethingWasForgottenIsNotKept) {
  KeyCache cache(10);
  const std::uint64_t seen = cache.changes();

  cache.forget_key("key_a");  // whoever revoked it was faster than who had read it
  cache.put(sha256("a"), entry("key_a"), seen);

  EXPECT_EQ(cache.find(sha256("a")), nullptr);
}

}  // namespace
}  // namespace weir::server
