#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace weir::server {
namespace {

using std::chrono::nanoseconds;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, DecisionsAreCountedByTierAndOutcome) {
  Metrics metrics({"free", "pro"});

  metrics.count_decision("free", Metrics::Outcome::admitted, nanoseconds{100});
  metrics.count_decision("free", Metrics::Outcome::refused, nanoseconds{100});
  metrics.count_decision("free", Metrics::Outcome::refused, nanoseconds{100});

  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_limit_decisions_total{tier=\"free\",outcome=\"admitted\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decisions_total{tier=\"free\",outcome=\"refused\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decisions_total{tier=\"pro\",outcome=\"refused\"} 0\n"));
}

TEST(MetricsTest, ATierThatIsNotConfiguredCountsAsOther) {
  Metrics metrics({"free"});

  metrics.count_decision("gone", Metrics::Outcome::failed, nanoseconds{100});

  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_limit_decisions_total{tier=\"other\",outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("gone")));
}

TEST(MetricsTest, TheHistogramIsCumulative) {
  Metrics metrics({});

  metrics.count_decision("", Metrics::Outcome::admitted, nanoseconds{100});
  metrics.count_decision("", Metrics::Outcome::admitted, std::chrono::milliseconds{1});
  metrics.count_decision("", Metrics::Outcome::admitted, std::chrono::seconds{5});

  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_bucket{le=\"2.5e-07\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_bucket{le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_bucket{le=\"0.001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_sum 5.0010001\n"));
  EXPECT_THAT(text, HasSubstr("weir_limit_decision_seconds_count 3\n"));
}

TEST(MetricsTest, RequestsAreCountedByRouteAndStatus) {
  Metrics metrics({});
  const auto route = metrics.add_route("GET", "/v1/scans/{scan_id}");

  metrics.count_request(route, 404);
  metrics.count_request(Metrics::kNoRoute, 400);
  metrics.count_request(route, 299);
  metrics.count_request(route, -1);

  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("{method=\"GET\",route=\"/v1/scans/{scan_id}\",status=\"200\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("{method=\"GET\",route=\"/v1/scans/{scan_id}\",status=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("{method=\"GET\",route=\"/v1/scans/{scan_id}\",status=\"other\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("{method=\"\",route=\"other\",status=\"400\"} 1\n"));
}

TEST(MetricsTest, TheSamePatternIsTheSameRouteAndTheNumberOfRoutesIsBounded) {
  Metrics metrics({});

  EXPECT_EQ(metrics.add_route("GET", "/a"), metrics.add_route("GET", "/a"));
  EXPECT_NE(metrics.add_route("GET", "/a"), metrics.add_route("POST", "/a"));
  for (int i = 0; i < 1'000; ++i) (void)metrics.add_route("GET", "/" + std::to_string(i));
  EXPECT_EQ(metrics.add_route("GET", "/one more"), Metrics::kNoRoute);
}

TEST(MetricsTest, AReadingIsAskedEachTime) {
  Metrics metrics({});
  double value = 1;
  metrics.add_reading("weir_held_calls", Metrics::Kind::gauge, "Held.", [&value] {
    return std::vector<Sample>{{.labels = metric_label("of", "a\"b\\c\nd"), .value = value}};
  });
  EXPECT_THAT(metrics.text(), HasSubstr("# TYPE weir_held_calls gauge\nweir_held_calls{of=\"a\\\"b\\\\c\\nd\"} 1\n"));

  value = 2.5;

  EXPECT_THAT(metrics.text(), HasSubstr("} 2.5\n"));
}

TEST(MetricsTest, NothingIsLostBetweenThreads) {
  constexpr int kCallsEach = 20'000;
  Metrics metrics({"free"});
  const auto route = metrics.add_route("POST", "/mcp");
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int call = 0; call < kCallsEach; ++call) {
          metrics.count_decision("free", Metrics::Outcome::admitted, nanoseconds{100});
          metrics.count_request(route, 200);
        }
      });
    }
  }
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("{tier=\"free\",outcome=\"admitted\"} 80000\n"));
  EXPECT_THAT(text, HasSubstr("{method=\"POST\",route=\"/mcp\",status=\"200\"} 80000\n"));
}

}  // namespace
}  // namespace weir::server
