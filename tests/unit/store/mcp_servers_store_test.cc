#include "store/mcp_servers_store.h"

#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class McpServersStoreTest : public StoreTest {
 protected:
  void see(const std::string& alias, const std::string& sha256, std::int64_t at) {
    write([&](Transaction& t) {
      return put_seen_mcp_server(t, {.alias = alias,
                                     .approved_sha256 = {},
                                     .seen_sha256 = sha256,
                                     .tools = {sha256},
                                     .approved_by_key = {},
                                     .approved_at = {},
                                     .seen_at = at_ms(at)});
    });
  }
  Result<void> approve(const std::string& alias, const std::string& sha256) {
    return database_->write([&](Transaction& t) { return approve_mcp_server(t, alias, sha256, "key_1", at_ms(50)); });
  }
  std::optional<McpServerRow> stored(const std::string& alias) {
    return read([&](Transaction& t) { return mcp_server_by_alias(t, alias); });
  }
};

TEST_F(McpServersStoreTest, WhatIsSeenReplacesWhatWasSeenAndLeavesTheApproval) {
  see("beta", "s1", 1);
  see("alpha", "s9", 2);
  must(approve("beta", "s1"));

  see("beta", "s2", 3);

  const McpServerRow row = *stored("beta");
  EXPECT_EQ(row.seen_sha256, "s2");
  EXPECT_EQ(row.tools, (Json{"s2"}));
  EXPECT_EQ(row.seen_at, at_ms(3));
  EXPECT_EQ(row.approved_sha256, "s1");
  EXPECT_EQ(row.approved_by_key, "key_1");
  EXPECT_EQ(row.approved_at, at_ms(50));
  const auto all = read(mcp_servers);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].alias, "alpha");
  EXPECT_FALSE(all[0].approved_sha256);
}

TEST_F(McpServersStoreTest, OnlyWhatWasSeenLastCanBeAgreedTo) {
  see("beta", "s2", 1);

  const auto changed = approve("beta", "s1");
  const auto unseen = approve("gamma", "s1");

  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::conflict);
  EXPECT_THAT(changed.error().message, ::testing::HasSubstr("s2"));
  ASSERT_FALSE(unseen);
  EXPECT_EQ(unseen.error().code, ErrorCode::not_found);
  EXPECT_FALSE(stored("beta")->approved_sha256);
  EXPECT_FALSE(stored("gamma"));
}

}  // namespace
}  // namespace weir::store
