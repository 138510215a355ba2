#include "store/agents_store.h"

#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class AgentsStoreTest : public StoreTest {
 protected:
  AgentsStoreTest() {
    add_account("acc_1");
    add_account("acc_2");
  }
  static AgentRow agent(const std::string& id, const std::string& account, const std::string& slug) {
    AgentRow row;
    row.id = id;
    row.account_id = account;
    row.created_by_key = "key_1";
    row.slug = slug;
    row.name = "The " + slug;
    row.description = "What it does";
    row.kind = "playbook";
    row.created_at = at_ms(1);
    row.updated_at = at_ms(2);
    return row;
  }
  void add(const AgentRow& row) {
    write([&](Transaction& t) { return insert_agent(t, row); });
  }
  std::vector<std::string> list(const AgentFilter& filter, const PageRequest& page = {}) {
    std::vector<std::string> ids;
    for (const auto& row : read([&](Transaction& t) { return list_agents(t, filter, page); }).items)
      ids.push_back(row.id);
    return ids;
  }
};

TEST_F(AgentsStoreTest, WhatCanChangeIsWritten) {
  AgentRow row = agent("agt_1", "acc_1", "one");
  add(row);
  row.slug = "uno";
  row.name = "N";
  row.description = "D";
  row.kind = "model";
  row.current_version = 3;
  row.is_public = true;
  row.is_enabled = false;
  row.is_shipped = true;
  row.updated_at = at_ms(9);

  write([&](Transaction& t) { return update_agent(t, row); });

  const AgentRow found = read([](Transaction& t) { return agent_by_id(t, "acc_1", "agt_1"); });
  EXPECT_EQ(found.slug, "uno");
  EXPECT_EQ(found.name, "N");
  EXPECT_EQ(found.description, "D");
  EXPECT_EQ(found.kind, "model");
  EXPECT_EQ(found.current_version, 3);
  EXPECT_TRUE(found.is_public);
  EXPECT_FALSE(found.is_enabled);
  EXPECT_TRUE(found.is_shipped);
  EXPECT_EQ(found.created_by_key, "key_1");
  EXPECT_EQ(found.created_at, at_ms(1));
  EXPECT_EQ(found.updated_at, at_ms(9));
  EXPECT_FALSE(found.archived_at);
  row.id = "agt_9";
  EXPECT_EQ(refusal([&](Transaction& t) { return update_agent(t, row); }), ErrorCode::not_found);
}

TEST_F(AgentsStoreTest, ASlugIsTakenOnceInAnAccountUntilItsAgentIsArchived) {
  AgentRow first = agent("agt_1", "acc_1", "one");
  add(first);
  add(agent("agt_2", "acc_2", "one"));
  EXPECT_EQ(refusal([&](Transaction& t) { return insert_agent(t, agent("agt_3", "acc_1", "one")); }),
            ErrorCode::conflict);

  first.archived_at = at_ms(5);
  write([&](Transaction& t) { return update_agent(t, first); });
  add(agent("agt_3", "acc_1", "one"));

  EXPECT_EQ(read([](Transaction& t) { return agent_by_slug(t, "acc_1", "one"); }).id, "agt_3");
  EXPECT_EQ(refusal([](Transaction& t) { return agent_by_id(t, "acc_1", "agt_1"); }), ErrorCode::not_found);
  EXPECT_EQ(read([](Transaction& t) { return agent_for_job(t, "agt_1"); }).archived_at, at_ms(5));
  EXPECT_EQ(read([](Transaction& t) { return count_agents(t, "acc_1"); }), 1);
}

TEST_F(AgentsStoreTest, PublicAgentsOfOthersAreSeenAndOnesOwnComeFirst) {
  AgentRow shared = agent("agt_1", "acc_2", "one");
  shared.is_public = true;
  add(shared);
  add(agent("agt_2", "acc_2", "private"));

  EXPECT_EQ(read([](Transaction& t) { return agent_by_slug(t, "acc_1", "one"); }).id, "agt_1");
  EXPECT_EQ(read([](Transaction& t) { return agent_by_id(t, "acc_1", "agt_1"); }).account_id, "acc_2");
  EXPECT_EQ(refusal([](Transaction& t) { return agent_by_slug(t, "acc_1", "private"); }), ErrorCode::not_found);
  EXPECT_EQ(refusal([](Transaction& t) { return agent_by_id(t, "acc_1", "agt_2"); }), ErrorCode::not_found);
  add(agent("agt_3", "acc_1", "one"));
  EXPECT_EQ(read([](Transaction& t) { return agent_by_slug(t, "acc_1", "one"); }).id, "agt_3");
  EXPECT_EQ(list({.account_id = "acc_1", .kind = "", .query = ""}), (std::vector<std::string>{"agt_3", "agt_1"}));
}

TEST_F(AgentsStoreTest, AgentsAreFoundByPartsOfTheirTextsAndInPages) {
  AgentRow model = agent("agt_1", "acc_1", "triage");
  model.kind = "model";
  model.description = "Sorts 100% of it";
  add(model);
  add(agent("agt_2", "acc_1", "weekly_digest"));
  add(agent("agt_3", "acc_1", "weekly-digest-2"));

  EXPECT_EQ(list({.account_id = "acc_1", .kind = "model", .query = ""}), (std::vector<std::string>{"agt_1"}));
  EXPECT_EQ(list({.account_id = "acc_1", .kind = "", .query = "DIGEST"}), (std::vector<std::string>{"agt_3", "agt_2"}));
  EXPECT_EQ(list({.account_id = "acc_1", .kind = "", .query = "y_d"}), (std::vector<std::string>{"agt_2"}));
  EXPECT_EQ(list({.account_id = "acc_1", .kind = "", .query = "0%"}), (std::vector<std::string>{"agt_1"}));
  EXPECT_EQ(list({.account_id = "acc_1", .kind = "", .query = ""}, {.limit = 2, .after_id = "agt_3"}),
            (std::vector<std::string>{"agt_2", "agt_1"}));
}

TEST_F(AgentsStoreTest, VersionsAreKeptAsTheyWere) {
  add(agent("agt_1", "acc_1", "one"));
  for (const std::int64_t n : {1, 2}) {
    write([&](Transaction& t) {
      return insert_agent_version(
          t,
          {.agent_id = "agt_1", .n = n, .definition = {{"n", n}}, .created_by_key = "key_1", .created_at = at_ms(n)});
    });
  }

  EXPECT_EQ(read([](Transaction& t) { return agent_version(t, "agt_1", 1); }).definition, (Json{{"n", 1}}));
  const auto versions = read([](Transaction& t) { return agent_versions(t, "agt_1"); });
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].n, 2);
  EXPECT_EQ(versions[0].created_at, at_ms(2));
  EXPECT_EQ(versions[1].created_by_key, "key_1");
  EXPECT_EQ(refusal([](Transaction& t) { return agent_version(t, "agt_1", 3); }), ErrorCode::not_found);
  EXPECT_EQ(refusal([](Transaction& t) {
              return insert_agent_version(
                  t, {.agent_id = "agt_1", .n = 2, .definition = {}, .created_by_key = "", .created_at = {}});
            }),
            ErrorCode::conflict);
}

}  // namespace
}  // namespace weir::store
