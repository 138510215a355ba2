#include "store/sessions_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class AccountsStoreTest : public StoreTest {
 protected:
  AccountsStoreTest() { add_account("acc_1"); }

  static ApiKeyRow key(const std::string& id, const std::string& account = "acc_1") {
    ApiKeyRow row{};
    row.id = id;
    row.account_id = account;
    row.name = "laptop";
    row.prefix = "wk_Ab3x";
    row.hash = "hash of " + id;
    row.scopes = {"scans:read", "targets:write"};
    row.created_at = at_ms(1);
    return row;
  }
  Result<void> insert(const ApiKeyRow& row, UnixMillis now = at_ms(10)) {
    return database_->write([&](Transaction& t) { return insert_key(t, row, now); });
  }
};

TEST_F(AccountsStoreTest, AnAccountIsFoundByNameAndId) {
  write([](Transaction& t) { return set_account_tier(t, "acc_1", "custom", 77, at_ms(9)); });

  const AccountRow by_name = read([](Transaction& t) { return account_by_name(t, "acc_1"); });
  const AccountRow by_id = read([](Transaction& t) { return account_by_id(t, "acc_1"); });

  EXPECT_EQ(by_name.id, "acc_1");
  EXPECT_EQ(by_id.tier, "custom");
  EXPECT_EQ(by_id.limit_override, 77);
  EXPECT_EQ(by_id.updated_at, at_ms(9));
  EXPECT_EQ(refusal([](Transaction& t) { return account_by_name(t, "nobody"); }), ErrorCode::not_found);
  EXPECT_EQ(refusal([](Transaction& t) { return set_account_tier(t, "acc_9", "pro", {}, at_ms(9)); }),
            ErrorCode::not_found);
}

TEST_F(AccountsStoreTest, ANameIsUsedOnce) {
  const auto again = database_->write([](Transaction& t) {
    return insert_account(t, {"acc_2", "acc_1", "free", std::nullopt, at_ms(0), at_ms(0)});
  });

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  EXPECT_THAT(again.error().message, ::testing::HasSubstr("\"acc_1\""));
}

TEST_F(AccountsStoreTest, AKeyIsFoundByItsHashWithItsAccount) {
  ApiKeyRow row = key("key_1");
  row.limit_override = 5;
  row.expires_at = at_ms(500);
  row.created_by_key = "key_0";
  must(insert(row));
  write([](Transaction& t) { return touch_key(t, "key_1", at_ms(20)); });

  const KeyWithAccount found = read([](Transaction& t) { return key_by_hash(t, "hash of key_1"); });

  EXPECT_EQ(found.key.id, "key_1");
  EXPECT_EQ(found.key.scopes, row.scopes);
  EXPECT_EQ(found.key.limit_override, 5);
  EXPECT_EQ(found.key.expires_at, at_ms(500));
  EXPECT_EQ(found.key.last_used_at, at_ms(20));
  EXPECT_EQ(found.key.created_by_key, "key_0");
  EXPECT_FALSE(found.key.revoked_at);
  EXPECT_EQ(found.account.name, "acc_1");
  EXPECT_EQ(refusal([](Transaction& t) { return key_by_hash(t, "other"); }), ErrorCode::not_found);
}

TEST_F(AccountsStoreTest, ARevokedKeyIsStillFoundAndKeepsItsFirstTime) {
  must(insert(key("key_1")));

  for (const std::int64_t ms : {30, 40}) write([&](Transaction& t) { return revoke_key(t, "key_1", at_ms(ms)); });

  EXPECT_EQ(read([](Transaction& t) { return key_by_id(t, "key_1"); }).revoked_at, at_ms(30));
  EXPECT_EQ(refusal([](Transaction& t) { return revoke_key(t, "key_9", at_ms(1)); }), ErrorCode::not_found);
}

TEST_F(AccountsStoreTest, AnAccountHasAtMostTenActiveKeys) {
  for (int i = 0; i < kActiveKeysMax; ++i) must(insert(key("key_" + std::to_string(i))));

  const auto eleventh = insert(key("key_x"));
  ASSERT_FALSE(eleventh);
  EXPECT_EQ(eleventh.error().code, ErrorCode::conflict);

  write([](Transaction& t) { return revoke_key(t, "key_0", at_ms(5)); });
  must(insert(key("key_y")));
  EXPECT_FALSE(insert(key("key_z")));
  write([](Transaction& t) { return set_key_expiry(t, "key_1", at_ms(10)); });
  must(insert(key("key_z"), at_ms(10)));
}

TEST_F(AccountsStoreTest, KeysAreListedNewestFirst) {
  add_account("acc_2");
  must(insert(key("key_1")));
  must(insert(key("key_2", "acc_2")));
  must(insert(key("key_3")));

  const auto all = read([](Transaction& t) { return list_keys(t, ""); });
  const auto own = read([](Transaction& t) { return list_keys(t, "acc_1"); });

  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].key.id, "key_3");
  EXPECT_EQ(all[1].account.id, "acc_2");
  ASSERT_EQ(own.size(), 2U);
  EXPECT_EQ(own[1].key.id, "key_1");
  EXPECT_EQ(read(list_accounts).size(), 2U);
}

TEST_F(AccountsStoreTest, AKeyOfNoAccountIsRefused) {
  const auto done = insert(key("key_1", "acc_9"));

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
}

class SessionsStoreTest : public StoreTest {
 protected:
  void add(const std::string& id, const std::string& key, std::int64_t at) {
    write([&](Transaction& t) { return insert_session(t, session(id, key, at)); });
  }
  static SessionRow session(const std::string& id, const std::string& key, std::int64_t at) {
    return {.id = id,
            .account_id = "acc_1",
            .key_id = key,
            .protocol_version = "2025-06-18",
            .client_info = {{"name", "x"}},
            .client_capabilities = {{"roots", Json::object()}},
            .created_at = at_ms(at),
            .last_used_at = at_ms(at)};
  }
  bool exists(const std::string& id) {
    return database_->read_for([&](Transaction& t) { return session_by_id(t, id); }).has_value();
  }
};

TEST_F(SessionsStoreTest, ASessionSurvivesAReopen) {
  add("s1", "key_1", 1);
  write([](Transaction& t) { return touch_session(t, "s1", at_ms(7)); });

  reopen();

  const SessionRow found = read([](Transaction& t) { return session_by_id(t, "s1"); });
  EXPECT_EQ(found.key_id, "key_1");
  EXPECT_EQ(found.protocol_version, "2025-06-18");
  EXPECT_EQ(found.client_info, Json({{"name", "x"}}));
  EXPECT_EQ(found.client_capabilities, Json({{"roots", Json::object()}}));
  EXPECT_EQ(found.last_used_at, at_ms(7));
}

TEST_F(SessionsStoreTest, ASessionEndsOnceAndThenIsNotFound) {
  add("s1", "key_1", 1);

  EXPECT_TRUE(write([](Transaction& t) { return delete_session(t, "s1"); }));
  EXPECT_FALSE(write([](Transaction& t) { return delete_session(t, "s1"); }));

  EXPECT_EQ(refusal([](Transaction& t) { return touch_session(t, "s1", at_ms(1)); }), ErrorCode::not_found);
}

TEST_F(SessionsStoreTest, UnusedSessionsAreDeleted) {
  add("old", "key_1", 1);
  add("new", "key_1", 50);

  EXPECT_EQ(write([](Transaction& t) { return delete_sessions_unused_since(t, at_ms(50)); }), 1);

  EXPECT_FALSE(exists("old"));
  EXPECT_TRUE(exists("new"));
}

TEST_F(SessionsStoreTest, AKeyWithTooManyLosesItsOldest) {
  add("other", "key_2", 0);
  write([](Transaction& t) -> Result<void> {
    for (std::int64_t i = 0; i <= kSessionsPerKeyMax; ++i) {
      if (auto done = insert_session(t, session("s" + std::to_string(i), "key_1", i + 1)); !done) return done;
    }
    return {};
  });

  EXPECT_FALSE(exists("s0"));
  EXPECT_TRUE(exists("s1"));
  EXPECT_TRUE(exists("s" + std::to_string(kSessionsPerKeyMax)));
  EXPECT_TRUE(exists("other"));
}

}  // namespace
}  // namespace weir::store
