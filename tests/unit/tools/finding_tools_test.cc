#include "tests/unit/tools/tools_fixture.h"

namespace weir::tools {
namespace {

class FindingToolsTest : public ToolsTest {
 protected:
  FindingToolsTest() {
    scans_find({"hdr.csp.missing", "hdr.nosniff.missing", "hdr.frame.missing"});
    target_id_ = make_target();
    jobs_->start();
    scan_id_ = scan(target_id_)["id"];
  }

  std::string target_id_;
  std::string scan_id_;
};

TEST_F(FindingToolsTest, ListsTheWorstFirstAndFilters) {
  const Json all = call("list_findings", {{"scan_id", scan_id_}});

  ASSERT_EQ(all["data"].size(), 3U);
  EXPECT_EQ(all["data"][0]["severity"], "medium");
  EXPECT_EQ(all["data"][2]["severity"], "low");
  EXPECT_EQ(all["data"][0]["diff_state"], "new");
  EXPECT_EQ(call("list_findings", {{"scan_id", scan_id_}, {"severity", {"low", "high"}}})["data"].size(), 1U);
  EXPECT_EQ(call("list_findings", {{"scan_id", scan_id_}, {"rule", "hdr.frame.missing"}})["data"].size(), 1U);
  EXPECT_EQ(call("list_findings", {{"scan_id", scan_id_}, {"diff", "fixed"}})["data"].size(), 0U);
  EXPECT_EQ(call("list_findings", {{"target_id", target_id_}, {"status", "open"}})["data"].size(), 3U);
}

TEST_F(FindingToolsTest, PagesWithoutRepeatsOrHoles) {
  std::set<std::string> ids;
  Json arguments = {{"scan_id", scan_id_}, {"limit", 1}};
  int pages = 0;
  do {
    const Json page = call("list_findings", arguments);
    for (const Json& finding : page["data"]) ids.insert(finding["id"]);
    arguments["cursor"] = page["next_cursor"];
    ++pages;
  } while (!arguments["cursor"].is_null() && pages < 10);

  EXPECT_EQ(ids.size(), 3U);
}

TEST_F(FindingToolsTest, NeedsExactlyOneOfScanAndTarget) {
  EXPECT_EQ(refusal("list_findings", Json::object()).fields[0].field, "scan_id");
  EXPECT_EQ(refusal("list_findings", {{"scan_id", scan_id_}, {"target_id", target_id_}}).code,
            ErrorCode::validation_failed);
}

TEST_F(FindingToolsTest, AFindingInFullHasEvidenceRemediationAndHistory) {
  const std::string id = call("list_findings", {{"scan_id", scan_id_}})["data"][0]["id"];

  const Json finding = call("get_finding", {{"finding_id", id}});

  EXPECT_EQ(finding["evidence"][0]["value"], "careless/1.0");
  EXPECT_EQ(finding["evidence"][0]["untrusted"], true);
  EXPECT_FALSE(finding["remediation"].get<std::string>().empty());
  EXPECT_EQ(finding["occurrences"][0]["scan_id"], scan_id_);
  EXPECT_EQ(finding["history"][0]["to"], "open");
}

TEST_F(FindingToolsTest, ReportsComeAsMarkdownAndAsJson) {
  const auto markdown = must(call_as(alice_, "get_report", {{"scan_id", scan_id_}}));
  const auto json = must(call_as(alice_, "get_report", {{"scan_id", scan_id_}, {"format", "json"}}));

  EXPECT_EQ(markdown.document->media_type, "text/markdown; charset=utf-8");
  EXPECT_NE(markdown.document->text.find("hdr.csp.missing"), std::string::npos);
  EXPECT_EQ(markdown.structured["text"], markdown.document->text);
  EXPECT_EQ(json.document->media_type, "application/json");
  EXPECT_TRUE(parse_json(json.document->text));
}

TEST_F(FindingToolsTest, ShortenedReportsKeepToTheirSizeAndForm) {
  const Json markdown = call("get_report", {{"scan_id", scan_id_}, {"max_chars", 1'000}});
  const Json json = call("get_report", {{"scan_id", scan_id_}, {"format", "json"}, {"max_chars", 3'000}});

  EXPECT_TRUE(markdown["is_truncated"]);
  EXPECT_LE(markdown["text"].get<std::string>().size(), 1'010U);
  EXPECT_NE(markdown["text"].get<std::string>().find("list_findings"), std::string::npos);
  EXPECT_TRUE(json["is_truncated"]);
  EXPECT_TRUE(parse_json(json["text"].get<std::string>()));
}

TEST_F(FindingToolsTest, ChecksAreListedByGroup) {
  const Json all = call("list_checks", Json::object());
  const Json cookies = call("list_checks", {{"group", "cookies"}});

  EXPECT_EQ(all["data"].size(), scans::catalogue().size());
  EXPECT_LT(cookies["data"].size(), all["data"].size());
  for (const Json& check : cookies["data"]) EXPECT_EQ(check["group"], "cookies");
  EXPECT_NE(refusal("list_checks", {{"group", "cookie"}}).message.find("did you mean cookies?"), std::string::npos);
}

}  // namespace
}  // namespace weir::tools
