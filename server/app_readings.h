// The numbers of /metrics that are asked for rather than counted: what the program's objects say about themselves.
#pragma once
#include <chrono>
#include <functional>

#include "jobs/job_runner.h"
#include "server/gate.h"
#include "server/http/server.h"
#include "server/limiter_backend.h"
#include "server/metrics.h"
#include "store/database.h"

namespace weir::server {

// Who is asked; all outlive the metrics' last text. Not thread-safe: a set of references.
struct ReadingSources {
  const http::Server& http;
  store::Database& database;
  const jobs::JobRunner& jobs;
  const LimiterBackend& limiter;
  const Gate& gate;
  std::function<std::size_t()> held_calls;  // calls that wait for their slot
};

void add_readings(Metrics& metrics, const ReadingSources& sources);

}  // namespace weir::server
