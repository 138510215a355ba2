#include "tests/unit/tools/tools_fixture.h"

#include "tools/near_match.h"
#include "tools/paging.h"

namespace weir::tools {
namespace {

using CatalogTest = ToolsTest;

TEST_F(CatalogTest, HasEveryToolInTheOrderThatCallersSee) {
  std::vector<std::string> names;
  for (const Tool& tool : catalog_->tools()) names.push_back(tool.name);

  EXPECT_THAT(names, ::testing::ElementsAre(
                         "list_targets", "get_target", "create_target", "delete_target", "create_scan", "get_scan",
                         "list_scans", "cancel_scan", "estimate_scan", "compare_scans", "check_gate", "list_findings",
                         "get_finding", "get_report", "update_finding_status", "get_finding_history", "list_checks",
                         "list_scan_checks", "list_webhooks", "get_webhook", "create_webhook", "update_webhook",
                         "delete_webhook", "rotate_webhook_secret", "test_webhook", "list_deliveries", "get_delivery",
                         "retry_delivery", "replay_deliveries", "list_events", "get_quota"));
}

TEST_F(CatalogTest, EveryParameterAndAnswerIsDescribed) {
  for (const Tool& tool : catalog_->tools()) {
    for (const Json* schema : {&tool.input_schema, &tool.output_schema}) {
      for (const auto& [name, member] : (*schema)["properties"].items()) {
        const bool is_described = member.contains("description") || member.value("type", Json()) == "object";
        EXPECT_TRUE(is_described) << tool.name << "." << name;
      }
    }
    // GET /v1/events is a stream that also pages; the tool only pages.
    EXPECT_TRUE(tool.rest.has_value() || tool.name == "list_events") << tool.name;
  }
}

TEST_F(CatalogTest, AMissingArgumentNamesTheToolAndTheField) {
  const Error error = refusal("get_scan", Json::object());

  EXPECT_EQ(error.code, ErrorCode::validation_failed);
  ASSERT_EQ(error.fields.size(), 1U);
  EXPECT_EQ(error.fields[0].field, "scan_id");
  EXPECT_NE(error.message.find("Wrong arguments for get_scan: scan_id is missing"), std::string::npos) << error.message;
}

TEST_F(CatalogTest, ANullArgumentObjectCountsAsEmpty) { EXPECT_TRUE(call_as(alice_, "list_targets", nullptr)); }

// Another account's id and an id that never was are told apart by nobody.
TEST_F(CatalogTest, AnotherAccountsIdsDoNotExist) {
  const std::string target_id = make_target();
  jobs_->start();
  scans_find({"hdr.csp.missing"});
  const std::string scan_id = scan(target_id)["id"];
  const std::string finding_id = call("list_findings", {{"scan_id", scan_id}})["data"][0]["id"];
  const std::map<std::string, Json> calls = {
      {"get_target", {{"target_id", target_id}}},
      {"delete_target", {{"target_id", target_id}, {"confirm_host", "127.0.0.1"}}},
      {"create_scan", {{"target_id", target_id}, {"profile", "passive"}}},
      {"estimate_scan", {{"target_id", target_id}}},
      {"get_scan", {{"scan_id", scan_id}}},
      {"list_scans", {{"target_id", target_id}}},
      {"cancel_scan", {{"scan_id", scan_id}}},
      {"list_findings", {{"scan_id", scan_id}}},
      {"get_finding", {{"finding_id", finding_id}}},
      {"get_report", {{"scan_id", scan_id}}},
      {"list_scan_checks", {{"scan_id", scan_id}}},
  };
  for (const auto& [name, arguments] : calls) {
    Result<ToolResult> theirs = call_as(bob_, name, arguments);
    ASSERT_FALSE(theirs) << name;
    EXPECT_EQ(theirs.error().code, ErrorCode::not_found) << name;
    Json never = arguments;
    for (auto& [key, value] : never.items()) {
      const std::string text = value;
      if (text.size() == 30 && text[3] == '_') value = text.substr(0, 4) + std::string(26, '0');
    }
    Result<ToolResult> nobodys = call_as(bob_, name, never);
    ASSERT_FALSE(nobodys) << name;
    EXPECT_EQ(nobodys.error().code, ErrorCode::not_found) << name;
  }

  EXPECT_EQ(call_as(bob_, "list_targets", Json::object())->structured["data"].size(), 0U);
  EXPECT_EQ(call_as(bob_, "list_scans", Json::object())->structured["data"].size(), 0U);
  EXPECT_EQ(call("get_target", {{"target_id", target_id}})["id"], target_id);
}

TEST_F(CatalogTest, TextsThatAreNoIdsAreNotFoundEither) {
  for (const char* id :
       {"1", "scn_", "tgt_01JD8Z6W0V6E5Q9T2YB3K4M7NP", "scn_01JD8Z6W0V6E5Q9T2YB3K4M7NP", "' OR 1=1 --"}) {
    EXPECT_EQ(refusal("get_scan", {{"scan_id", id}}).code, ErrorCode::not_found) << id;
  }
}

TEST(NearMatchTest, FindsTypingErrorsAndPartsButNotStrangers) {
  const std::vector<std::string> known = {"headers", "cookies", "certificates"};

  EXPECT_EQ(nearest("heders", known), "headers");
  EXPECT_EQ(nearest("cookie", known), "cookies");
  EXPECT_EQ(nearest("cert", known), "certificates");
  EXPECT_EQ(nearest("xyzzy", known), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), known), "");
}

TEST(PagingTest, CursorsSurviveAQueryStringAndForeignOnesAreRefused) {
  const std::string id = "tgt_01JD8Z6W0V6E5Q9T2YB3K4M7NP";
  const std::string cursor = next_cursor(id);

  EXPECT_EQ(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            std::string::npos);
  EXPECT_EQ(page_request({{"cursor", cursor}}, "tgt")->after_id, id);
  EXPECT_EQ(page_request({{"cursor", cursor}}, "scn").error().code, ErrorCode::validation_failed);
  EXPECT_EQ(page_request({{"cursor", "nonsense"}}, "tgt").error().fields[0].field, "cursor");
  EXPECT_TRUE(next_cursor(std::nullopt).is_null());
}

}  // namespace
}  // namespace weir::tools
