#include "tools/runs/run_record.h"

#include <utility>

#include "base/log.h"

namespace weir::tools::runs {
namespace {

// The stored limits are ours; should they ever be unreadable, the agent's own hold.
agents::RunLimits limits_of(const store::RunRow& run, const agents::AgentDefinition& agent) {
  if (!run.limits.is_object() || run.limits.empty()) return agent.limits;
  auto narrowed = agents::narrowed_limits(agent.limits, run.limits, "limits");
  if (narrowed) return *narrowed;
  log::error("run.limits_unreadable", {{"run", run.id}, {"message", narrowed.error().message}});
  return agent.limits;
}

}  // namespace

Json run_event(const store::RunRow& run) {
  return {{"status", run.status},
          {"agent_id", run.agent_id},
          {"agent", string_or(run.snapshot, "slug", "")},
          {"version", run.agent_version}};
}

Result<void> tell_of_run(streaming::EventLog& events, store::Transaction& transaction, const store::RunRow& run,
                         std::string type, Json data) {
  const auto event = events.append(transaction, {.account_id = run.account_id,
                                                 .resource_type = "run",
                                                 .resource_id = run.id,
                                                 .type = std::move(type),
                                                 .data = std::move(data)});
  if (!event) return event.error();
  return {};
}

RunRecord::RunRecord(const RunParts& parts, jobs::JobContext& job, RunStop& stop, store::RunRow run,
                     agents::AgentDefinition agent)
    : parts_(parts),
      job_(job),
      stop_(stop),
      row_(std::move(run)),
      agent_(std::move(agent)),
      limits_(limits_of(row_, agent_)),
      active_before_(row_.active_ms),
      began_(parts.clock.steady_now()) {}

Result<void> RunRecord::write(const std::function<Result<void>(store::Transaction&)>& body) {
  // Taken first: whatever comes of it, nothing is written twice. After a failure the run is taken up again, and its engine
  // comes to the same once more.
  const auto deferred = std::exchange(deferred_, {});
  const bool is_use_changed = std::exchange(is_use_changed_, false);
  told_.clear();
  Result<void> written = job_.write([&](store::Transaction& transaction) -> Result<void> {
    for (const auto& earlier : deferred) {
      if (auto done = earlier(transaction); !done) return done;
    }
    if (is_use_changed) {
      if (auto done = write_use(transaction); !done) return done;
    }
    if (auto done = body(transaction); !done) return done;
    return parts_.events.append_all(transaction, std::exchange(told_, {}));
  });
  if (written) return written;
  log::warning("run.write_failed",
               {{"run", row_.id}, {"message", written.error().message}, {"cause", written.error().cause}});
  stop_.request(RunStopReason::records_failed, written.error().message);
  return written;
}

Result<void> RunRecord::write_use(store::Transaction& transaction) {
  return store::update_run_use(transaction, row_.id,
                               {.usage = row_.usage,
                                .is_tainted = row_.is_tainted,
                                .active_ms = active_time().count(),
                                .updated_at = parts_.clock.now()});
}

Result<void> RunRecord::write_event(std::string type, Json data) {
  return write([&](store::Transaction&) {
    tell(std::move(type), std::move(data));
    return Result<void>();
  });
}

Result<void> RunRecord::flush() {
  if (deferred_.empty() && !is_use_changed_) return {};
  return write([](store::Transaction&) { return Result<void>(); });
}

void RunRecord::tell(std::string type, Json data) {
  told_.push_back({.account_id = row_.account_id,
                   .resource_type = "run",
                   .resource_id = row_.id,
                   .type = std::move(type),
                   .data = std::move(data)});
}

void RunRecord::change_use(const std::function<void(store::RunRow&)>& edit) {
  edit(row_);
  is_use_changed_ = true;
}

Result<void> RunRecord::change(store::Transaction& transaction, const std::function<void(store::RunRow&)>& edit) {
  auto stored = store::run_for_job(transaction, row_.id);
  if (!stored) return std::move(stored).error();
  if (store::is_terminal_run_status(stored->status)) {
    return Error(ErrorCode::conflict, "The run " + row_.id + " is " + stored->status + " already.");
  }
  const std::string before = stored->status;
  edit(*stored);
  stored->active_ms = active_time().count();
  stored->updated_at = parts_.clock.now();
  if (auto updated = store::update_run(transaction, *stored, {before}); !updated) return updated;
  transaction.on_commit([this, now = *std::move(stored)] { row_ = now; });
  return {};
}

std::chrono::milliseconds RunRecord::active_time() const {
  return active_before_ + std::chrono::duration_cast<std::chrono::milliseconds>(parts_.clock.steady_now() - began_);
}

}  // namespace weir::tools::runs
