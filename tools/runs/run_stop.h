// Why a run must stop before its engine has come to an end: what its job says (a cancellation, a shutdown, a lost lease), or
// what only a run knows (its time, its owner's key, its agent).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/guarded.h"
#include "jobs/job_context.h"

namespace weir::tools::runs {

enum class RunStopReason : std::uint8_t {
  none,
  cancelled,
  deadline,
  shutdown,
  lease_lost,
  key_revoked,
  agent_disabled,
  records_failed,  // the database could not be written: the run is taken up again later
};

// The first reason counts, except that a lost lease overrides all. Thread-safe.
class RunStop {
 public:
  // The job must outlive the object.
  explicit RunStop(const jobs::JobContext& job);
  RunStop(const RunStop&) = delete;
  RunStop& operator=(const RunStop&) = delete;

  // `message` is for people: what happened and what to do.
  void request(RunStopReason reason, std::string message = "");
  [[nodiscard]] bool is_requested() const { return source_.stop_requested(); }
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] RunStopReason reason() const;
  [[nodiscard]] std::string message() const;

 private:
  struct Order {
    RunStopReason reason = RunStopReason::none;
    std::string message;
  };

  const jobs::JobContext& job_;
  std::stop_source source_;
  Guarded<Order> order_;
  std::stop_callback<std::function<void()>> forward_;  // last: uses what is above
};

}  // namespace weir::tools::runs
