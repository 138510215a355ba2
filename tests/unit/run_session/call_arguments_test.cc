#include "tools/runs/call_arguments.h"

#include "tests/unit/run_session/run_lab.h"

namespace weir::tools::runs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(HostsInTest, UrlsAreFoundWhereverTheyStand) {
  EXPECT_THAT(hosts_in({{"note", "see https://Evil.example:8443/x?y and http://user:pw@other.example."}}),
              ElementsAre("evil.example", "other.example"));
  EXPECT_THAT(hosts_in({{"list", {{{"deep", "//cdn.example/a"}}}}}), ElementsAre("cdn.example"));
  EXPECT_THAT(hosts_in({{"u", "http://[::1]:80/"}}), ElementsAre("::1"));
  EXPECT_THAT(hosts_in({{"u", "http://good.example\\@evil.example/"}}), ElementsAre("good.example", "evil.example"));
}

TEST(HostsInTest, MembersThatNameAHostCountWithoutAScheme) {
  EXPECT_THAT(
      hosts_in({{"host", "Evil.example"}, {"callback_url", "x.example/path"}, {"domains", {"a.example", "b.example"}}}),
      UnorderedElementsAre("evil.example", "x.example", "a.example", "b.example"));
}

TEST(HostsInTest, AUrlFurtherOnDoesNotHideTheHostThatATextBeginsWith) {
  EXPECT_THAT(hosts_in({{"host", "evil.example/?u=https://registered.example"}}),
              UnorderedElementsAre("evil.example", "registered.example"));
  EXPECT_THAT(hosts_in({{"url", "https://registered.example/?u=x"}}), ElementsAre("registered.example"));
}

TEST(HostsInTest, IdsAndPlainTextAreNoHosts) {
  EXPECT_THAT(hosts_in({{"target_id", "tgt_1"}, {"reason", "as agreed with bob"}, {"n", 3}, {"list", {"fixed"}}}),
              IsEmpty());
}

TEST(ArgumentCheckTest, MistakesAreSaidInWordsThatAModelCanActOn) {
  CallableTool tool;
  tool.name = "get_scan";
  tool.input_schema = {{"type", "object"},
                       {"properties", {{"scan_id", {{"type", "string"}}}}},
                       {"required", {"scan_id"}},
                       {"additionalProperties", false}};
  ArgumentCheck check;

  EXPECT_TRUE(check.check(tool, {{"scan_id", "scn_1"}}).has_value());
  const auto wrong = check.check(tool, {{"scan", "scn_1"}});
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, ErrorCode::validation_failed);
  EXPECT_NE(wrong.error().message.find("scan_id is missing"), std::string::npos) << wrong.error().message;
  EXPECT_FALSE(check.check(tool, Json::array()).has_value());
}

TEST(ArgumentCheckTest, ASchemaOfAnotherServerThatWeCannotReadIsLeftToThatServer) {
  CallableTool tool;
  tool.name = "files__read";
  tool.input_schema = {{"type", 17}};
  ArgumentCheck check;
  EXPECT_FALSE(check.check(tool, Json::object()).has_value());

  tool.source = "mcp:files";

  EXPECT_TRUE(check.check(tool, Json::object()).has_value());
}

using UnregisteredHostTest = RunLab;

TEST_F(UnregisteredHostTest, HostsOfTargetsAreKnownAndOthersAreNot) {
  for (int i = 0; i < 130; ++i) add_target("site" + std::to_string(i) + ".example");
  const auto unknown = [&](const std::vector<std::string>& hosts) {
    return must(database_->read_for([&](store::Transaction& t) { return unregistered_host(t, "acc_1", hosts); }));
  };

  EXPECT_EQ(unknown({}), "");
  EXPECT_EQ(unknown({"site0.example", "site129.example"}), "");
  EXPECT_EQ(unknown({"site0.example", "evil.example"}), "evil.example");
  EXPECT_EQ(must(database_->read_for(
                [&](store::Transaction& t) { return unregistered_host(t, "acc_2", {"site0.example"}); })),
            "site0.example");
}

}  // namespace
}  // namespace weir::tools::runs
