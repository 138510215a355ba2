#include "tools/scans/report/report.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "tools/scans/report/markdown_text.h"

namespace weir::tools::scans {
namespace {

using store::FindingWithOccurrence;

FindingWithOccurrence finding(std::string id, std::string rule_id, std::string title, std::string severity,
                              std::string diff_state) {
  FindingWithOccurrence row;
  row.finding.id = std::move(id);
  row.finding.fingerprint = std::string(64, 'f');
  row.finding.rule_id = std::move(rule_id);
  row.finding.title = std::move(title);
  row.finding.severity = std::move(severity);
  row.finding.url = "https://app.example/";
  row.finding.first_seen_at = from_unix_ms(1'794'000'000'000);
  row.finding.last_seen_at = from_unix_ms(1'795'000'000'000);
  row.occurrence.diff_state = std::move(diff_state);
  return row;
}

Json proof(std::string label, std::string value) {
  return Json::array({{{"kind", "header"},
                       {"label", std::move(label)},
                       {"value", std::move(value)},
                       {"untrusted", true},
                       {"truncated", false},
                       {"redacted", false}}});
}

ReportInput sample() {
  ReportInput input;
  input.target.id = "tgt_01";
  input.target.url = "https://app.example/";
  input.target.host = "app.example";
  input.target.port = 443;
  input.target.name = "Shop | <b>live</b>";
  input.target.visibility = "public";
  input.scan.id = "scn_01";
  input.scan.profile = "quick";
  input.scan.status = "completed";
  input.scan.outcome = "findings";
  input.scan.score = 78;
  input.scan.grade = "C";
  input.scan.grade_reason = "";
  input.scan.grade_algorithm = "posture-1";
  input.scan.pinned_ip = "203.0.113.7";
  input.scan.scanner_version = "0.1.0";
  input.scan.ruleset_version = "2026.11-00000000";
  input.scan.queued_at = from_unix_ms(1'795'000'000'000);
  input.scan.started_at = from_unix_ms(1'795'000'001'000);
  input.scan.finished_at = from_unix_ms(1'795'000'009'000);
  input.generated_at = from_unix_ms(1'795'000'060'000);

  auto cookie = finding("fnd_03", "cookie.secure", "A cookie may travel without TLS", "medium", "new");
  cookie.finding.cwe = 614;
  cookie.finding.location = "sid";
  cookie.finding.detail = "not_secure";
  cookie.occurrence.evidence =
      proof("Set-Cookie", "sid=[redacted]; Path=/\n```\n# not a heading <script>alert(1)</script>");
  auto server = finding("fnd_02", "info.version", "A header tells the version of the software", "info", "recurring");
  server.finding.cwe = 200;
  server.occurrence.evidence = proof("Server", "nginx/1.25.3");
  auto downgrade = finding("fnd_01", "redir.downgrade", "A redirect leads from https to http", "high", "reopened");
  downgrade.finding.cwe = 319;
  downgrade.finding.reopened_count = 1;
  auto fixed = finding("fnd_04", "hdr.nosniff.missing", "Content types may be guessed", "low", "fixed");
  fixed.finding.status = "fixed";
  auto accepted = finding("fnd_05", "hdr.csp.missing", "No Content Security Policy is enforced", "medium", "recurring");
  accepted.finding.status = "accepted_risk";
  accepted.finding.status_reason = "until the *redesign*";
  auto foreign = finding("fnd_06", "engine.other", "A finding [of](http://evil.example) another engine", "low", "new");
  foreign.finding.severity_override = "high";
  foreign.finding.engine = "other";
  auto unknown = finding("fnd_07", "tls.tls10", "TLS 1.0 is accepted", "medium", "not_tested");
  input.findings = {cookie, server, downgrade, fixed, accepted, foreign, unknown};
  input.checks = {
      {.check_id = "tls.tls10", .state = "error", .reason = "no | answer", .requests = 0, .ms = 3},
      {.check_id = "cookie.secure", .state = "ran", .reason = "", .requests = 0, .ms = 1},
      {.check_id = "hdr.hsts.missing", .state = "not_applicable", .reason = "IP address", .requests = 0, .ms = 0}};
  return input;
}

void expect_golden(const std::string& name, const std::string& text) {
  const char* root = std::getenv("WEIR_SOURCE_DIR");
  if (root == nullptr) GTEST_SKIP() << "WEIR_SOURCE_DIR is not set; run by CTest";
  const std::string path = std::string(root) + "/tests/unit/scan_engine/golden/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  std::ifstream file(path, std::ios::binary);
  const std::string expected((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, expected) << "run with UPDATE_GOLDEN=1 and look at the difference";
}

TEST(ReportTest, MarkdownIsAsTheGoldenFile) { expect_golden("report.md", markdown_report(sample())); }

TEST(ReportTest, JsonIsAsTheGoldenFile) { expect_golden("report.json", to_pretty_text(json_report(sample())) + "\n"); }

TEST(ReportTest, SarifIsAsTheGoldenFile) {
  expect_golden("report.sarif", to_pretty_text(sarif_report(sample())) + "\n");
}

TEST(ReportTest, SarifNamesEachRuleOnceAndEveryFindingWithItsState) {
  ReportInput input = sample();
  auto again = input.findings.front();
  again.finding.url = "https://app.example/login?next=%2F";
  again.finding.fingerprint = std::string(64, 'e');
  input.findings.push_back(again);
  const Json run = sarif_report(input)["runs"][0];

  std::map<std::string, int> states;
  std::vector<std::string> ids;
  for (const Json& rule : run["tool"]["driver"]["rules"]) ids.push_back(rule["id"]);
  for (const Json& result : run["results"]) {
    ++states[result["baselineState"]];
    EXPECT_EQ(ids.at(result["ruleIndex"]), result["ruleId"]);
    EXPECT_TRUE(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].get<std::string>().starts_with(
        "dast/app.example/"));
  }

  EXPECT_EQ(run["results"].size(), 8U);
  EXPECT_EQ(ids.size(), 7U);
  EXPECT_EQ(states, (std::map<std::string, int>{{"absent", 1}, {"new", 4}, {"unchanged", 3}}));
}

TEST(ReportTest, SarifTellsWhatAPersonAccepted) {
  ReportInput input = sample();
  std::erase_if(input.findings, [](const auto& row) { return row.finding.status != "accepted_risk"; });

  const Json result = sarif_report(input)["runs"][0]["results"][0];

  ASSERT_EQ(result["suppressions"].size(), 1U);
  EXPECT_EQ(result["suppressions"][0]["justification"], "accepted_risk: until the *redesign*");
}

TEST(ReportTest, TheTargetCannotWriteALinkInSarif) {
  ReportInput input = sample();
  input.findings.resize(1);
  input.findings[0].finding.title = "[open](http://evil.example)";
  input.findings[0].finding.location = "";

  const Json result = sarif_report(input)["runs"][0]["results"][0];

  EXPECT_EQ(result["message"]["text"], "\\[open\\](http://evil.example) at https://app.example/.");
}

TEST(ReportTest, APathOfTheTargetsCannotLeaveItsFolderInSarif) {
  ReportInput input = sample();
  input.findings.resize(1);
  input.findings[0].finding.url = "https://app.example/../../etc/passwd?x=1#y";

  const Json result = sarif_report(input)["runs"][0]["results"][0];

  EXPECT_EQ(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "dast/app.example/..-..-etc-passwd");
}

TEST(ReportTest, TheOrderOfRowsDoesNotMatter) {
  ReportInput turned = sample();
  std::ranges::reverse(turned.findings);
  std::ranges::reverse(turned.checks);

  EXPECT_EQ(markdown_report(turned), markdown_report(sample()));
  EXPECT_EQ(json_report(turned), json_report(sample()));
}

TEST(ReportTest, AnUnfinishedScanHasAReportToo) {
  ReportInput input;
  input.target.host = "app.example";
  input.scan.status = "running";

  const std::string text = markdown_report(input);

  EXPECT_NE(text.find("No open findings."), std::string::npos);
  EXPECT_TRUE(json_report(input)["scan"]["grade"].is_null());
}

TEST(ReportTest, TheTargetCannotWriteMarkup) {
  ReportInput input = sample();
  const std::string hostile =
      "</details>\n\n# owned\n[x](javascript:1) ![y](http://e/) | `a` ``` <img src=x onerror=1> @everyone";
  input.target.name = hostile;
  input.findings.resize(1);
  input.findings[0].finding.url = hostile;
  input.findings[0].finding.location = hostile;
  input.findings[0].finding.title = hostile;
  input.findings[0].occurrence.evidence = proof(hostile, hostile + "\n````\n<script>");

  const std::string text = markdown_report(input);

  // Outside of fenced blocks and code spans no line starts a heading of the target's, and no tag or link remains.
  bool is_fenced = false;
  std::string fence;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("```")) {
      const std::size_t run = std::min(line.find_first_not_of('`'), line.size());
      if (!is_fenced) {
        is_fenced = true;
        fence = line.substr(0, run);
      } else if (run == line.size() && run >= fence.size()) {
        is_fenced = false;
      }
      continue;
    }
    if (is_fenced) continue;
    EXPECT_FALSE(line.starts_with("# owned")) << line;
    if (line.find('`') == std::string::npos) {
      EXPECT_EQ(line.find("<img"), std::string::npos) << line;
      EXPECT_EQ(line.find("]("), std::string::npos) << line;
    }
  }
  EXPECT_FALSE(is_fenced);
  EXPECT_GT(fence.size(), 4U);
}

TEST(MarkdownTextTest, EscapesPunctuationAndHtml) {
  EXPECT_EQ(markdown_escaped("a|b"), "a\\|b");
  EXPECT_EQ(markdown_escaped("<b>&"), "&lt;b&gt;&amp;");
  EXPECT_EQ(markdown_escaped("[x](y)"), "\\[x\\]\\(y\\)");
  EXPECT_EQ(markdown_escaped("a\nb"), "a\\\\x0Ab");
}

TEST(MarkdownTextTest, FencesAreLongerThanWhatTheyHold) {
  EXPECT_EQ(markdown_code("plain"), "`plain`");
  EXPECT_EQ(markdown_code("a``b"), "```a``b```");
  EXPECT_EQ(markdown_code("`"), "`` ` ``");
  EXPECT_EQ(markdown_code("a|b"), "`a\\|b`");
  EXPECT_EQ(markdown_code(""), "(none)");
  EXPECT_EQ(markdown_block("a"), "```text\na\n```\n");
  EXPECT_TRUE(markdown_block("````").starts_with("`````text\n"));
}

}  // namespace
}  // namespace weir::tools::scans
