// Whatever JSON comes, parsing ends, and what is refused is refused with a path; what is taken reads back as the same.
#include <gmock/gmock.h>

#include <array>
#include <random>

#include "tests/unit/agents/fake_directory.h"

namespace weir::tools::agents {
namespace {

constexpr std::array<const char*, 40> kWords = {"id",
                                                "tool",
                                                "args",
                                                "when",
                                                "for_each",
                                                "until",
                                                "needs",
                                                "steps",
                                                "playbook",
                                                "output",
                                                "kind",
                                                "model",
                                                "tools",
                                                "name",
                                                "policy",
                                                "limits",
                                                "max_steps",
                                                "wall_s",
                                                "input_schema",
                                                "properties",
                                                "type",
                                                "object",
                                                "get_scan",
                                                "create_scan",
                                                "scan_id",
                                                "a",
                                                "b",
                                                "pipeline_type",
                                                "graph_edges",
                                                "source",
                                                "target",
                                                "sequential",
                                                "dag",
                                                "${steps.a.result.id}",
                                                "${inputs.x}",
                                                "${item}",
                                                "${",
                                                "$${",
                                                "instructions",
                                                "output_as"};

class RandomJson {
 public:
  explicit RandomJson(unsigned seed) : random_(seed) {}

  Json value(int depth) {
    const unsigned kind = below(depth <= 0 ? 5 : 8);
    if (kind == 0) return nullptr;
    if (kind == 1) return below(2) == 1;
    if (kind == 2) return static_cast<std::int64_t>(below(100)) - 20;
    if (kind == 3) return static_cast<double>(below(1000)) * 1e300;
    if (kind == 4) return word();
    if (kind == 5) {
      Json list = Json::array();
      for (unsigned i = below(4); i > 0; --i) list.push_back(value(depth - 1));
      return list;
    }
    Json object = Json::object();
    for (unsigned i = below(5); i > 0; --i) object[word()] = value(depth - 1);
    return object;
  }

  // One place of it is something else.
  void change(Json& json) {
    if (!json.is_structured() || json.empty() || below(4) == 0) {
      json = value(3);
      return;
    }
    auto at = json.begin();
    std::advance(at, below(static_cast<unsigned>(json.size())));
    change(*at);
  }

  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }

 private:
  std::string word() { return kWords.at(below(kWords.size())); }
  std::mt19937 random_;
};

class DefinitionPropertyTest : public DefinitionTest {
 protected:
  void check(const Json& json) {
    Result<AgentDefinition> definition = parse_definition(json, directory_, rules_);
    if (definition) {
      Result<AgentDefinition> read = read_definition(definition_json(*definition));
      ASSERT_TRUE(read) << read.error().cause << "\n" << to_text(json);
      ASSERT_TRUE(*read == *definition) << to_text(json);
      ++taken_;
      return;
    }
    ++refused_;
    ASSERT_EQ(definition.error().code, ErrorCode::validation_failed) << to_text(json);
    ASSERT_FALSE(definition.error().fields.empty()) << to_text(json);
    for (const FieldError& field : definition.error().fields) {
      ASSERT_FALSE(field.message.empty());
      if (json.is_object()) {
        ASSERT_FALSE(field.field.empty()) << field.message << "\n" << to_text(json);
      }
    }
  }

  int taken_ = 0;
  int refused_ = 0;
};

TEST_F(DefinitionPropertyTest, AnyJsonIsTakenOrRefusedWithAPath) {
  for (unsigned seed = 0; seed < 3'000 && !HasFatalFailure(); ++seed) check(RandomJson(seed).value(6));
}

TEST_F(DefinitionPropertyTest, AGoodDefinitionWithOneThingChangedIsTakenOrRefusedWithAPath) {
  const std::vector<Json> good = {
      json_of(R"({"playbook": {"steps": [{"id": "a", "tool": "create_scan", "args": {"target_id": "${inputs.x}"}},
          {"id": "b", "tool": "get_scan", "args": {"scan_id": "${steps.a.result.id}"}, "until": "${result.done}", "needs": ["a"]},
          {"id": "c", "tool": "get_scan", "args": {"scan_id": "${item}"}, "for_each": "${steps.b.result.l}"}],
          "output": {"x": "${steps.c.results}"}}, "input_schema": {"type": "object", "properties": {"x": {"type": "string"}}},
          "limits": {"max_steps": 5}})"),
      json_of(R"({"tools": ["create_scan", "get_report"], "pipeline_type": "dag", "graph_edges": [
          {"source": "create_scan", "target": "get_report"}]})"),
      json_of(
          R"({"kind": "model", "instructions": "a", "tools": [{"name": "get_scan", "policy": "ask"}], "mcp_servers": ["notes"]})")};
  for (unsigned seed = 0; seed < 3'000 && !HasFatalFailure(); ++seed) {
    RandomJson random(seed);
    Json json = good[seed % good.size()];
    random.change(json);
    check(json);
  }
  EXPECT_GT(taken_, 100);
  EXPECT_GT(refused_, 1'000);
}

}  // namespace
}  // namespace weir::tools::agents
