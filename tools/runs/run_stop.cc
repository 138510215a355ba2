#include "tools/runs/run_stop.h"

namespace weir::tools::runs {
namespace {

RunStopReason reason_of(jobs::StopReason reason) {
  switch (reason) {
    case jobs::StopReason::none: break;
    case jobs::StopReason::cancelled: return RunStopReason::cancelled;
    case jobs::StopReason::deadline: return RunStopReason::deadline;
    case jobs::StopReason::lease_lost: return RunStopReason::lease_lost;
    case jobs::StopReason::shutdown: return RunStopReason::shutdown;
  }
  return RunStopReason::none;
}

}  // namespace

RunStop::RunStop(const jobs::JobContext& job)
    : job_(job), forward_(job.stop_token(), [this] { source_.request_stop(); }) {}

void RunStop::request(RunStopReason reason, std::string message) {
  order_.with([&](Order& order) {
    if (order.reason == RunStopReason::none) order = {reason, std::move(message)};
  });
  source_.request_stop();
}

RunStopReason RunStop::reason() const {
  const RunStopReason of_job = reason_of(job_.stop_reason());
  if (of_job == RunStopReason::lease_lost) return of_job;
  const RunStopReason own = order_.with([](const Order& order) { return order.reason; });
  return own != RunStopReason::none ? own : of_job;
}

std::string RunStop::message() const {
  return order_.with([](const Order& order) { return order.message; });
}

}  // namespace weir::tools::runs
