#include "server/metrics.h"

#include <sched.h>

#include <algorithm>
#include <charconv>

namespace weir::server {
namespace {

using std::chrono::nanoseconds;

// The configuration may hold any number of tiers; beyond this many they are counted together.
constexpr std::size_t kTiersMax = 32;
constexpr std::size_t kRoutesMax = 128;
constexpr std::string_view kOther = "other";
constexpr std::array<std::string_view, 3> kKinds = {"counter", "gauge", "histogram"};  // in the order of Kind
constexpr std::array<std::string_view, 3> kOutcomes = {"admitted", "refused", "failed"};

// Statuses that this server gives; another counts as the last.
constexpr std::array kStatuses = {200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 402,
                                  403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 417, 421,
                                  422, 425, 428, 429, 431, 500, 501, 502, 503, 504, 505, 0};
constexpr int kStatusEnd = 600;
constexpr auto kStatusIndex = [] {
  std::array<std::uint8_t, kStatusEnd> index{};
  index.fill(static_cast<std::uint8_t>(kStatuses.size() - 1));
  for (std::size_t i = 0; i + 1 < kStatuses.size(); ++i) {
    index[static_cast<std::size_t>(kStatuses[i])] = static_cast<std::uint8_t>(i);
  }
  return index;
}();

// From a decision in memory (0.1 us) to one that Redis did not give in time. The upper ends, as nanoseconds and as the
// format writes them in seconds.
struct Bucket {
  std::int64_t up_to_ns;
  std::string_view label;
};
constexpr std::array kBuckets = {Bucket{250, "2.5e-07"},     Bucket{1'000, "1e-06"},     Bucket{5'000, "5e-06"},
                                 Bucket{25'000, "2.5e-05"},  Bucket{100'000, "0.0001"},  Bucket{250'000, "0.00025"},
                                 Bucket{500'000, "0.0005"},  Bucket{1'000'000, "0.001"}, Bucket{2'500'000, "0.0025"},
                                 Bucket{5'000'000, "0.005"}, Bucket{10'000'000, "0.01"}, Bucket{25'000'000, "0.025"},
                                 Bucket{50'000'000, "0.05"}, Bucket{100'000'000, "0.1"}, Bucket{1'000'000'000, "1"}};

using Counter = std::atomic<std::uint64_t>;

void add(Counter& counter, std::uint64_t amount = 1) { counter.fetch_add(amount, std::memory_order_relaxed); }

std::string number(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::string(text.data(), end) : "NaN";
}

void write_head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void write_sample(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

std::vector<std::string> bounded(std::vector<std::string> tiers) {
  if (tiers.size() > kTiersMax) tiers.resize(kTiersMax);
  tiers.emplace_back(kOther);
  return tiers;
}

}  // namespace

// What the calls of one processor count. Thread-safe: atomics, in any order.
struct alignas(64) Metrics::Shard {
  std::array<std::array<Counter, kOutcomes.size()>, kTiersMax + 1> decisions{};
  std::array<Counter, kBuckets.size() + 1> latency{};  // not cumulative; the last one is +Inf
  Counter latency_ns{0};
  std::array<std::array<Counter, kStatuses.size()>, kRoutesMax> requests{};
};

Metrics::Metrics(std::vector<std::string> tiers)
    : tiers_(bounded(std::move(tiers))),
      routes_{{"", std::string(kOther)}},
      shards_(std::make_unique<Shard[]>(kShards)) {}

Metrics::~Metrics() = default;

Metrics::Route Metrics::add_route(std::string_view method, std::string_view pattern) {
  const auto known = std::ranges::find_if(
      routes_, [&](const RouteLabels& route) { return route.method == method && route.pattern == pattern; });
  if (known != routes_.end()) return static_cast<Route>(known - routes_.begin());
  if (routes_.size() == kRoutesMax) return kNoRoute;
  routes_.push_back({std::string(method), std::string(pattern)});
  return routes_.size() - 1;
}

void Metrics::add_reading(std::string name, Kind kind, std::string help, std::function<std::vector<Sample>()> read) {
  readings_.push_back({std::move(name), kind, std::move(help), std::move(read)});
}

Metrics::Shard& Metrics::shard() const {
  const int processor = sched_getcpu();
  return shards_[processor < 0 ? 0 : static_cast<std::size_t>(processor) % kShards];
}

void Metrics::count_decision(std::string_view tier, Outcome outcome, nanoseconds took) {
  std::size_t index = 0;
  while (index + 1 < tiers_.size() && tiers_[index] != tier) ++index;
  std::size_t bucket = 0;
  while (bucket < kBuckets.size() && took.count() > kBuckets[bucket].up_to_ns) ++bucket;
  Shard& mine = shard();
  add(mine.decisions[index][static_cast<std::size_t>(outcome)]);
  add(mine.latency[bucket]);
  add(mine.latency_ns, static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())));
}

void Metrics::count_request(Route route, int status) {
  const std::size_t index =
      status >= 0 && status < kStatusEnd ? kStatusIndex[static_cast<std::size_t>(status)] : kStatuses.size() - 1;
  add(shard().requests[route][index]);
}

template <typename Field>
std::uint64_t Metrics::sum(Field field) const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kShards; ++i) total += field(shards_[i]).load(std::memory_order_relaxed);
  return total;
}

void Metrics::write_decisions(std::string& out) const {
  constexpr std::string_view kName = "weir_limit_decisions_total";
  write_head(out, kName, "counter", "Decisions of the rate limiter about calls that cost something.");
  for (std::size_t tier = 0; tier < tiers_.size(); ++tier) {
    for (std::size_t outcome = 0; outcome < kOutcomes.size(); ++outcome) {
      const auto count = sum([&](const Shard& each) -> const Counter& { return each.decisions[tier][outcome]; });
      write_sample(out, kName, metric_label("tier", tiers_[tier]) + "," + metric_label("outcome", kOutcomes[outcome]),
                   std::to_string(count));
    }
  }
}

void Metrics::write_latency(std::string& out) const {
  const std::string name = "weir_limit_decision_seconds";
  write_head(out, name, "histogram", "How long a decision of the rate limiter took.");
  std::uint64_t total = 0;
  for (std::size_t bucket = 0; bucket <= kBuckets.size(); ++bucket) {
    total += sum([&](const Shard& each) -> const Counter& { return each.latency[bucket]; });
    const std::string_view label = bucket < kBuckets.size() ? kBuckets[bucket].label : "+Inf";
    write_sample(out, name + "_bucket", metric_label("le", label), std::to_string(total));
  }
  constexpr double kNanosecondsPerSecond = 1e9;
  const auto ns = sum([](const Shard& each) -> const Counter& { return each.latency_ns; });
  write_sample(out, name + "_sum", "", number(static_cast<double>(ns) / kNanosecondsPerSecond));
  write_sample(out, name + "_count", "", std::to_string(total));
}

void Metrics::write_requests(std::string& out) const {
  constexpr std::string_view kName = "weir_http_requests_total";
  write_head(out, kName, "counter", "Requests that were answered, by route pattern and status.");
  for (std::size_t route = 0; route < routes_.size(); ++route) {
    const std::string labels =
        metric_label("method", routes_[route].method) + "," + metric_label("route", routes_[route].pattern) + ",";
    for (std::size_t status = 0; status < kStatuses.size(); ++status) {
      const auto count = sum([&](const Shard& each) -> const Counter& { return each.requests[route][status]; });
      // Most pairs never happen; every route has its 200, so that a rate has a beginning.
      if (count == 0 && (kStatuses[status] != 200 || route == kNoRoute)) continue;
      const std::string name = kStatuses[status] == 0 ? std::string(kOther) : std::to_string(kStatuses[status]);
      write_sample(out, kName, labels + metric_label("status", name), std::to_string(count));
    }
  }
}

std::string Metrics::text() const {
  std::string out;
  write_decisions(out);
  write_latency(out);
  write_requests(out);
  for (const Reading& reading : readings_) {
    write_head(out, reading.name, kKinds[static_cast<std::size_t>(reading.kind)], reading.help);
    for (const Sample& sample : reading.read()) {
      write_sample(out, reading.name + std::string(sample.suffix), sample.labels, number(sample.value));
    }
  }
  return out;
}

std::string metric_label(std::string_view name, std::string_view value) {
  std::string label = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') label += '\\';
    label += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return label + "\"";
}

}  // namespace weir::server
