// The parts that need no server: specifications, lists and their hashes, answers, headers, messages.
#include <gmock/gmock.h>

#include "tools/mcp_servers/param_headers.h"
#include "tools/mcp_servers/rpc_message.h"
#include "tools/mcp_servers/server_spec.h"
#include "tools/mcp_servers/tool_answer.h"
#include "tools/mcp_servers/tool_list.h"

namespace weir::tools::mcp_servers {
namespace {

using ::testing::HasSubstr;

Json tool(const std::string& name, const std::string& description = "Does it.") {
  return {{"name", name}, {"description", description}, {"inputSchema", {{"type", "object"}}}};
}

ToolList list_of(const std::vector<Json>& tools) {
  auto list = ToolList::from_listing(tools, "other");
  EXPECT_TRUE(list);
  return *std::move(list);
}

std::string complaint(const ServerSpec& spec) {
  const auto checked = check_spec(spec);
  return checked ? "" : checked.error().message;
}

TEST(AliasTest, IsShortAndUnambiguous) {
  for (const char* good : {"a", "github", "my_tools2"}) EXPECT_TRUE(is_alias(good)) << good;
  for (const char* bad : {"", "A", "2x", "a__b", "a_", "a-b", "a.b", "abcdefghijklmnopqrstuvwxyz123456"}) {
    EXPECT_FALSE(is_alias(bad)) << bad;
  }
}

TEST(ServerSpecTest, SaysWhatIsWrong) {
  ServerSpec spec;
  EXPECT_THAT(complaint(spec), HasSubstr("needs url, or command"));
  spec.command = {"npx"};
  EXPECT_THAT(complaint(spec), HasSubstr("absolute path"));
  spec.command = {"/usr/bin/npx"};
  EXPECT_EQ(complaint(spec), "");
  spec.url = *egress::Url::parse("https://tools.example/mcp");
  EXPECT_THAT(complaint(spec), HasSubstr("both"));
  spec.command.clear();
  EXPECT_EQ(complaint(spec), "");
  spec.url = *egress::Url::parse("http://tools.example/mcp");
  EXPECT_THAT(complaint(spec), HasSubstr("plain http"));
  spec.allow_private = {*egress::AddressRange::parse("10.0.0.0/8")};
  EXPECT_EQ(complaint(spec), "");
  spec.headers = {{"Authorization", "Bearer x\n"}};
  EXPECT_THAT(complaint(spec), HasSubstr("control character"));
  spec.headers = {{"Mcp-Session-Id", "mine"}};
  EXPECT_THAT(complaint(spec), HasSubstr("part of the protocol"));
}

TEST(ToolListTest, TheHashDoesNotDependOnTheOrder) {
  const ToolList one = list_of({tool("a"), tool("b")});
  const ToolList other = list_of({tool("b"), tool("a")});

  EXPECT_EQ(one.sha256(), other.sha256());
  EXPECT_EQ(one.sha256().size(), 64U);
}

TEST(ToolListTest, TheHashCoversNamesDescriptionsAndInputsAndNothingElse) {
  Json titled = tool("a");
  titled["title"] = "Another title";
  titled["annotations"] = {{"readOnlyHint", true}};
  Json wider = tool("a");
  wider["inputSchema"]["properties"] = {{"path", {{"type", "string"}}}};
  const std::string hash = list_of({tool("a")}).sha256();

  EXPECT_EQ(list_of({titled}).sha256(), hash);
  EXPECT_NE(list_of({wider}).sha256(), hash);
  EXPECT_NE(list_of({tool("a", "Does it!")}).sha256(), hash);
  EXPECT_NE(list_of({tool("b")}).sha256(), hash);
  EXPECT_NE(list_of({tool("a"), tool("b")}).sha256(), hash);
}

TEST(ToolListTest, TheHashCoversWhatIsCutOffForModels) {
  const std::string longest(kDescriptionBytesMax, 'x');
  const ToolList one = list_of({tool("a", longest + "y")});
  const ToolList other = list_of({tool("a", longest + "z")});

  EXPECT_NE(one.sha256(), other.sha256());
  EXPECT_EQ(callable_tool("other", one.tools().front()).description.size(), kDescriptionBytesMax);
}

TEST(ToolListTest, WhatIsStoredReadsBackWithTheSameHash) {
  const ToolList list = list_of({tool("a"), tool("b", "Ünïcode \xF0\x9F\x99\x82")});

  const auto again = ToolList::from_pinned(list.pinned(), "other");

  ASSERT_TRUE(again);
  EXPECT_EQ(again->sha256(), list.sha256());
}

TEST(ToolListTest, TwoToolsOfOneNameAreNoList) {
  const auto list = ToolList::from_listing({tool("a"), tool("a", "Other.")}, "other");

  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().message, HasSubstr("twice"));
}

TEST(ToolListTest, SaysWhatChanged) {
  const ToolList before = list_of({tool("a"), tool("b"), tool("c")});
  const ToolList after = list_of({tool("b", "Changed."), tool("c"), tool("d")});

  const ToolChanges changes = after.since(before);

  EXPECT_EQ(changes.added, std::vector<std::string>{"d"});
  EXPECT_EQ(changes.removed, std::vector<std::string>{"a"});
  EXPECT_EQ(changes.changed, std::vector<std::string>{"b"});
}

TEST(ToolListTest, ToolsThatModelsCannotNameAreUnusable) {
  const ToolList list = list_of({tool("a.b"), tool(std::string(80, 'x')), tool("fine-name_1")});

  for (const RemoteTool& each : list.tools()) EXPECT_EQ(each.unusable.empty(), each.name == "fine-name_1") << each.name;
}

TEST(ToolNameTest, IsSplitAtTheFirstSeparator) {
  EXPECT_EQ(split_name("other__a__b"), (std::pair<std::string_view, std::string_view>("other", "a__b")));
  EXPECT_EQ(split_name("a___x"), (std::pair<std::string_view, std::string_view>("a", "_x")));
  EXPECT_EQ(split_name("create_scan").first, "");
  EXPECT_EQ(split_name("__x").first, "");
}

TEST(ToolAnswerTest, TheTextIsCutBetweenCharacters) {
  std::string text;
  while (text.size() < kResultBytesMax + 100) text += "€";

  const auto answer = tool_answer({{"content", {{{"type", "text"}, {"text", text}}}}}, "other__x", {});

  ASSERT_TRUE(answer);
  const auto kept = answer->structured.at("text").get<std::string>();
  EXPECT_LE(kept.size(), kResultBytesMax);
  EXPECT_EQ(kept.size() % 3, 0U);
}

TEST(ToolAnswerTest, DataThatDoesNotFitBesideTheTextReplacesIt) {
  const std::string half(kResultBytesMax * 2 / 3, 'x');
  const Json result = {{"content", {{{"type", "text"}, {"text", half}}}}, {"structuredContent", {{"value", half}}}};

  const auto answer = tool_answer(result, "other__x", {});

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->structured.at("text"), "");
  EXPECT_EQ(answer->structured.at("data").at("value"), half);
  EXPECT_EQ(answer->structured.at("notes").size(), 1U);
}

TEST(ToolAnswerTest, DataThatIsTooLargeIsLeftOut) {
  const Json result = {{"content", Json::array()},
                       {"structuredContent", {{"value", std::string(kResultBytesMax, 'x')}}}};

  const auto answer = tool_answer(result, "other__x", {});

  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->structured.at("data").is_null());
  EXPECT_EQ(answer->structured.at("notes").size(), 1U);
}

TEST(ParamHeadersTest, FindsNestedMarks) {
  const Json schema = {
      {"type", "object"},
      {"properties",
       {{"region", {{"type", "string"}, {"x-mcp-header", "Region"}}},
        {"where", {{"type", "object"}, {"properties", {{"zone", {{"type", "integer"}, {"x-mcp-header", "Zone"}}}}}}}}}};
  const auto headers = param_headers(schema);
  ASSERT_TRUE(headers);

  const auto lines = header_lines(*headers, {{"region", " eu"}, {"where", {{"zone", 42}}}});
  const auto none = header_lines(*headers, {{"region", nullptr}});

  EXPECT_EQ(lines, (std::vector<std::pair<std::string, std::string>>{{"Mcp-Param-Region", "=?base64?IGV1?="},
                                                                     {"Mcp-Param-Zone", "42"}}));
  EXPECT_TRUE(none.empty());
}

TEST(ParamHeadersTest, RefusesWrongMarks) {
  const auto with = [](Json property, Json other = Json::object()) {
    return param_headers({{"properties", {{"a", std::move(property)}, {"b", std::move(other)}}}});
  };

  EXPECT_FALSE(with({{"type", "number"}, {"x-mcp-header", "A"}}));
  EXPECT_FALSE(with({{"type", "string"}, {"x-mcp-header", "A B"}}));
  EXPECT_FALSE(with({{"type", "string"}, {"x-mcp-header", ""}}));
  EXPECT_FALSE(with({{"type", "string"}, {"x-mcp-header", "A"}}, {{"type", "string"}, {"x-mcp-header", "a"}}));
  EXPECT_TRUE(with({{"type", "string"}, {"x-mcp-header", "A"}}, {{"type", "string"}, {"x-mcp-header", "B"}}));
}

TEST(RpcMessageTest, TakesMessagesApart) {
  const auto batch =
      read_messages(R"([{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":"x","method":"b","params":{"c":1}},
                                       {"jsonrpc":"2.0","id":7,"result":{}},
                                       {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}])");

  ASSERT_TRUE(batch) << batch.error().message;
  ASSERT_EQ(batch->size(), 4U);
  EXPECT_EQ((*batch)[0].kind, Incoming::Kind::notification);
  EXPECT_EQ((*batch)[1].kind, Incoming::Kind::request);
  EXPECT_EQ((*batch)[1].params.at("c"), 1);
  EXPECT_EQ((*batch)[2].id, 7);
  EXPECT_EQ((*batch)[3].error->code, -32700);
}

TEST(RpcMessageTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "{", "7", "[]", "{}", R"({"jsonrpc":"1.0","method":"a"})", R"({"jsonrpc":"2.0","id":1.5,"method":"a"})",
        R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}})",
        R"({"jsonrpc":"2.0","id":1,"error":"x"})", R"({"jsonrpc":"2.0","result":{}})",
        R"({"jsonrpc":"2.0","method":"a","params":[1]})", R"({"jsonrpc":"2.0","method":7})"}) {
    EXPECT_FALSE(read_messages(text)) << text;
  }
}

}  // namespace
}  // namespace weir::tools::mcp_servers
