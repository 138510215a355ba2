#include "tools/runs/run_watch.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "store/accounts_store.h"
#include "store/agents_store.h"

namespace weir::tools::runs {
namespace {

std::string key_problem(const store::ApiKeyRow& key, UnixMillis now) {
  const std::string named = "The API key \"" + printable(key.name) + "\" that this run belongs to ";
  if (key.revoked_at)
    return named + "was revoked on " + to_rfc3339(*key.revoked_at) + ". Start the run with another key.";
  if (key.expires_at && *key.expires_at <= now) {
    return named + "expired on " + to_rfc3339(*key.expires_at) + ". Start the run with another key.";
  }
  return "";
}

}  // namespace

Scopes owner_scopes(const std::vector<std::string>& of_key, const store::RunRow& run) {
  std::vector<std::string> names = of_key;
  if (const Json* granted = find_member(run.snapshot, "owner_scopes");
      names.empty() && granted != nullptr && granted->is_array()) {
    for (const Json& name : *granted) {
      if (name.is_string()) names.push_back(name.get<std::string>());
    }
  }
  auto scopes = Scopes::parse(names);
  // A scope that a newer version granted: the run keeps none rather than a guess.
  return scopes ? *scopes : Scopes();
}

Result<Standing> standing_of(store::Transaction& transaction, const store::RunRow& run, UnixMillis now) {
  auto owner = store::key_with_account(transaction, run.created_by_key);
  if (!owner && owner.error().code == ErrorCode::not_found) {
    return Standing{.stop = RunStopReason::key_revoked,
                    .message = "The API key that this run belongs to is gone. Start the run with another key.",
                    .scopes = {},
                    .tier = ""};
  }
  if (!owner) return std::move(owner).error();
  Standing standing{.stop = RunStopReason::none,
                    .message = key_problem(owner->key, now),
                    .scopes = owner_scopes(owner->key.scopes, run),
                    .tier = owner->account.tier};
  if (!standing.message.empty()) {
    standing.stop = RunStopReason::key_revoked;
    return standing;
  }
  auto agent = store::agent_for_job(transaction, run.agent_id);
  if (!agent) return std::move(agent).error();
  if (!agent->is_enabled) {
    standing.stop = RunStopReason::agent_disabled;
    standing.message = "The agent " + agent->slug +
                       " was disabled, which stops its runs. Enable it with update_agent, then "
                       "replay the run.";
  }
  return standing;
}

RunWatch::RunWatch(store::Database& database, const Clock& clock, store::RunRow run, Standing standing,
                   std::chrono::steady_clock::time_point deadline, RunStop& stop)
    : database_(database),
      clock_(clock),
      run_(std::move(run)),
      deadline_(deadline),
      stop_(stop),
      scopes_(std::in_place, standing.scopes),
      thread_([this](const std::stop_token& ending) {
        ::pthread_setname_np(::pthread_self(), "weir-run-watch");
        keep_watch(ending);
      }) {}

void RunWatch::keep_watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !stop_.is_requested()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock_.steady_now());
    if (left.count() <= 0) {
      return stop_.request(RunStopReason::deadline,
                           "The run's time is over: limits.wall_s is how long it may take. Waiting "
                           "for people does not count.");
    }
    changed_.wait_for(lock, stop, std::min<std::chrono::milliseconds>(left, kInterval), [] { return false; });
    if (!stop.stop_requested()) look();
  }
}

void RunWatch::look() {
  const auto standing =
      database_.read_for([&](store::Transaction& transaction) { return standing_of(transaction, run_, clock_.now()); });
  if (!standing) {
    // A call that is made meanwhile asks the gate.
    return log::warning("run.standing_unreadable", {{"run", run_.id}, {"cause", standing.error().cause}});
  }
  scopes_.with([&](Scopes& scopes) { scopes = standing->scopes; });
  if (standing->stop != RunStopReason::none) stop_.request(standing->stop, standing->message);
}

}  // namespace weir::tools::runs
