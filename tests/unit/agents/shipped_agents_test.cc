#include "tools/agents/shipped_agents.h"

#include "store/agents_store.h"
#include "tests/unit/agents/agent_tools_fixture.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ShippedAgentsTest : public AgentToolsTest {
 protected:
  void seed() {
    const Result<void> seeded = seed_shipped_agents({*database_, clock_, ids_, directory_, run_settings_.wall_max});
    ASSERT_TRUE(seeded) << seeded.error().message << " / " << seeded.error().cause;
  }
  std::map<std::string, Json> seen_by(const std::shared_ptr<const Caller>& caller) {
    std::map<std::string, Json> agents;
    const Json page = must(call_as(caller, "list_agents", Json::object())).structured;
    for (const Json& agent : page["data"]) {
      agents[string_or(agent, "slug", "")] = agent;
    }
    return agents;
  }
  // As if an older server had shipped it.
  void ship_older(const std::string& slug) {
    write([&](store::Transaction& t) -> Result<void> {
      auto agent = store::agent_by_slug(t, alice_->account_id, slug);
      if (!agent) return agent.error();
      auto version = store::agent_version(t, agent->id, agent->current_version);
      if (!version) return version.error();
      ++agent->current_version;
      version->n = agent->current_version;
      version->definition["limits"]["wall_s"] = 77;
      if (auto kept = store::insert_agent_version(t, *version); !kept) return kept;
      return store::update_agent(t, *agent);
    });
  }
};

TEST_F(ShippedAgentsTest, AllFourFitTheRealTools) {
  std::vector<std::string> slugs;
  for (const ShippedFile& file : embedded_agent_files()) {
    Result<ShippedAgent> agent = parse_shipped(file, directory_, std::chrono::seconds{3'600});
    ASSERT_TRUE(agent) << file.name << ": " << agent.error().message;
    EXPECT_EQ(agent->slug + ".json", file.name);
    EXPECT_FALSE(agent->description.empty());
    EXPECT_TRUE(*read_definition(definition_json(agent->definition)) == agent->definition) << file.name;
    slugs.push_back(agent->slug);
  }
  EXPECT_THAT(slugs, ElementsAre("certificate-watch", "posture-check", "verify-fix", "weekly-digest"));
}

TEST_F(ShippedAgentsTest, TheirStatusChangesNeedAPerson) {
  for (const ShippedFile& file : embedded_agent_files()) {
    const ShippedAgent agent = must(parse_shipped(file, directory_, std::chrono::seconds{3'600}));
    for (const Step& step : agent.definition.playbook.steps) {
      const runs::CallableTool tool = *directory_.find(step.tool);
      const bool is_plain = tool.annotations.is_read_only || tool.name == "create_scan";
      EXPECT_TRUE(is_plain || step.approve == Step::Approve::always) << file.name << " " << step.id;
    }
  }
}

TEST_F(ShippedAgentsTest, TheFirstStartGivesTheFirstAccountPublicAgents) {
  seed();
  const auto own = seen_by(alice_);
  ASSERT_EQ(own.size(), 4U);
  EXPECT_EQ(own.at("posture-check")["is_shipped"], true);
  EXPECT_EQ(own.at("posture-check")["is_public"], true);
  EXPECT_EQ(own.at("posture-check")["is_own"], true);
  EXPECT_EQ(seen_by(bob_).at("weekly-digest")["is_own"], false);
  EXPECT_EQ(audited(alice_->account_id, "agent.created").size(), 4U);
}

TEST_F(ShippedAgentsTest, ALaterStartChangesNothingThatIsUpToDate) {
  seed();
  const auto before = seen_by(alice_);
  seed();
  EXPECT_EQ(seen_by(alice_), before);
}

TEST_F(ShippedAgentsTest, AnOlderShippedDefinitionGetsANewVersion) {
  seed();
  ship_older("posture-check");
  seed();
  EXPECT_EQ(seen_by(alice_).at("posture-check")["version"], 3);
  EXPECT_NE(call("get_agent", {{"agent_id", "posture-check"}})["definition"]["limits"]["wall_s"], 77);
  EXPECT_EQ(seen_by(alice_).at("verify-fix")["version"], 1);
}

TEST_F(ShippedAgentsTest, WhatTheOperatorEditedStays) {
  seed();
  call("update_agent", {{"agent_id", "posture-check"}, {"limits", {{"wall_s", 78}}}});
  seed();
  EXPECT_EQ(call("get_agent", {{"agent_id", "posture-check"}})["definition"]["limits"]["wall_s"], 78);
}

TEST_F(ShippedAgentsTest, WhatTheOperatorDeletedDoesNotComeBack) {
  seed();
  call("delete_agent", {{"agent_id", "posture-check"}});
  seed();
  EXPECT_EQ(seen_by(alice_).count("posture-check"), 0U);
}

TEST_F(ShippedAgentsTest, AnAgentOfThatNameThatSomebodyMadeStays) {
  made("Posture check");
  seed();
  EXPECT_EQ(seen_by(alice_).at("posture-check")["is_shipped"], false);
  EXPECT_EQ(seen_by(alice_).size(), 4U);
}

TEST_F(ShippedAgentsTest, AShorterWallTimeOfTheServerCutsTheirs) {
  run_settings_.wall_max = std::chrono::seconds{100};
  seed();
  EXPECT_EQ(call("get_agent", {{"agent_id", "posture-check"}})["definition"]["limits"]["wall_s"], 100);
}

TEST_F(ShippedAgentsTest, OneThatCountsOnAMissingToolIsLeftOut) {
  directory_.clear();
  EXPECT_FALSE(parse_shipped(embedded_agent_files().front(), directory_, std::chrono::seconds{60}));
  seed();
  EXPECT_THAT(seen_by(alice_), IsEmpty());
}

}  // namespace
}  // namespace weir::tools::agents
