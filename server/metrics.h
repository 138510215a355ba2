// What the server counts about itself, and the text in which Prometheus reads it (exposition format 0.0.4). Labels come
// from closed sets (tiers, route patterns, statuses), so that no caller can make the text grow.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "limits/quota.h"

namespace weir::server {

// A value under its labels, ready for the text: `status="queued"`, or "" for none. Not thread-safe: a value.
struct Sample {
  std::string labels{};
  double value = 0;
  std::string_view suffix{};  // of the name, in histograms: _bucket, _sum, _count
};

// Counters are spread over shards by processor, so that counting is one add to a line that is rarely another
// processor's. Reading adds the shards up: numbers of one text may differ by the calls that ran meanwhile.
// Thread-safe once every route and reading is added.
class Metrics {
 public:
  enum class Kind : std::uint8_t { counter, gauge, histogram };
  enum class Outcome : std::uint8_t { admitted, refused, failed };
  using Route = std::size_t;

  // Requests that reached no route: a path that does not exist, a request that is none.
  static constexpr Route kNoRoute = 0;

  // One label for each of `tiers`; other tiers count as "other".
  explicit Metrics(std::vector<std::string> tiers);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Before the first request. The same pattern is the same route; beyond kRoutesMax patterns they are kNoRoute.
  Route add_route(std::string_view method, std::string_view pattern);
  // A number that is asked for when the text is made, under `name`. Before the first text().
  void add_reading(std::string name, Kind kind, std::string help, std::function<std::vector<Sample>()> read);

  // Never block.
  void count_decision(std::string_view tier, Outcome outcome, std::chrono::nanoseconds took);
  void count_request(Route route, int status);

  // Blocks for what the readings ask (the database).
  [[nodiscard]] std::string text() const;
  static constexpr std::string_view kMediaType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Shard;
  struct Reading {
    std::string name;
    Kind kind = Kind::gauge;
    std::string help;
    std::function<std::vector<Sample>()> read;
  };
  struct RouteLabels {
    std::string method;
    std::string pattern;
  };
  static constexpr std::size_t kShards = 8;

  [[nodiscard]] Shard& shard() const;
  template <typename Field>
  [[nodiscard]] std::uint64_t sum(Field field) const;
  void write_decisions(std::string& out) const;
  void write_latency(std::string& out) const;
  void write_requests(std::string& out) const;

  const std::vector<std::string> tiers_;  // the last one is "other"
  std::vector<RouteLabels> routes_;
  std::vector<Reading> readings_;
  const std::unique_ptr<Shard[]> shards_;
};

// `name="value"` with the escapes of the format.
std::string metric_label(std::string_view name, std::string_view value);

}  // namespace weir::server
