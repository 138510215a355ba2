#include "tools/runs/run_job.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "store/jobs_store.h"
#include "tools/runs/call_record.h"
#include "tools/runs/database_run_session.h"
#include "tools/runs/run_ending.h"
#include "tools/runs/run_record.h"
#include "tools/runs/run_usage.h"

namespace weir::tools::runs {
namespace {

using jobs::JobContext;
using jobs::JobOutcome;
using std::chrono::milliseconds;

// An engine that asks again for what a person has decided meanwhile is run again; each time one decision at least is new.
constexpr int kTakeUpsMax = 100;

// What the first transaction found. Not thread-safe: a value.
struct Beginning {
  enum class Kind : std::uint8_t { nothing, busy, ready } kind = Kind::nothing;
  store::RunRow run;
  agents::AgentDefinition agent;
  Standing standing;
};

std::string code_of(RunStopReason reason) {
  switch (reason) {
    case RunStopReason::key_revoked: return "key_revoked";
    case RunStopReason::agent_disabled: return "agent_disabled";
    case RunStopReason::deadline: return "timeout";
    default: return "internal";
  }
}

// One claim of a run's job. Not thread-safe: owned by the runner's thread.
class RunExecution {
 public:
  RunExecution(const RunParts& parts, JobContext& context) : parts_(parts), context_(context) {}

  JobOutcome execute(const Engines& engines) {
    Result<Beginning> begun = Error(ErrorCode::internal, "");
    const Result<void> written = context_.write([&](store::Transaction& transaction) -> Result<void> {
      begun = begin(transaction);
      if (!begun) return begun.error();
      return {};
    });
    if (!written) return not_written(written.error());
    switch (begun->kind) {
      case Beginning::Kind::nothing: return {};
      case Beginning::Kind::busy: return {.kind = JobOutcome::Kind::retry, .delay = kPlaceDelay};
      case Beginning::Kind::ready: break;
    }
    const auto engine = engines.find(begun->agent.kind);
    if (engine == engines.end()) {
      return end({.status = "failed",
                  .code = "unavailable",
                  .message = "This server runs no agents of kind " + std::string(to_string(begun->agent.kind)) + ".",
                  .output = {}},
                 milliseconds{begun->run.active_ms});
    }
    return work(*std::move(begun), engine->second);
  }

  void give_up() {
    const JobOutcome ended =
        end({.status = "failed",
             .code = std::string(kServerRestarted),
             .message = "The server was restarted " + std::to_string(context_.attempt()) +
                        " times while this run was executed, so it was given up. Start it again with replay_run.",
             .output = {}},
            std::nullopt);
    // The runner tries it again later: a run must not be left without an end.
    if (ended.kind == JobOutcome::Kind::retry) throw std::runtime_error("the end of the run could not be written");
  }

 private:
  static JobOutcome retry(milliseconds delay) { return {.kind = JobOutcome::Kind::retry, .delay = delay}; }

  // A conflict means that the job is another process's now: nothing is left to do here.
  JobOutcome not_written(const Error& error) const {
    log::warning("run.write_failed",
                 {{"run", context_.job().resource_id}, {"message", error.message}, {"cause", error.cause}});
    if (error.code == ErrorCode::conflict || error.code == ErrorCode::not_found) return {};
    return retry(kRunRetryDelay);
  }

  Result<Beginning> begin(store::Transaction& transaction) {
    auto run = store::run_for_job(transaction, context_.job().resource_id);
    if (!run) return std::move(run).error();
    // A run that waits for a person gets another job when it goes on.
    if (store::is_terminal_run_status(run->status) || run->status == "requires_action") return Beginning{};
    const milliseconds active{run->active_ms};
    const auto ended = [&](RunEnding ending) -> Result<Beginning> {
      if (auto stored = store_ending(parts_, transaction, *run, std::move(ending), active); !stored) {
        return std::move(stored).error();
      }
      return Beginning{};
    };
    const UnixMillis now = parts_.clock.now();
    if (run->status == "cancelling")
      return ended({.status = "cancelled", .code = "cancelled", .message = "", .output = {}});
    if (run->status == "queued" && !run->started_at && run->deadline_at <= now) {
      return ended({.status = "expired",
                    .code = "queue_time_over",
                    .message = "The run waited for its turn until " + to_rfc3339(run->deadline_at) +
                               " and was given up. Start it again with replay_run when fewer runs wait.",
                    .output = {}});
    }
    auto standing = standing_of(transaction, *run, now);
    if (!standing) return std::move(standing).error();
    if (standing->stop != RunStopReason::none) {
      return ended({.status = "failed", .code = code_of(standing->stop), .message = standing->message, .output = {}});
    }
    const Json* const definition = find_member(run->snapshot, "definition");
    auto agent = agents::read_definition(definition == nullptr ? Json() : *definition);
    if (!agent) return ended({.status = "failed", .code = "internal", .message = agent.error().message, .output = {}});
    if (run->status == "queued") {
      auto is_free = has_place(transaction, *run, standing->tier, now);
      if (!is_free) return std::move(is_free).error();
      if (!*is_free) return Beginning{.kind = Beginning::Kind::busy, .run = {}, .agent = {}, .standing = {}};
    }
    return started(transaction, *std::move(run), *std::move(agent), *std::move(standing));
  }

  // The tier says how many runs of an account are executed at once; the others wait in the queue.
  Result<bool> has_place(store::Transaction& transaction, const store::RunRow& run, const std::string& tier_name,
                         UnixMillis now) const {
    const limits::Tier* const tier = parts_.tiers.find(tier_name);
    if (tier != nullptr && tier->is_unlimited) return true;
    const std::size_t at_once = tier == nullptr ? 1 : std::max<std::size_t>(tier->concurrent_runs, 1);
    auto leases = store::leases_of(transaction, store::kRunLeases, run.account_id, now);
    if (!leases) return std::move(leases).error();
    return leases->size() < at_once;
  }

  Result<Beginning> started(store::Transaction& transaction, store::RunRow run, agents::AgentDefinition agent,
                            Standing standing) {
    const UnixMillis now = parts_.clock.now();
    const std::string before = run.status;
    const bool is_resumed = run.started_at.has_value();
    run.status = "running";
    if (!is_resumed) {
      run.started_at = now;
      if (run.previous_run_id) {
        // What the run goes on from may hold text that others wrote.
        auto previous = store::run_by_id(transaction, run.account_id, *run.previous_run_id);
        if (!previous && previous.error().code != ErrorCode::not_found) return std::move(previous).error();
        if (previous && previous->is_tainted) run.is_tainted = true;
      }
    }
    run.usage = usage_from(run.usage);
    run.required_action = nullptr;
    run.updated_at = now;
    const auto wall = wall_of(run, agent);
    run.deadline_at = now + std::max(wall - milliseconds{run.active_ms}, milliseconds{0});
    if (auto stored = store::update_run(transaction, run, {before}); !stored) return std::move(stored).error();

    Json data = run_event(run);
    if (is_resumed) {
      const bool was_running = before == "running";
      data["reason"] = was_running ? "server_restarted" : "approval";
      data["attempt"] = context_.attempt();
      data["message"] = was_running ? "The server was restarted; the run goes on after the last step that has ended."
                                    : "The calls that waited for a person were decided; the run goes on.";
    }
    auto told =
        tell_of_run(parts_.events, transaction, run, is_resumed ? "run.resumed" : "run.started", std::move(data));
    if (!told) return std::move(told).error();
    return Beginning{.kind = Beginning::Kind::ready,
                     .run = std::move(run),
                     .agent = std::move(agent),
                     .standing = std::move(standing)};
  }

  milliseconds wall_of(const store::RunRow& run, const agents::AgentDefinition& agent) const {
    auto narrowed = run.limits.is_object() && !run.limits.empty()
                        ? agents::narrowed_limits(agent.limits, run.limits, "limits")
                        : Result<agents::RunLimits>(agent.limits);
    const std::chrono::seconds wall = narrowed ? narrowed->wall : agent.limits.wall;
    return std::min(wall, parts_.runs.settings.wall_max);
  }

  JobOutcome work(Beginning begun, const Engine& engine) {
    RunStop stop(context_);
    const milliseconds left = wall_of(begun.run, begun.agent) - milliseconds{begun.run.active_ms};
    const auto deadline = parts_.clock.steady_now() + left;
    RunRecord record(parts_, context_, stop, begun.run, std::move(begun.agent));
    const RunWatch watch(parts_.database, parts_.clock, begun.run, std::move(begun.standing), deadline, stop);
    for (int i = 0; i < kTakeUpsMax; ++i) {
      Result<EngineOutcome> outcome = run_engine(engine, record, stop, watch);
      if (!outcome) return interrupted(record, stop);
      if (outcome->kind == EngineOutcome::Kind::stopped) return stopped(record, stop);
      if (outcome->kind != EngineOutcome::Kind::requires_action) {
        return end(ending_of(*outcome, record.agent().output_schema), record.active_time());
      }
      auto held = hold(record);
      if (!held) return interrupted(record, stop);
      if (*held) return {};
    }
    return end(
        {.status = "failed", .code = "internal", .message = "The run asked for approval without end.", .output = {}},
        record.active_time());
  }

  Result<EngineOutcome> run_engine(const Engine& engine, RunRecord& record, RunStop& stop, const RunWatch& watch) {
    DatabaseRunSession session(parts_, record, stop, watch);
    if (auto loaded = session.load(); !loaded) {
      stop.request(RunStopReason::records_failed, loaded.error().message);
      return std::move(loaded).error();
    }
    try {
      Result<EngineOutcome> outcome = engine(session);
      // The end of a run is written after all that came before it, or not yet.
      if (auto flushed = record.flush(); !flushed) return std::move(flushed).error();
      return outcome;
    } catch (const std::exception& error) {
      log::error("run.engine_failed", {{"run", record.row().id}, {"cause", error.what()}});
      return EngineOutcome{.kind = EngineOutcome::Kind::failed,
                           .output = {},
                           .code = "internal",
                           .message = "The run could not be executed; the server's log says why."};
    }
  }

  // The run waits for people from here on, without a job. False if they have decided already: then it goes on.
  Result<bool> hold(RunRecord& record) {
    bool is_held = false;
    const milliseconds ttl = record.limits().approval_ttl;
    auto written = record.write([&](store::Transaction& transaction) -> Result<void> {
      auto calls = store::tool_calls_of(transaction, record.row().id);
      if (!calls) return std::move(calls).error();
      Json ids = Json::array();
      for (const store::ToolCallRow& call : *calls) {
        if (state_of(call) == CallState::awaiting) ids.push_back(call.id);
      }
      if (ids.empty()) return {};
      is_held = true;
      store::RunRow now;
      auto changed = record.change(transaction, [&](store::RunRow& run) {
        // A cancellation that came meanwhile is written by end(), which the caller comes to when the engine runs again.
        if (run.status != "running") {
          is_held = false;
          return;
        }
        run.status = "requires_action";
        run.deadline_at = parts_.clock.now() + ttl;
        run.required_action = {
            {"type", "approval"}, {"tool_call_ids", ids}, {"expires_at", to_rfc3339(run.deadline_at)}};
        set_wall(run.usage, record.active_time());
        now = run;
      });
      if (!changed || !is_held) return changed;
      // An approval makes another job: were this one left, two would execute the run.
      auto finished = store::finish_job(transaction, context_.job().id, context_.job().lease_owner);
      if (!finished) return std::move(finished).error();
      // The place is free for others meanwhile.
      if (auto woken = parts_.jobs.make_due(transaction, kRunJobKind, now.account_id); !woken) return woken;
      Json data = run_event(now);
      data["required_action"] = now.required_action;
      data["usage"] = now.usage;
      record.tell("run.requires_action", std::move(data));
      return {};
    });
    if (!written) return std::move(written).error();
    return is_held;
  }

  // The engine ended early, because the run must stop.
  JobOutcome stopped(RunRecord& record, const RunStop& stop) {
    const RunStopReason reason = stop.reason();
    switch (reason) {
      case RunStopReason::lease_lost:
      case RunStopReason::shutdown:
      case RunStopReason::records_failed: return interrupted(record, stop);
      case RunStopReason::cancelled:
        return end({.status = "cancelled", .code = "cancelled", .message = "Cancelled.", .output = {}},
                   record.active_time());
      case RunStopReason::none:
        return end({.status = "failed", .code = "internal", .message = "The run ended without a reason.", .output = {}},
                   record.active_time());
      default: break;
    }
    std::string message = stop.message();
    if (message.empty()) message = "The run's time is over.";
    return end({.status = "failed", .code = code_of(reason), .message = std::move(message), .output = {}},
               record.active_time());
  }

  // The run is taken up again, here or elsewhere, after what is recorded.
  JobOutcome interrupted(RunRecord& record, const RunStop& stop) {
    if (stop.reason() == RunStopReason::lease_lost) return {};
    if (stop.reason() != RunStopReason::shutdown) {
      // What trying again does not cure must end, too.
      if (context_.stop_reason() != jobs::StopReason::deadline) return retry(kRunRetryDelay);
      return end({.status = "failed",
                  .code = "timeout",
                  .message = "The run could not be recorded until its time was over; the server's log says why.",
                  .output = {}},
                 record.active_time());
    }
    // What has been worked counts, though the time until somebody takes it up does not.
    const auto written = record.write(
        [&](store::Transaction& transaction) { return record.change(transaction, [](store::RunRow&) {}); });
    if (!written) log::warning("run.active_time_lost", {{"run", record.row().id}});
    return retry(milliseconds{0});
  }

  // Without `active`: what was stored of it.
  JobOutcome end(RunEnding ending, std::optional<milliseconds> active) {
    const Result<void> written = context_.write([&](store::Transaction& transaction) -> Result<void> {
      auto run = store::run_for_job(transaction, context_.job().resource_id);
      if (!run) return std::move(run).error();
      const milliseconds worked = active.value_or(milliseconds{run->active_ms});
      return store_ending(parts_, transaction, *std::move(run), ending, worked);
    });
    return written ? JobOutcome{} : not_written(written.error());
  }

  const RunParts& parts_;
  JobContext& context_;
};

}  // namespace

JobOutcome execute_run_job(const RunParts& parts, const Engines& engines, JobContext& context) {
  return RunExecution(parts, context).execute(engines);
}

void give_up_run_job(const RunParts& parts, JobContext& context) { RunExecution(parts, context).give_up(); }

}  // namespace weir::tools::runs
