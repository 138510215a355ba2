// The engine against real servers on loopback.
#include <map>
#include <set>

#include "tests/support/eventually.h"
#include "tests/support/http_imposter.h"
#include "tests/unit/scan_engine/sites.h"
#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {
namespace {

using egress::IpAddress;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HttpImposter;
using testing::ImposterAnswer;

// Names of the test and what they resolve to; remembers who was asked for.
class TableResolver final : public egress::Resolver {
 public:
  std::map<std::string, std::string> table;

  Result<std::vector<IpAddress>> resolve(const std::string& host) override {
    const auto literal = IpAddress::parse(host);
    if (literal) return std::vector<IpAddress>{*literal};
    const auto row = table.find(host);
    if (row == table.end()) return Error(ErrorCode::unavailable, "no such host: " + host);
    return std::vector<IpAddress>{IpAddress::parse(row->second).value()};
  }
};

class Recorder final : public ScanObserver {
 public:
  std::vector<std::string> phases;
  std::vector<ScanProgress> progress;
  std::vector<CoverageRow> rows;
  int findings = 0;

  void phase_started(const ScanProgress& p) override {
    phases.push_back(p.phase);
    progress.push_back(p);
  }
  void check_completed(const CoverageRow& row, const ScanProgress& p) override {
    rows.push_back(row);
    progress.push_back(p);
  }
  void finding_detected(const Detection&) override { ++findings; }
  void progressed(const ScanProgress& p) override { progress.push_back(p); }
};

class EngineTest : public ::testing::Test {
 protected:
  egress::AddressPolicy policy{egress::PolicySettings{.allow_loopback = true}};
  TableResolver resolver;
  SystemClock clock;
  ScanEngine engine{policy, resolver, clock, "9.9", "https://weir.example/docs"};
  Recorder seen;

  static ScanPlan plan_for(const std::string& url, Profile profile = Profile::passive) {
    ScanPlan plan;
    plan.scan_id = "scn_test";
    plan.entry = url_of(url);
    plan.profile = profile;
    plan.budget = budget_for(profile);
    return plan;
  }
  Result<ScanOutcome> run(const ScanPlan& plan, std::stop_token stop = {}) { return engine.run(plan, seen, stop); }
};

std::set<std::string> rules_of(const ScanOutcome& outcome) {
  std::set<std::string> rules;
  for (const Detection& detection : outcome.detections) rules.insert(detection.rule_id);
  return rules;
}

const CoverageRow& row_of(const ScanOutcome& outcome, std::string_view id) {
  return *std::ranges::find(outcome.coverage, id, &CoverageRow::check_id);
}

ImposterAnswer html(std::string body, testing::HeaderLines headers = {}) {
  headers.emplace_back("Content-Type", "text/html; charset=utf-8");
  return {.status = 200, .headers = std::move(headers), .body = std::move(body)};
}

ImposterAnswer redirect_to(const std::string& url) { return {.status = 302, .headers = {{"Location", url}}}; }

TEST_F(EngineTest, ACarelessSiteIsToldSo) {
  HttpImposter site;
  site.answer("/", html("<form action=/login><input type=password></form><a href='/?sid=1'>x</a>",
                        {{"Set-Cookie", "SESSIONID=secret-value; SameSite=Loose"}, {"Server", "nginx/1.2.3"}}));
  site.answer("/robots.txt",
              {.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = "Disallow: /admin\n"});

  const auto outcome = run(plan_for(site.url()));

  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto rules = rules_of(*outcome);
  for (const auto expected : {"hdr.csp.missing", "hdr.frame.missing", "hdr.nosniff.missing", "hdr.cache.sensitive",
                              "hdr.referrer.unsafe", "cookie.secure", "cookie.httponly", "cookie.samesite.invalid",
                              "cookie.session_in_url", "info.version", "info.security_txt", "info.robots_hints"}) {
    EXPECT_TRUE(rules.contains(expected)) << expected;
  }
  EXPECT_TRUE(outcome->is_complete);
  EXPECT_EQ(outcome->pinned_address, "127.0.0.1");
  EXPECT_EQ(outcome->requests_sent, 3);
  EXPECT_EQ(outcome->coverage.size(), select_checks(Profile::passive, {}).value().size());
  EXPECT_EQ(row_of(*outcome, "tls.absent").state, CheckState::not_applicable);
  EXPECT_TRUE(std::ranges::is_sorted(outcome->detections, std::ranges::greater{}, &Detection::severity));
  for (const Detection& detection : outcome->detections) {
    for (const Evidence& proof : detection.evidence) EXPECT_EQ(proof.value.find("secret-value"), std::string::npos);
  }
}

TEST_F(EngineTest, AHardenedSiteHasNothingAboveInfo) {
  constexpr int kTls12 = 0x0303;
  const auto certificate = testing::make_self_signed({});
  HttpImposter plain;
  HttpImposter secure(
      testing::ImposterTls{.chain = {certificate.certificate}, .key = certificate.key, .min_version = kTls12});
  plain.answer("/", {.status = 308, .headers = {{"Location", secure.url()}}});
  secure.answer("/", html("<p>hello</p>", {{"Content-Security-Policy",
                                            "default-src 'self'; object-src 'none'; base-uri 'none'; "
                                            "frame-ancestors 'none'"},
                                           {"X-Content-Type-Options", "nosniff"},
                                           {"Referrer-Policy", "no-referrer"},
                                           {"Set-Cookie", "__Host-sid=x; Path=/; Secure; HttpOnly; SameSite=Strict"},
                                           {"Cache-Control", "no-store"}}));
  ScanPlan plan = plan_for(secure.url(), Profile::quick);
  plan.companion_port = plain.port();

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome) << outcome.error().message;
  for (const Detection& detection : outcome->detections) {
    EXPECT_EQ(to_string(detection.severity), "info") << detection.rule_id << " " << detection.detail;
  }
  EXPECT_TRUE(outcome->is_complete);
  EXPECT_EQ(row_of(*outcome, "tls.tls10").state, CheckState::ran) << row_of(*outcome, "tls.tls10").reason;
  EXPECT_EQ(row_of(*outcome, "redir.no_https").state, CheckState::ran);
  EXPECT_TRUE(rules_of(*outcome).contains("cert.untrusted")) << "self-signed, info on loopback";
}

TEST_F(EngineTest, TheObserverHearsPhasesChecksAndProgressInOrder) {
  HttpImposter site;
  site.answer("/", html("hello"));

  const auto outcome = run(plan_for(site.url()));

  ASSERT_TRUE(outcome);
  EXPECT_EQ(seen.phases, (std::vector<std::string>{"resolve", "http", "https", "tls", "checks"}));
  EXPECT_EQ(seen.rows.size(), outcome->coverage.size());
  EXPECT_EQ(seen.findings, static_cast<int>(outcome->detections.size()));
  EXPECT_TRUE(std::ranges::is_sorted(seen.progress, {}, &ScanProgress::percent));
  EXPECT_EQ(seen.progress.back().percent, 100);
  EXPECT_EQ(seen.progress.back().checks_done, seen.progress.back().checks_total);
  EXPECT_EQ(seen.progress.back().requests_sent, outcome->requests_sent);
}

TEST_F(EngineTest, SaysWhoItIs) {
  HttpImposter site;
  site.answer("/", html("hello"));

  ASSERT_TRUE(run(plan_for(site.url())));

  for (const auto& request : site.requests()) {
    EXPECT_EQ(request.header("User-Agent"), "Weir/9.9 (+https://weir.example/docs; scan scn_test)");
    EXPECT_EQ(request.method, "GET");
  }
}

TEST_F(EngineTest, AsksOnlyWhatTheSelectedChecksNeed) {
  HttpImposter site;
  site.answer("/", html("hello"));
  ScanPlan plan = plan_for(site.url(), Profile::custom);
  plan.checks = {"hdr.csp.missing"};

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->coverage.size(), 1U);
  EXPECT_EQ(site.requests().size(), 1U);
}

TEST_F(EngineTest, ARedirectToTheMetadataAddressIsRecordedAndNeverDialled) {
  HttpImposter site;
  resolver.table = {{"app.test", "127.0.0.1"}, {"inner.test", "169.254.169.254"}};
  site.answer("/", redirect_to("http://inner.test/latest/meta-data/"));
  ScanPlan plan = plan_for(site.url("/", "app.test"));
  plan.scope_hosts = {"inner.test"};
  const auto begin = steady_clock::now();

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds{4}) << "a dial would have waited for its timeout";
  EXPECT_FALSE(outcome->is_complete);
  EXPECT_EQ(outcome->requests_sent, 3) << "the entry and two files; the hop was not sent";
  const CoverageRow& row = row_of(*outcome, "hdr.csp.missing");
  EXPECT_EQ(row.state, CheckState::skipped);
  EXPECT_NE(row.reason.find("inner.test"), std::string::npos) << row.reason;
}

TEST_F(EngineTest, ARedirectOutOfScopeIsRecordedAndNotFetched) {
  HttpImposter site;
  HttpImposter other;
  resolver.table = {{"app.test", "127.0.0.1"}, {"other.test", "127.0.0.1"}};
  site.answer("/", redirect_to(other.url("/", "other.test")));

  const auto outcome = run(plan_for(site.url("/", "app.test")));

  ASSERT_TRUE(outcome);
  EXPECT_EQ(other.connections(), 0);
  EXPECT_TRUE(rules_of(*outcome).contains("redir.first_hop_http"));
  EXPECT_EQ(row_of(*outcome, "hdr.csp.missing").state, CheckState::not_applicable);
}

TEST_F(EngineTest, FollowsRedirectsToHostsInScope) {
  HttpImposter site;
  resolver.table = {{"app.test", "127.0.0.1"}, {"www.app.test", "127.0.0.1"}};
  site.answer("/", redirect_to(site.url("/home", "www.app.test")));
  site.answer("/home", html("hello"));
  ScanPlan plan = plan_for(site.url("/", "app.test"));
  plan.scope_hosts = {"www.app.test"};

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(row_of(*outcome, "hdr.csp.missing").state, CheckState::ran);
}

TEST_F(EngineTest, StopsAtALoopAndAfterTenRedirects) {
  HttpImposter loop;
  loop.answer("/", redirect_to("/a"));
  loop.answer("/a", redirect_to("/"));
  HttpImposter endless;
  endless.answer_otherwise([](const testing::RecordedRequest& request) { return redirect_to(request.target + "x"); });

  const auto looped = run(plan_for(loop.url()));
  const auto ended = run(plan_for(endless.url()));

  ASSERT_TRUE(looped);
  EXPECT_TRUE(rules_of(*looped).contains("redir.loop"));
  ASSERT_TRUE(ended);
  EXPECT_TRUE(rules_of(*ended).contains("redir.loop"));
}

TEST_F(EngineTest, AForbiddenEntryIsAnError) {
  HttpImposter site;
  const egress::AddressPolicy strict{egress::PolicySettings{}};
  const ScanEngine guarded(strict, resolver, clock, "9.9", "https://weir.example/docs");

  const auto outcome = guarded.run(plan_for(site.url()), seen, {});

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(site.connections(), 0);
}

TEST_F(EngineTest, ANameWithoutAnAddressIsUnavailable) {
  const auto outcome = run(plan_for("http://nowhere.test/"));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::unavailable);
}

TEST_F(EngineTest, AnUnreachableTargetIsUnavailable) {
  std::string url;
  {
    const HttpImposter gone;
    url = gone.url();
  }

  const auto outcome = run(plan_for(url));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::unavailable);
  EXPECT_NE(outcome.error().message.find(url.substr(0, url.size() - 1)), std::string::npos) << outcome.error().message;
}

TEST_F(EngineTest, ASpentBudgetMakesThePartialOutcomeHonest) {
  HttpImposter site;
  site.answer("/", redirect_to("/home"));
  site.answer("/home", html("hello"));
  ScanPlan plan = plan_for(site.url());
  plan.budget.http_requests_max = 1;

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_FALSE(outcome->is_complete);
  EXPECT_EQ(outcome->requests_sent, 1);
  EXPECT_EQ(site.requests().size(), 1U);
  EXPECT_EQ(row_of(*outcome, "hdr.csp.missing").state, CheckState::skipped);
  EXPECT_NE(row_of(*outcome, "hdr.csp.missing").reason.find("budget"), std::string::npos);
}

TEST_F(EngineTest, ASpentConnectionBudgetSkipsTheVersions) {
  const auto site = HttpImposter::with_tls();
  site->answer("/", html("hello"));
  ScanPlan plan = plan_for(site->url(), Profile::quick);
  plan.budget.tcp_connects_max = 1;

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome);
  EXPECT_EQ(row_of(*outcome, "tls.tls10").state, CheckState::skipped);
  EXPECT_EQ(row_of(*outcome, "cert.expired").state, CheckState::ran);
}

TEST_F(EngineTest, GivesUpAfterConnectionErrorsInARow) {
  HttpImposter site;
  site.answer("/", redirect_to("/gone"));
  site.answer_otherwise(
      [](const testing::RecordedRequest&) { return ImposterAnswer{.failure = ImposterAnswer::Failure::reset}; });
  ScanPlan plan = plan_for(site.url());
  plan.budget.connect_errors_max = 1;

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->requests_sent, 2);
  EXPECT_EQ(row_of(*outcome, "info.security_txt").state, CheckState::error);
  EXPECT_NE(row_of(*outcome, "info.security_txt").reason.find("in a row"), std::string::npos);
}

TEST_F(EngineTest, WaitsWhenTheTargetAsksForIt) {
  HttpImposter site;
  site.answer_in_turn("/", {{.status = 503, .headers = {{"Retry-After", "1"}}}, html("hello")});
  const auto begin = steady_clock::now();

  const auto outcome = run(plan_for(site.url()));

  ASSERT_TRUE(outcome);
  EXPECT_GE(steady_clock::now() - begin, milliseconds{1'000});
  EXPECT_EQ(row_of(*outcome, "hdr.csp.missing").state, CheckState::ran);
}

TEST_F(EngineTest, ATargetThatAlwaysSaysLaterIsNotAskedForEver) {
  HttpImposter site;
  site.answer_otherwise([](const testing::RecordedRequest&) {
    return ImposterAnswer{.status = 429, .headers = {{"Retry-After", "0"}}};
  });

  const auto outcome = run(plan_for(site.url()));

  ASSERT_TRUE(outcome);
  EXPECT_LE(outcome->requests_sent, 6);
}

TEST_F(EngineTest, ACancelInMidRequestEndsTheScan) {
  HttpImposter site;
  site.answer("/", {.failure = ImposterAnswer::Failure::hang});
  std::stop_source source;
  std::atomic<std::int64_t> stopped_at{0};
  std::jthread canceller([&] {
    static_cast<void>(site.wait_for_requests(1));
    stopped_at = steady_clock::now().time_since_epoch().count();
    source.request_stop();
  });

  const auto outcome = run(plan_for(site.url()), source.get_token());

  const auto took = steady_clock::now() - steady_clock::time_point(steady_clock::duration(stopped_at.load()));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
  EXPECT_LT(took, milliseconds{300});
}

TEST_F(EngineTest, ACancelInABackoffEndsTheScan) {
  HttpImposter site;
  site.answer_otherwise([](const testing::RecordedRequest&) {
    return ImposterAnswer{.status = 429, .headers = {{"Retry-After", "25"}}};
  });
  std::stop_source source;
  std::jthread canceller([&] {
    static_cast<void>(site.wait_for_requests(1));
    source.request_stop();
  });
  const auto begin = steady_clock::now();

  const auto outcome = run(plan_for(site.url()), source.get_token());

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds{5});
}

TEST_F(EngineTest, NothingOnTheHttpsPortIsNoTls) {
  HttpImposter plain;
  plain.answer("/", html("hello"));
  ScanPlan plan = plan_for(plain.url());
  plan.companion_port = HttpImposter().port();  // closed again at once

  const auto outcome = run(plan);

  ASSERT_TRUE(outcome);
  const auto found = std::ranges::find(outcome->detections, "tls.absent", &Detection::rule_id);
  ASSERT_NE(found, outcome->detections.end());
  EXPECT_EQ(found->severity, Severity::info);
  EXPECT_EQ(row_of(*outcome, "cert.expired").state, CheckState::not_applicable);
}

TEST_F(EngineTest, AnUnknownCheckIsRefusedBeforeAnyConnection) {
  HttpImposter site;
  ScanPlan plan = plan_for(site.url());
  plan.checks = {"no.such"};

  const auto outcome = run(plan);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::validation_failed);
  EXPECT_EQ(site.connections(), 0);
}

}  // namespace
}  // namespace weir::tools::scans
