#include "tests/unit/agents/agent_tools_fixture.h"
#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> slugs_of(const Json& page) {
  std::vector<std::string> slugs;
  for (const Json& agent : page["data"]) slugs.push_back(string_or(agent, "slug", ""));
  return slugs;
}

TEST_F(AgentToolsTest, CreatesAnAgentThatCanBeReadByIdAndBySlug) {
  const Json agent = made();

  EXPECT_EQ(agent["slug"], "my-agent");
  EXPECT_EQ(agent["kind"], "playbook");
  EXPECT_EQ(agent["version"], 1);
  EXPECT_EQ(agent["is_public"], false);
  EXPECT_EQ(agent["is_own"], true);
  EXPECT_EQ(agent["definition"]["tools"], json_of(R"([{"name": "list_targets"}])"));
  EXPECT_EQ(call("get_agent", {{"agent_id", agent["id"]}}), agent);
  EXPECT_EQ(call("get_agent", {{"agent_id", "my-agent"}}), agent);
  EXPECT_THAT(audited(alice_->account_id, "agent."), ElementsAre("agent.created my-agent"));
}

TEST_F(AgentToolsTest, ADefinitionWithMistakesIsRefusedWithTheirPathsAndNothingIsStored) {
  Json arguments = playbook_arguments();
  arguments["playbook"]["steps"][0]["tool"] = "list_target";
  const Error error = refusal("create_agent", arguments);

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  EXPECT_THAT(fields_of(error), ElementsAre("playbook.steps[0].tool"));
  EXPECT_THAT(error.message, HasSubstr("did you mean list_targets?"));
  EXPECT_THAT(slugs_of(call("list_agents", Json::object())), IsEmpty());
}

TEST_F(AgentToolsTest, ToolsThatAgentsMayNeverHaveAreRefusedByTheRealTable) {
  for (const char* tool :
       {"delete_target", "create_webhook", "create_run", "respond_run", "create_target", "create_agent"}) {
    Json arguments = {{"name", "x"}, {"instructions", "x"}, {"tools", {tool}}};
    EXPECT_THAT(refusal("create_agent", arguments).message, HasSubstr("which agents may never call")) << tool;
  }
}

TEST_F(AgentToolsTest, ASlugIsMadeOfTheNameOrGivenAndTakenOnce) {
  EXPECT_EQ(made("  Über Agent -- (2)! ")["slug"], "ber-agent-2");
  Json arguments = playbook_arguments();
  arguments["slug"] = "nice-1";
  EXPECT_EQ(call("create_agent", arguments)["slug"], "nice-1");
  EXPECT_EQ(refusal("create_agent", arguments).code, ErrorCode::conflict);
  EXPECT_THAT(refusal("create_agent", arguments).message, HasSubstr("already has an agent \"nice-1\""));
  arguments["slug"] = "Not-a-slug";
  EXPECT_THAT(fields_of(refusal("create_agent", arguments)), ElementsAre("slug"));
  EXPECT_THAT(refusal("create_agent", playbook_arguments("日本")).message, HasSubstr("slug is missing"));
}

TEST_F(AgentToolsTest, ARepeatedCreationAnswersTheSame) {
  Json arguments = playbook_arguments();
  arguments["client_token"] = "t1";
  const Json first = call("create_agent", arguments);
  const ToolResult again = must(call_as(alice_, "create_agent", arguments));
  EXPECT_TRUE(again.is_replayed);
  EXPECT_EQ(again.structured, first);
  arguments["name"] = "Other";
  EXPECT_EQ(refusal("create_agent", arguments).code, ErrorCode::idempotency_mismatch);
}

TEST_F(AgentToolsTest, AnotherAccountSeesAPublicAgentAndMayNotChangeIt) {
  made("Private one");
  Json arguments = playbook_arguments("Public one");
  arguments["is_public"] = true;
  call("create_agent", arguments);

  const Json seen =
      must(call_as(bob_, "get_agent", {{"agent_id", "public-one"}, {"include", {"versions"}}})).structured;
  EXPECT_EQ(seen["is_own"], false);
  EXPECT_TRUE(seen["versions"][0]["created_by_key"].is_null());
  EXPECT_THAT(slugs_of(must(call_as(bob_, "list_agents", Json::object())).structured), ElementsAre("public-one"));
  EXPECT_EQ(refusal_for(bob_, "get_agent", {{"agent_id", "private-one"}}).code, ErrorCode::not_found);
  EXPECT_EQ(refusal_for(bob_, "update_agent", {{"agent_id", "public-one"}, {"is_enabled", false}}).code,
            ErrorCode::forbidden);
  EXPECT_EQ(refusal_for(bob_, "delete_agent", {{"agent_id", "public-one"}}).code, ErrorCode::forbidden);
  EXPECT_EQ(refusal_for(bob_, "delete_agent", {{"agent_id", "private-one"}}).code, ErrorCode::not_found);
  EXPECT_EQ(call("get_agent", {{"agent_id", "public-one"}})["is_enabled"], true);
}

TEST_F(AgentToolsTest, AnUpdateOfTheDefinitionMakesAVersionAndOthersDoNot) {
  const Json first = made();
  Json renamed =
      call("update_agent", {{"agent_id", "my-agent"}, {"name", "Renamed"}, {"is_enabled", false}, {"is_public", true}});
  EXPECT_EQ(renamed["version"], 1);
  EXPECT_EQ(renamed["name"], "Renamed");
  EXPECT_EQ(renamed["is_enabled"], false);
  EXPECT_EQ(renamed["is_public"], true);
  EXPECT_EQ(renamed["description"], "Looks.");

  const Json changed = call("update_agent", {{"agent_id", "my-agent"}, {"limits", {{"wall_s", 7}}}});
  EXPECT_EQ(changed["version"], 2);
  EXPECT_EQ(changed["definition"]["limits"]["wall_s"], 7);
  EXPECT_EQ(changed["definition"]["limits"]["max_tool_calls"], 40);
  EXPECT_EQ(changed["definition"]["playbook"], first["definition"]["playbook"]);
  EXPECT_EQ(call("update_agent", {{"agent_id", "my-agent"}, {"limits", {{"wall_s", 7}}}})["version"], 2);

  EXPECT_EQ(call("get_agent_version", {{"agent_id", "my-agent"}, {"n", 1}})["definition"], first["definition"]);
  EXPECT_EQ(refusal("get_agent_version", {{"agent_id", "my-agent"}, {"n", 3}}).code, ErrorCode::not_found);
  const Json versions = call("list_agent_versions", {{"agent_id", "my-agent"}});
  EXPECT_EQ(versions["data"][0]["n"], 2);
  EXPECT_EQ(versions["data"][1]["created_by_key"], alice_->key_id);
  EXPECT_THAT(audited(alice_->account_id, "agent."),
              ElementsAre("agent.created my-agent", "agent.updated my-agent", "agent.updated my-agent"));
}

TEST_F(AgentToolsTest, NewStepsBringNewGrantsAndDropThoseOfTheOldOnes) {
  Json arguments = playbook_arguments();
  arguments["tools"] = {{{"name", "get_scan"}, {"policy", "ask"}}};
  call("create_agent", arguments);
  Json steps = Json::array();
  for (int i = 0; i < 25; ++i) steps.push_back({{"id", "s" + std::to_string(i)}, {"tool", "list_scans"}});
  const Json changed = call("update_agent", {{"agent_id", "my-agent"}, {"playbook", {{"steps", steps}}}});

  EXPECT_EQ(changed["definition"]["tools"],
            json_of(R"([{"name": "get_scan", "policy": "ask"}, {"name": "list_scans"}])"));
  EXPECT_EQ(changed["definition"]["limits"]["max_steps"], 25);
}

TEST_F(AgentToolsTest, AShortFormReplacesThePlaybookAndAKindTheWholeDefinition) {
  made();
  const Json piped =
      call("update_agent", {{"agent_id", "my-agent"}, {"tools", {"list_scans"}}, {"pipeline_type", "simple"}});
  EXPECT_EQ(piped["definition"]["playbook"]["steps"][0]["tool"], "list_scans");
  const Json model = call("update_agent", {{"agent_id", "my-agent"}, {"kind", "model"}, {"instructions", "Look."}});
  EXPECT_EQ(model["kind"], "model");
  EXPECT_EQ(model["definition"]["provider"], "local");
  EXPECT_FALSE(model["definition"].contains("playbook"));
}

TEST_F(AgentToolsTest, SomebodyElsesChangeIsNotOverwritten) {
  made();
  call("update_agent", {{"agent_id", "my-agent"}, {"limits", {{"wall_s", 7}}}});
  const Error error = refusal("update_agent", {{"agent_id", "my-agent"}, {"expected_version", 1}, {"name", "x"}});
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("is at version 2, not 1"));
  EXPECT_EQ(call("update_agent", {{"agent_id", "my-agent"}, {"expected_version", 2}, {"name", "x"}})["name"], "x");
}

TEST_F(AgentToolsTest, ASlugIsNotTakenOverFromAnother) {
  made("One");
  made("Two");
  EXPECT_EQ(refusal("update_agent", {{"agent_id", "one"}, {"slug", "two"}}).code, ErrorCode::conflict);
  EXPECT_EQ(call("update_agent", {{"agent_id", "one"}, {"slug", "three"}})["slug"], "three");
}

TEST_F(AgentToolsTest, ADeletedAgentIsGoneAndItsSlugIsFree) {
  const Json agent = made();
  EXPECT_EQ(call("delete_agent", {{"agent_id", "my-agent"}}), (Json{{"id", agent["id"]}, {"deleted", true}}));
  EXPECT_EQ(refusal("get_agent", {{"agent_id", agent["id"]}}).code, ErrorCode::not_found);
  EXPECT_NE(made()["id"], agent["id"]);
  EXPECT_THAT(audited(alice_->account_id, "agent.deleted"), ElementsAre("agent.deleted my-agent"));
}

TEST_F(AgentToolsTest, ValidationSaysWhatIsWrongAndStoresNothing) {
  const Json bad = call("validate_agent",
                        {{"playbook", {{"steps", {{{"id", "a"}, {"tool", "get_scan"}, {"args", {{"scan", 1}}}}}}}}});
  EXPECT_EQ(bad["is_valid"], false);
  EXPECT_TRUE(bad["definition"].is_null());
  EXPECT_EQ(bad["errors"][0]["field"], "playbook.steps[0].args.scan");
  EXPECT_EQ(bad["errors"][1]["field"], "playbook.steps[0].args.scan_id");

  const Json good = call("validate_agent",
                         {{"name", "x"}, {"tools", {"create_scan", "get_report"}}, {"pipeline_type", "sequential"}});
  EXPECT_EQ(good["is_valid"], true);
  EXPECT_EQ(good["definition"]["playbook"]["steps"].size(), 3U);
  EXPECT_THAT(slugs_of(call("list_agents", Json::object())), IsEmpty());
}

TEST_F(AgentToolsTest, TheListOfToolsSaysWhatBecomesOfACall) {
  std::map<std::string, Json> by_name;
  const Json tools = call("list_agent_tools", Json::object());
  for (const Json& tool : tools["data"]) by_name[string_or(tool, "name", "")] = tool;

  EXPECT_EQ(by_name.count("delete_target"), 0U);
  EXPECT_EQ(by_name.count("create_run"), 0U);
  EXPECT_EQ(by_name.at("create_scan")["policy"], (Json{{"playbook", "allow"}, {"model", "ask"}}));
  EXPECT_EQ(by_name.at("get_scan")["policy"], (Json{{"playbook", "allow"}, {"model", "allow"}}));
  EXPECT_EQ(by_name.at("create_scan")["source"], "builtin");
  EXPECT_EQ(by_name.at("create_scan")["scope"], "scans:run");
  EXPECT_EQ(call("list_tools", Json::object()), call("list_agent_tools", Json::object()));
}

TEST_F(AgentToolsTest, ListsArePagedAndFiltered) {
  made("One");
  made("Two");
  call("create_agent", {{"name", "Three"}, {"instructions", "x"}, {"description", "Talks 100 %."}});
  EXPECT_THAT(slugs_of(call("list_agents", Json::object())), ElementsAre("three", "two", "one"));
  const Json page = call("list_agents", {{"limit", 2}});
  EXPECT_THAT(slugs_of(page), ElementsAre("three", "two"));
  EXPECT_THAT(slugs_of(call("list_agents", {{"limit", 2}, {"cursor", page["next_cursor"]}})), ElementsAre("one"));
  EXPECT_THAT(slugs_of(call("list_agents", {{"kind", "model"}})), ElementsAre("three"));
  EXPECT_THAT(slugs_of(call("list_agents", {{"query", "0 %"}})), ElementsAre("three"));
}

TEST_F(AgentToolsTest, AnAccountHasSoManyAgents) {
  run_settings_.agents_per_account_max = 1;
  made("One");
  const Error error = refusal("create_agent", playbook_arguments("Two"));
  EXPECT_EQ(error.code, ErrorCode::conflict);
  EXPECT_THAT(error.message, HasSubstr("already has 1 agents"));
}

}  // namespace
}  // namespace weir::tools::agents
