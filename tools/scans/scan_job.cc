#include "tools/scans/scan_job.h"

#include <exception>
#include <memory>
#include <stdexcept>

#include "base/log.h"
#include "store/scans_store.h"
#include "store/targets_store.h"
#include "tools/scans/finding_diff.h"
#include "tools/scans/scan_observer.h"
#include "tools/scans/scan_request.h"
#include "tools/scans/scan_views.h"
#include "tools/scans/scoring.h"

namespace weir::tools::scans {
namespace {

using jobs::JobContext;
using jobs::JobOutcome;
using jobs::StopReason;

const std::vector<std::string> kUnfinished = {"queued", "running", "cancelling"};

// Why a scan ends without a result. Not thread-safe: a value.
struct Ending {
  std::string status;  // failed, cancelled, timed_out
  std::string code;
  std::string message;
};

// What the first transaction found. Not thread-safe: a value.
struct Beginning {
  bool has_work = false;
  store::ScanRow scan;
  store::TargetRow target;
};

// One claim of a scan job. Not thread-safe: owned by the runner's thread.
class ScanRun {
 public:
  ScanRun(const ScanJobParts& parts, JobContext& context) : parts_(parts), context_(context) {}

  JobOutcome run() {
    Result<Beginning> begun = Error(ErrorCode::internal, "");
    const Result<void> written = context_.write([&](store::Transaction& transaction) -> Result<void> {
      begun = begin(transaction);
      if (!begun) return begun.error();
      return {};
    });
    if (!written) return not_written(written.error());
    if (!begun->has_work) return {};

    Result<ScanOutcome> outcome = scan(*begun);
    switch (context_.stop_reason()) {
      case StopReason::lease_lost: return {};
      case StopReason::shutdown: return {.kind = JobOutcome::Kind::retry, .delay = std::chrono::milliseconds{0}};
      case StopReason::deadline: return end(timed_out());
      case StopReason::cancelled: return end(cancelled());
      case StopReason::none: break;
    }
    if (outcome) return complete(*outcome);
    const Error& error = outcome.error();
    if (!error.cause.empty()) log::warning("scan.failed", {{"scan", begun->scan.id}, {"cause", error.cause}});
    return end({.status = "failed", .code = std::string(to_string(error.code)), .message = error.message});
  }

  // The attempts are used up: the scan took the process with it, or was interrupted too often.
  void give_up() {
    const JobOutcome ended =
        end({.status = "failed",
             .code = "server_restarted",
             .message = "The server was restarted " + std::to_string(context_.attempt()) +
                        " times while this scan ran, so it was given up. Start a new one with create_scan."});
    // The runner tries it again later: a scan must not be left without an end.
    if (ended.kind == JobOutcome::Kind::retry) throw std::runtime_error("the end of the scan could not be written");
  }

 private:
  static JobOutcome retry() { return {.kind = JobOutcome::Kind::retry, .delay = kRetryDelay}; }

  // A conflict means that the job is another process's now: nothing is left to do here.
  JobOutcome not_written(const Error& error) const {
    log::warning("scan.write_failed",
                 {{"scan", context_.job().resource_id}, {"message", error.message}, {"cause", error.cause}});
    if (error.code == ErrorCode::conflict || error.code == ErrorCode::not_found) return {};
    return retry();
  }

  Ending timed_out() const {
    return {.status = "timed_out",
            .code = "timed_out",
            .message = "The scan did not end before its deadline, " + to_rfc3339(context_.job().deadline_at) +
                       ". Choose a smaller profile, or have the operator raise scans.deadline_s."};
  }

  static Ending cancelled() { return {.status = "cancelled", .code = "cancelled", .message = "Cancelled."}; }

  Result<Beginning> begin(store::Transaction& transaction) {
    Result<store::ScanRow> scan = store::scan_for_job(transaction, context_.job().resource_id);
    if (!scan) return std::move(scan).error();
    if (store::is_terminal_scan_status(scan->status)) return Beginning{};
    if (scan->status == "cancelling") return ended_at_once(transaction, std::move(*scan), cancelled());
    Result<store::TargetRow> target = store::target_by_id(transaction, scan->account_id, scan->target_id);
    if (!target && target.error().code == ErrorCode::not_found) {
      return ended_at_once(transaction, std::move(*scan),
                           {.status = "failed", .code = "target_deleted", .message = "The target was deleted."});
    }
    if (!target) return std::move(target).error();

    const bool is_resumed = scan->status == "running" || context_.attempt() > 1;
    const UnixMillis now = parts_.clock.now();
    scan->status = "running";
    if (!scan->started_at) scan->started_at = now;
    scan->progress = {{"phase", "resolve"}, {"checks_total", integer_or(scan->progress, "checks_total", 0)}};
    scan->updated_at = now;
    if (Result<void> stored = store::update_scan(transaction, *scan, {"queued", "running"}); !stored) {
      return std::move(stored).error();
    }
    Json data = {{"target_id", target->id}, {"url", target->url}, {"profile", scan->profile}};
    if (is_resumed) {
      data["reason"] = "server_restarted";
      data["attempt"] = context_.attempt();
      data["message"] =
          "The server was restarted; the scan starts again from its beginning. Its checks only read, so "
          "nothing is done twice.";
    }
    Result<void> told = tell(transaction, *scan, is_resumed ? "scan.resumed" : "scan.started", std::move(data));
    if (!told) return std::move(told).error();
    return Beginning{.has_work = true, .scan = std::move(*scan), .target = std::move(*target)};
  }

  Result<Beginning> ended_at_once(store::Transaction& transaction, store::ScanRow scan, const Ending& ending) {
    if (Result<void> ended = store_ending(transaction, std::move(scan), ending); !ended)
      return std::move(ended).error();
    return Beginning{};
  }

  Result<ScanOutcome> scan(const Beginning& begun) {
    Result<egress::Url> entry = egress::Url::parse(begun.target.url);
    if (!entry) return std::move(entry).error();
    Result<ScanRequest> request = scan_request_of({{"profile", begun.scan.profile}, {"checks", begun.scan.checks}});
    if (!request) return std::move(request).error();
    ScanPlan plan;
    plan.scan_id = begun.scan.id;
    plan.entry = std::move(*entry);
    plan.scope_hosts = begun.target.scope_hosts;
    plan.profile = request->profile;
    plan.checks = request->checks;
    plan.budget = request->budget;
    plan.self = begun.target.is_self ? egress::AddressPolicy::Self::included : egress::AddressPolicy::Self::excluded;
    EventWriter observer(context_, parts_.events, parts_.clock, begun.scan);
    try {
      Result<ScanOutcome> outcome = parts_.run_scan(plan, observer, context_.stop_token());
      last_ = observer.last();
      return outcome;
    } catch (const std::exception& error) {
      return internal_error(error.what());
    }
  }

  JobOutcome complete(const ScanOutcome& outcome) {
    const Result<void> written =
        context_.write([&](store::Transaction& transaction) { return store_outcome(transaction, outcome); });
    return written ? JobOutcome{} : not_written(written.error());
  }

  // Findings, coverage, grade, status and the last events: all of it or nothing.
  Result<void> store_outcome(store::Transaction& transaction, const ScanOutcome& outcome) {
    Result<store::ScanRow> scan = store::scan_for_job(transaction, context_.job().resource_id);
    if (!scan) return std::move(scan).error();
    if (store::is_terminal_scan_status(scan->status)) return {};
    // A cancellation that came while the last check ran still wins: the caller was told so.
    if (scan->status == "cancelling") return store_ending(transaction, std::move(*scan), cancelled());

    const UnixMillis now = parts_.clock.now();
    if (scan->retest_of) {
      scan->baseline_scan_id = scan->retest_of;
    } else {
      auto baseline = store::baseline_of(transaction, *scan);
      if (!baseline) return std::move(baseline).error();
      if (*baseline) scan->baseline_scan_id = (*baseline)->id;
    }
    Result<DiffSummary> diff = apply_outcome(transaction, *scan, outcome, now, parts_.ids);
    if (!diff) return std::move(diff).error();
    std::vector<store::ScanCheckRow> checks;
    for (const CoverageRow& row : outcome.coverage) {
      checks.push_back({.check_id = row.check_id,
                        .state = std::string(to_string(row.state)),
                        .reason = row.reason,
                        .requests = row.requests,
                        .ms = row.ms});
    }
    if (Result<void> stored = store::put_scan_checks(transaction, scan->id, checks); !stored) return stored;

    const Posture posture = posture_of(diff->open_findings, outcome.coverage);
    scan->status = "completed";
    scan->outcome = !outcome.is_complete ? "partial" : diff->open_findings.empty() ? "clean" : "findings";
    scan->counts = diff->counts;
    scan->score = posture.score ? std::optional<std::int64_t>(*posture.score) : std::nullopt;
    scan->grade = posture.grade;
    scan->grade_reason = posture.grade_reason;
    scan->grade_algorithm = std::string(kGradeAlgorithm);
    scan->pinned_ip = outcome.pinned_address;
    const auto checks_count = static_cast<int>(outcome.coverage.size());
    scan->progress = progress_json({.phase = "done",
                                    .checks_total = checks_count,
                                    .checks_done = checks_count,
                                    .requests_sent = outcome.requests_sent,
                                    .findings_so_far = static_cast<int>(outcome.detections.size()),
                                    .percent = 100});
    scan->finished_at = now;
    scan->updated_at = now;
    if (Result<void> stored = store::update_scan(transaction, *scan, {"running"}); !stored) return stored;
    for (streaming::EventDraft& draft : diff->events) {
      if (auto event = parts_.events.append(transaction, std::move(draft)); !event) return std::move(event).error();
    }
    return tell(transaction, *scan, "scan.completed", ended_data(*scan));
  }

  JobOutcome end(const Ending& ending) {
    const Result<void> written = context_.write([&](store::Transaction& transaction) -> Result<void> {
      Result<store::ScanRow> scan = store::scan_for_job(transaction, context_.job().resource_id);
      if (!scan) return std::move(scan).error();
      return store_ending(transaction, std::move(*scan), ending);
    });
    return written ? JobOutcome{} : not_written(written.error());
  }

  Result<void> store_ending(store::Transaction& transaction, store::ScanRow scan, Ending ending) {
    if (store::is_terminal_scan_status(scan.status)) return {};
    const UnixMillis now = parts_.clock.now();
    // cancelling only moves on to cancelled, and keeps the words of whoever cancelled it.
    if (scan.status == "cancelling") ending.status = "cancelled";
    if (ending.status == "cancelled" && scan.error_message) ending.message = *scan.error_message;
    scan.status = ending.status;
    scan.error_code = ending.code;
    scan.error_message = ending.message;
    if (!last_.phase.empty()) scan.progress = progress_json(last_);
    scan.finished_at = now;
    scan.updated_at = now;
    if (Result<void> stored = store::update_scan(transaction, scan, kUnfinished); !stored) return stored;
    return tell(transaction, scan, "scan." + scan.status, ended_data(scan));
  }

  // What a subscriber wants to know without asking again.
  static Json ended_data(const store::ScanRow& scan) {
    Json data = scan_json(scan);
    Json kept = Json::object();
    for (const char* name : {"status", "outcome", "counts", "score", "grade", "grade_reason", "error", "target_id",
                             "finished_at", "duration_ms"}) {
      kept[name] = data[name];
    }
    if (scan.error_message) kept["message"] = *scan.error_message;
    return kept;
  }

  Result<void> tell(store::Transaction& transaction, const store::ScanRow& scan, std::string type, Json data) {
    const auto event = parts_.events.append(transaction, {.account_id = scan.account_id,
                                                          .resource_type = "scan",
                                                          .resource_id = scan.id,
                                                          .type = std::move(type),
                                                          .data = std::move(data)});
    if (!event) return event.error();
    return {};
  }

  const ScanJobParts& parts_;
  JobContext& context_;
  ScanProgress last_;
};

}  // namespace

namespace {

ScanJobParts parts_of(const Services& services) {
  return {.events = services.events,
          .ids = services.ids,
          .clock = services.clock,
          .run_scan = [&services](const ScanPlan& plan, ScanObserver& observer, std::stop_token stop) {
            const ScanEngine engine(services.address_policy, services.resolver, services.clock,
                                    services.settings.version, services.settings.docs_url);
            return engine.run(plan, observer, std::move(stop));
          }};
}

}  // namespace

jobs::JobOutcome run_scan_job(const Services& services, jobs::JobContext& context) {
  const ScanJobParts parts = parts_of(services);
  return ScanRun(parts, context).run();
}

void give_up_scan_job(const Services& services, jobs::JobContext& context) {
  const ScanJobParts parts = parts_of(services);
  ScanRun(parts, context).give_up();
}

jobs::JobHandler scan_job_handler(ScanJobParts parts) {
  // Shared by the two functions, which the runner may copy; the last of them lets go.
  const auto shared = std::make_shared<const ScanJobParts>(std::move(parts));
  return {
      .run = [shared](JobContext& context) { return ScanRun(*shared, context).run(); },
      .give_up = [shared](JobContext& context) { ScanRun(*shared, context).give_up(); },
  };
}

}  // namespace weir::tools::scans
