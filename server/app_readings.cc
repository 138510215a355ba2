#include "server/app_readings.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>

#include "store/jobs_store.h"
#include "store/scans_store.h"

namespace weir::server {
namespace {

using Kind = Metrics::Kind;

std::vector<Sample> one(double value) { return {{.labels = {}, .value = value}}; }
template <typename T>
std::vector<Sample> one_of(T count) {
  return one(static_cast<double>(count));
}

double resident_bytes() {
  // proc(5), statm: pages, the second field is what is resident.
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (folder == nullptr) return 0;
  std::size_t entries = 0;
  while (readdir(folder.get()) != nullptr) ++entries;
  constexpr std::size_t kNotDescriptors = 3;  // ".", ".." and the folder's own
  return static_cast<double>(entries - std::min(entries, kNotDescriptors));
}

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    constexpr double kMicrosecondsPerSecond = 1e6;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / kMicrosecondsPerSecond;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<Sample> scans_by_status(store::Database& database) {
  // Statuses without a scan are shown as well, so that a graph has a beginning.
  std::vector<Sample> samples;
  const auto counts =
      database.read_for([](store::Transaction& transaction) { return store::count_scans_by_status(transaction); });
  if (!counts) return samples;
  for (const std::string_view status :
       {"queued", "running", "cancelling", "completed", "failed", "cancelled", "timed_out"}) {
    const auto found = std::ranges::find(*counts, status, &std::pair<std::string, std::int64_t>::first);
    samples.push_back({.labels = metric_label("status", status),
                       .value = found == counts->end() ? 0.0 : static_cast<double>(found->second)});
  }
  return samples;
}

void add_connection_readings(Metrics& metrics, const http::Server& http) {
  metrics.add_reading("weir_http_connections", Kind::gauge, "Open connections.",
                      [&http] { return one_of(http.stats().connections); });
  metrics.add_reading("weir_http_streams", Kind::gauge, "Open event streams.",
                      [&http] { return one_of(http.stats().streams); });
  metrics.add_reading("weir_http_requests_in_flight", Kind::gauge, "Requests that are not answered yet.",
                      [&http] { return one_of(http.stats().waiting_exchanges); });
  metrics.add_reading("weir_http_posted_work", Kind::gauge, "Continuations that wait for a worker.",
                      [&http] { return one_of(http.stats().posted_work); });
  metrics.add_reading("weir_http_connections_refused_total", Kind::counter, "Connections beyond the limits.",
                      [&http] { return one_of(http.stats().refused_connections); });
  metrics.add_reading("weir_http_slow_readers_closed_total", Kind::counter, "Streams whose reader was too slow.",
                      [&http] { return one_of(http.stats().slow_readers_closed); });
}

void add_limit_readings(Metrics& metrics, const ReadingSources& sources) {
  const LimiterBackend& limiter = sources.limiter;
  const Gate& gate = sources.gate;
  metrics.add_reading("weir_limiter_shared", Kind::gauge,
                      "1 if limits are shared with other servers (redis.url is set).",
                      [&limiter] { return one(limiter.is_shared() ? 1 : 0); });
  metrics.add_reading("weir_limiter_degraded", Kind::gauge,
                      "1 while Redis is away and limits.on_redis_loss decides what happens.",
                      [&limiter] { return one(limiter.is_degraded() ? 1 : 0); });
  metrics.add_reading("weir_limiter_losses_total", Kind::counter, "How often Redis went away.",
                      [&limiter] { return one_of(limiter.losses()); });
  metrics.add_reading("weir_held_calls", Kind::gauge, "Calls that wait for their slot.",
                      [held = sources.held_calls] { return one_of(held ? held() : std::size_t{0}); });
  metrics.add_reading("weir_guarded_addresses", Kind::gauge, "Addresses that sent no valid key lately.",
                      [&gate] { return one_of(gate.guarded_addresses()); });
}

void add_work_readings(Metrics& metrics, store::Database& database, const jobs::JobRunner& jobs) {
  metrics.add_reading("weir_jobs_running", Kind::gauge, "Jobs that run on this server.",
                      [&jobs] { return one_of(jobs.running()); });
  metrics.add_reading("weir_jobs_queued", Kind::gauge, "Jobs that wait for a runner.", [&database] {
    const auto count =
        database.read_for([](store::Transaction& transaction) { return store::count_queued_jobs(transaction); });
    return count ? one_of(*count) : std::vector<Sample>{};
  });
  metrics.add_reading("weir_scans", Kind::gauge, "Scans in the database, by status.",
                      [&database] { return scans_by_status(database); });
}

}  // namespace

void add_readings(Metrics& metrics, const ReadingSources& sources) {
  add_limit_readings(metrics, sources);
  add_connection_readings(metrics, sources.http);
  add_work_readings(metrics, sources.database, sources.jobs);
  metrics.add_reading("weir_build_info", Kind::gauge, "1; the version is the label.", [] {
    return std::vector<Sample>{{.labels = metric_label("version", WEIR_VERSION), .value = 1}};
  });
  const auto begun = std::chrono::steady_clock::now();
  metrics.add_reading("weir_uptime_seconds", Kind::gauge, "Since the start of the process.", [begun] {
    return one(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  });
  metrics.add_reading("process_resident_memory_bytes", Kind::gauge, "Resident memory size in bytes.",
                      [] { return one(resident_bytes()); });
  metrics.add_reading("process_open_fds", Kind::gauge, "Number of open file descriptors.",
                      [] { return one(open_descriptors()); });
  metrics.add_reading("process_cpu_seconds_total", Kind::counter, "Total user and system CPU time spent in seconds.",
                      [] { return one(cpu_seconds()); });
}

}  // namespace weir::server
