#include "tools/runs/run_cancel.h"

#include <array>

#include "tools/lookup.h"
#include "tools/runs/run_ending.h"
#include "tools/runs/run_parts.h"
#include "tools/runs/run_record.h"

namespace weir::tools::runs {
namespace {

constexpr std::array<std::string_view, 2> kExpiring = {"queued", "requires_action"};

RunParts parts_of(const Services& services) {
  return {services.database, services.events, services.jobs,  services.ids,
          services.random,   services.clock,  services.tiers, *services.runs};
}

bool is_overdue(const store::RunRow& run, UnixMillis now) {
  return (run.status == "queued" || run.status == "requires_action") && run.deadline_at <= now;
}

// Whether nobody is executing it. A run that had begun waits in the queue again after a restart, or for a moment after a
// failure; on a server that executes none, for as long as it is so.
Result<bool> is_idle_run(store::Transaction& transaction, const store::RunRow& run) {
  if (run.status != "running") return true;
  auto job = store::job_of_resource(transaction, run.id);
  if (!job) return std::move(job).error();
  return *job && (*job)->state == "queued";
}

// Nobody is executing it.
Result<void> end_idle_run(const Services& services, store::Transaction& transaction, const store::RunRow& run,
                          std::string status, std::string code, std::string message) {
  // A job that is queued for it finds it ended.
  if (auto asked = services.jobs.cancel(transaction, run.id); !asked) return asked;
  RunEnding ending{
      .status = std::move(status), .code = std::move(code), .message = std::move(message), .output = run.output};
  return store_ending(parts_of(services), transaction, run, std::move(ending),
                      std::chrono::milliseconds{run.active_ms});
}

Result<void> expire(const Services& services, store::Transaction& transaction, const store::RunRow& run) {
  const std::string until = to_rfc3339(run.deadline_at);
  if (run.status == "queued") {
    return end_idle_run(services, transaction, run, "expired", "queue_time_over",
                        "The run waited for its turn until " + until +
                            " and was given up. Start it again with replay_run when fewer runs wait.");
  }
  return end_idle_run(services, transaction, run, "expired", "approval_expired",
                      "Nobody had decided about its tool calls by " + until + ". Start it again with replay_run.");
}

}  // namespace

Result<store::RunRow> cancel_run(const Services& services, const CallContext& context, std::string_view run_id,
                                 store::Transaction& transaction) {
  Result<store::RunRow> run = find_run(transaction, context, run_id);
  if (!run) return run;
  if (run->status == "cancelled" || run->status == "cancelling") return run;
  if (store::is_terminal_run_status(run->status)) {
    return Error(ErrorCode::conflict, "Run " + run->id + " cannot be cancelled: it is " + run->status + " already.");
  }
  const std::string message = "Cancelled by key " + context.caller->key_name + ".";
  auto is_idle = is_idle_run(transaction, *run);
  if (!is_idle) return std::move(is_idle).error();
  if (*is_idle) {
    if (auto ended = end_idle_run(services, transaction, *run, "cancelled", "cancelled", message); !ended)
      return std::move(ended).error();
    return store::run_for_job(transaction, run->id);
  }
  run->status = "cancelling";
  run->error_code = "cancelled";
  run->error_message = message;
  run->updated_at = services.clock.now();
  if (auto stored = store::update_run(transaction, *run, {"running"}); !stored) return std::move(stored).error();
  if (auto asked = services.jobs.cancel(transaction, run->id); !asked) return std::move(asked).error();
  Json data = run_event(*run);
  data["message"] = message;
  if (auto told = tell_of_run(services.events, transaction, *run, "run.cancelling", std::move(data)); !told) {
    return std::move(told).error();
  }
  return run;
}

Result<std::int64_t> expire_overdue_runs(const Services& services) {
  const UnixMillis now = services.clock.now();
  std::int64_t expired = 0;
  for (const std::string_view status : kExpiring) {
    auto overdue = services.database.read_for([&](store::Transaction& transaction) {
      return store::overdue_runs(transaction, status, now, kExpiredAtOnceMax);
    });
    if (!overdue) return std::move(overdue).error();
    if (overdue->empty()) continue;
    auto done = services.database.write([&](store::Transaction& transaction) -> Result<void> {
      for (const store::RunRow& seen : *overdue) {
        // It may have been started or decided about meanwhile.
        auto run = store::run_for_job(transaction, seen.id);
        if (!run) return std::move(run).error();
        if (!is_overdue(*run, now)) continue;
        if (auto ended = expire(services, transaction, *run); !ended) return ended;
        ++expired;
      }
      return {};
    });
    if (!done) return std::move(done).error();
  }
  return expired;
}

Result<void> expire_if_overdue(const Services& services, const CallContext& context, std::string_view run_id) {
  auto seen = services.database.read_for(
      [&](store::Transaction& transaction) { return find_run(transaction, context, run_id); });
  if (!seen) return std::move(seen).error();
  if (!is_overdue(*seen, services.clock.now())) return {};
  return services.database.write([&](store::Transaction& transaction) -> Result<void> {
    auto run = store::run_for_job(transaction, seen->id);
    if (!run) return std::move(run).error();
    if (!is_overdue(*run, services.clock.now())) return {};
    return expire(services, transaction, *run);
  });
}

}  // namespace weir::tools::runs
