// A shorter list of tools, as the host's configuration asks for.
#include "server/mcp/toolsets.h"

#include "tests/unit/mcp/endpoint_fixture.h"

namespace weir::mcp {
namespace {

using ToolsetsTest = EndpointTest;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr const char* kToolsets = "X-MCP-Toolsets";
constexpr const char* kReadOnly = "X-MCP-Readonly";

std::vector<std::string> names_in(const Json& result) {
  std::vector<std::string> names;
  for (const Json& tool : result["tools"]) names.push_back(tool["name"]);
  return names;
}

TEST_F(ToolsetsTest, OnlyTheToolsetsThatWereAskedForAreListed) {
  const Json found = result(modern("tools/list", {}, {.more_headers = {{kToolsets, " scans , findings,"}}}));
  EXPECT_THAT(names_in(found), UnorderedElementsAre("wait_for_it", "read_report"));
}

TEST_F(ToolsetsTest, ReadOnlyLeavesWhatChangesNothing) {
  const Json found = result(modern("tools/list", {}, {.more_headers = {{kReadOnly, "true"}, {kToolsets, "targets"}}}));
  EXPECT_THAT(names_in(found), UnorderedElementsAre("say"));
}

TEST_F(ToolsetsTest, ASessionIsHeldToTheHeadersOfEachRequest) {
  const std::string session = open_session();
  const auto listed = post(to_text({{"jsonrpc", "2.0"}, {"id", 2}, {"method", "tools/list"}}),
                           {.session = session, .more_headers = {{kToolsets, "account"}}});
  EXPECT_THAT(names_in(result(listed)), UnorderedElementsAre("get_state", "fail"));
}

TEST_F(ToolsetsTest, AToolThatWasLeftOutCannotBeCalled) {
  const auto outside = call("change", {}, {.more_headers = {{kToolsets, "scans"}}});
  EXPECT_EQ(error_code(outside), -32602);
  EXPECT_THAT(body(outside)["error"]["message"].get<std::string>(), HasSubstr("targets"));
  const auto writing = call("change", {}, {.more_headers = {{kReadOnly, "1"}}});
  EXPECT_THAT(body(writing)["error"]["message"].get<std::string>(), HasSubstr("reading only"));
  EXPECT_EQ(result(call("say", {{"text", "x"}}, {.more_headers = {{kReadOnly, "1"}}}))["isError"], false);
}

TEST_F(ToolsetsTest, AnUnknownToolsetIsRefusedWithTheKnownOnes) {
  const auto refused = modern("tools/list", {}, {.more_headers = {{kToolsets, "scnas"}}});
  EXPECT_EQ(status(refused), 200);
  EXPECT_EQ(error_code(refused), -32602);
  EXPECT_THAT(body(refused)["error"]["message"].get<std::string>(), HasSubstr("account, findings, scans, targets"));
  EXPECT_EQ(body(refused)["error"]["data"]["toolsets"], Json::array({"account", "findings", "scans", "targets"}));
}

TEST_F(ToolsetsTest, AValueThatIsNeitherTrueNorFalseIsRefused) {
  const auto refused = modern("tools/list", {}, {.more_headers = {{kReadOnly, "maybe"}}});
  EXPECT_THAT(body(refused)["error"]["message"].get<std::string>(), HasSubstr("maybe"));
}

TEST(ToolFilterTest, TheQueryAsksAsTheHeadersDo) {
  http::Request request;
  request.query = {{"toolsets", "targets"}, {"read_only", "1"}};
  const ToolFilter filter = ToolFilter::of(request);
  tools::Tool tool;
  tool.scope = tools::Scope::targets_read;
  EXPECT_FALSE(filter.allows(tool)) << "it may change something";
  tool.annotations.is_read_only = true;
  EXPECT_TRUE(filter.allows(tool));
  tool.scope = tools::Scope::scans_read;
  EXPECT_FALSE(filter.allows(tool));
}

TEST(ToolFilterTest, AllIsNoRestriction) {
  http::Request request;
  request.query = {{"toolsets", "all"}, {"read_only", "false"}};
  EXPECT_TRUE(ToolFilter::of(request).is_empty());
}

}  // namespace
}  // namespace weir::mcp
