#include "jobs/job_runner.h"

#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "jobs/job.h"
#include "jobs/running_job.h"

namespace weir::jobs {
namespace {

using std::chrono::milliseconds;

// The longest wait of an idle runner: a wall clock that is set back must not keep a due job waiting for longer.
constexpr milliseconds kIdleWaitMax{30'000};
// The same if other nodes use the queue: they add jobs and cancel running ones without a word to this process.
constexpr milliseconds kSharedWaitMax{1'000};
// After a failure of the database, or for a job that cannot be run now; long enough not to fill the log.
constexpr milliseconds kRetryDelay{5'000};

std::string process_owner(IdGenerator& ids) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + "/" + std::to_string(::getpid()) + "/" + ids.make("own");
}

class DatabaseJobRunner final : public JobRunner {
 public:
  DatabaseJobRunner(const JobRunnerSettings& settings, store::Database& database, const Clock& clock, IdGenerator& ids,
                    std::map<std::string, JobHandler> kinds)
      : settings_(settings),
        database_(database),
        clock_(clock),
        ids_(ids),
        kinds_(std::move(kinds)),
        is_shared_(settings.queue == JobRunnerSettings::Queue::shared),
        idle_wait_max_(is_shared_ ? kSharedWaitMax : kIdleWaitMax),
        owner_(process_owner(ids)) {}
  DatabaseJobRunner(const DatabaseJobRunner&) = delete;
  DatabaseJobRunner& operator=(const DatabaseJobRunner&) = delete;
  ~DatabaseJobRunner() override { stop(); }

  void start() override;
  Result<std::string> enqueue(store::Transaction& transaction, store::JobRow job) override;
  Result<void> cancel(store::Transaction& transaction, std::string_view resource_id) override;
  Result<void> make_due(store::Transaction& transaction, std::string_view kind, std::string_view account_id,
                        std::int64_t places) override;
  void stop() override;
  [[nodiscard]] std::size_t running() const override {
    const std::lock_guard lock(mutex_);
    return running_.size();
  }

 private:
  using Running = std::shared_ptr<RunningJob>;

  void run(const std::stop_token& stop, const std::string& kind, const JobHandler& handler);
  std::optional<UnixMillis> next_due(std::string_view kind);
  Result<Running> claim(std::string_view kind);
  void work(const Running& job, const JobHandler& handler);
  void enter(const Running& job);
  void leave(const Running& job);
  JobOutcome call(RunningJob& job, const JobHandler& handler);
  JobOutcome give_up(RunningJob& job, const JobHandler& handler);
  void settle(const RunningJob& job, const JobOutcome& outcome);

  void keep(const std::stop_token& stop);
  void renew_all(const std::vector<Running>& jobs);
  void apply_orders(const std::vector<Running>& jobs);

  void wake();
  [[nodiscard]] std::vector<Running> running_jobs() const;

  const JobRunnerSettings settings_;
  store::Database& database_;
  const Clock& clock_;
  IdGenerator& ids_;
  const std::map<std::string, JobHandler> kinds_;
  const bool is_shared_;
  const milliseconds idle_wait_max_;
  const std::string owner_;

  std::atomic<std::uint64_t> claims_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;  // a job was added, claimed, ended, or everything stops
  std::uint64_t generation_ = 0;         // guarded by mutex_: counts wake()
  bool is_stopping_ = false;             // guarded by mutex_
  std::vector<Running> running_;         // guarded by mutex_

  std::vector<std::jthread> threads_;
};

void DatabaseJobRunner::start() {
  if (settings_.queue == JobRunnerSettings::Queue::alone) {
    const auto taken = database_.write_for(
        [&](store::Transaction& transaction) { return store::end_all_leases(transaction, clock_.now()); });
    if (!taken) {
      log::error("jobs.cannot_take_up", {{"cause", taken.error().cause}});
    } else if (*taken > 0) {
      log::warning("jobs.taken_up", {{"count", *taken}});
    }
  }
  for (const auto& [kind, handler] : kinds_) {
    const unsigned runners = handler.runners.value_or(settings_.runners);
    for (unsigned i = 0; i < runners; ++i) {
      threads_.emplace_back([this, &kind, &handler](const std::stop_token& stop) {
        // 15 characters at most: weir-job-scan, weir-job-run.
        ::pthread_setname_np(::pthread_self(), ("weir-job-" + kind).substr(0, 15).c_str());
        run(stop, kind, handler);
      });
    }
  }
  threads_.emplace_back([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "weir-leases");
    keep(stop);
  });
}

Result<std::string> DatabaseJobRunner::enqueue(store::Transaction& transaction, store::JobRow job) {
  CHECK(kinds_.contains(job.kind), "a job of a kind that nobody runs");
  if (job.id.empty()) job.id = ids_.make("job");
  if (job.created_at == UnixMillis{}) job.created_at = clock_.now();
  if (job.due_at == UnixMillis{}) job.due_at = job.created_at;
  if (auto inserted = store::insert_job(transaction, job); !inserted) return std::move(inserted).error();
  transaction.on_commit([this] { wake(); });
  return job.id;
}

Result<void> DatabaseJobRunner::cancel(store::Transaction& transaction, std::string_view resource_id) {
  if (auto requested = store::request_cancel(transaction, resource_id); !requested) return requested;
  transaction.on_commit([this, resource = std::string(resource_id)] {
    for (const auto& job : running_jobs()) {
      if (job->job().resource_id == resource) job->request_stop(StopReason::cancelled);
    }
    wake();  // a queued one is due now
  });
  return {};
}

Result<void> DatabaseJobRunner::make_due(store::Transaction& transaction, std::string_view kind,
                                         std::string_view account_id, std::int64_t places) {
  auto made = store::make_jobs_due(transaction, kind, account_id, clock_.now(), places);
  if (!made) return std::move(made).error();
  if (*made > 0) transaction.on_commit([this] { wake(); });
  return {};
}

void DatabaseJobRunner::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_stopping_, true)) return;
  }
  for (std::jthread& thread : threads_) thread.request_stop();
  for (const auto& job : running_jobs()) job->request_stop(StopReason::shutdown);
  std::unique_lock lock(mutex_);
  changed_.notify_all();
  if (changed_.wait_for(lock, settings_.stop_timeout, [this] { return running_.empty(); })) {
    lock.unlock();
    threads_.clear();
    return;
  }
  for (const auto& job : running_) {
    log::error("jobs.does_not_stop", {{"job", job->job().id}, {"resource", job->job().resource_id}});
  }
}

void DatabaseJobRunner::wake() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  changed_.notify_all();
}

std::vector<std::shared_ptr<RunningJob>> DatabaseJobRunner::running_jobs() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

// One of the runners of a kind. Each kind has its own, because work of one may wait for work of another.
void DatabaseJobRunner::run(const std::stop_token& stop, const std::string& kind, const JobHandler& handler) {
  while (!stop.stop_requested()) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      seen = generation_;
    }
    auto due = next_due(kind);
    if (due && *due <= clock_.now()) {
      auto job = claim(kind);
      if (job && *job) work(*job, handler);
      if (job) continue;  // if somebody else was faster, what is due next has changed
      due = clock_.now() + kRetryDelay;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, wait_until_due(due, clock_.now(), idle_wait_max_),
                      [&] { return generation_ != seen; });
  }
}

// A database that cannot be read is asked again after kRetryDelay.
std::optional<UnixMillis> DatabaseJobRunner::next_due(std::string_view kind) {
  auto due =
      database_.read_for([&](store::Transaction& transaction) { return store::next_job_due(transaction, kind); });
  if (due) return *due;
  log::warning("jobs.unreadable", {{"cause", due.error().cause}});
  return clock_.now() + kRetryDelay;
}

// Null if there was nothing to claim.
Result<std::shared_ptr<RunningJob>> DatabaseJobRunner::claim(std::string_view kind) {
  // Each claim has an owner of its own, so that a runner that lost its lease to its neighbour cannot write either.
  const std::string owner = owner_ + "/" + std::to_string(++claims_);
  auto claimed = database_.write_for([&](store::Transaction& transaction) {
    const UnixMillis now = clock_.now();
    return store::claim_job(transaction,
                            {.kind = kind, .owner = owner, .now = now, .lease_until = now + settings_.lease});
  });
  if (!claimed) {
    log::warning("jobs.cannot_claim", {{"cause", claimed.error().cause}});
    return std::move(claimed).error();
  }
  if (!*claimed) return Running();
  return std::make_shared<RunningJob>(database_, clock_, std::move(**claimed), settings_.lease);
}

void DatabaseJobRunner::work(const Running& job, const JobHandler& handler) {
  enter(job);
  settle(*job, call(*job, handler));
  leave(job);
}

// Puts the job where cancellations and the lease keeper find it.
void DatabaseJobRunner::enter(const Running& job) {
  bool is_stopping = false;
  {
    const std::lock_guard lock(mutex_);
    running_.push_back(job);
    is_stopping = is_stopping_;
  }
  if (is_stopping) job->request_stop(StopReason::shutdown);
  // A cancellation that committed after the claim and before the lines above found nobody to tell.
  apply_orders({job});
  wake();  // the keeper looks at its deadline
}

void DatabaseJobRunner::leave(const Running& job) {
  const std::lock_guard lock(mutex_);
  std::erase(running_, job);
  ++generation_;  // it may be due again, sooner than what others wait for
  changed_.notify_all();
}

JobOutcome DatabaseJobRunner::call(RunningJob& job, const JobHandler& handler) {
  if (is_given_up(job.job(), settings_.attempts_max)) return give_up(job, handler);
  try {
    return handler.run(job);
  } catch (const std::exception& error) {
    log::error("jobs.failed", {{"job", job.job().id}, {"cause", error.what()}});
    return give_up(job, handler);
  }
}

JobOutcome DatabaseJobRunner::give_up(RunningJob& job, const JobHandler& handler) {
  log::error("jobs.given_up", {{"job", job.job().id}, {"resource", job.job().resource_id}, {"lost", job.job().lost}});
  try {
    handler.give_up(job);
    return {};
  } catch (const std::exception& error) {
    // The resource has no stated end yet: it is tried again, slowly.
    log::error("jobs.cannot_give_up", {{"job", job.job().id}, {"cause", error.what()}});
    return {.kind = JobOutcome::Kind::retry, .delay = kIdleWaitMax};
  }
}

void DatabaseJobRunner::settle(const RunningJob& job, const JobOutcome& outcome) {
  if (job.stop_reason() == StopReason::lease_lost) return;  // another one's now
  const bool is_retry = outcome.kind == JobOutcome::Kind::retry;
  // Work that a shutdown interrupts goes on as soon as somebody is there.
  const milliseconds delay = job.stop_reason() == StopReason::shutdown ? milliseconds{0} : outcome.delay;
  auto settled = database_.write_for([&](store::Transaction& transaction) {
    const store::JobRow& row = job.job();
    return is_retry ? store::release_job(transaction, row.id, row.lease_owner, clock_.now() + delay)
                    : store::finish_job(transaction, row.id, row.lease_owner);
  });
  // Without a word of ours the lease ends by itself and the job is taken up again.
  if (!settled) log::error("jobs.cannot_settle", {{"job", job.job().id}, {"cause", settled.error().cause}});
}

// The lease keeper: renews at a third of the lease, so that two failures in a row lose nothing, and tells work that its
// deadline has come.
void DatabaseJobRunner::keep(const std::stop_token& stop) {
  const milliseconds interval = std::max(settings_.lease / 3, milliseconds{1});
  auto next_renewal = clock_.steady_now() + interval;
  auto next_orders = clock_.steady_now() + kSharedWaitMax;
  while (!stop.stop_requested()) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      seen = generation_;
    }
    const std::vector<Running> jobs = running_jobs();
    if (clock_.steady_now() >= next_renewal) {
      if (!jobs.empty()) {
        renew_all(jobs);
        apply_orders(jobs);
      }
      next_renewal = clock_.steady_now() + interval;
    }
    if (is_shared_ && clock_.steady_now() >= next_orders) {
      if (!jobs.empty()) apply_orders(jobs);
      next_orders = clock_.steady_now() + kSharedWaitMax;
    }
    const UnixMillis now = clock_.now();
    const auto next = is_shared_ ? std::min(next_renewal, next_orders) : next_renewal;
    milliseconds wait = std::chrono::ceil<milliseconds>(next - clock_.steady_now());
    for (const Running& job : jobs) {
      if (job->stop_token().stop_requested()) continue;
      if (now >= job->job().deadline_at) job->request_stop(StopReason::deadline);
      wait = wait_until_due(job->job().deadline_at, now, wait);
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, std::max(wait, milliseconds{0}), [&] { return generation_ != seen; });
  }
}

void DatabaseJobRunner::renew_all(const std::vector<Running>& jobs) {
  const auto renewed = database_.write([&](store::Transaction& transaction) -> Result<void> {
    for (const Running& job : jobs) {
      if (auto is_ours = job->renew(transaction); !is_ours) return std::move(is_ours).error();
    }
    return {};
  });
  if (renewed) return;
  log::warning("jobs.cannot_renew", {{"cause", renewed.error().cause}});
  for (const Running& job : jobs) {
    if (!job->has_lease()) job->request_stop(StopReason::lease_lost);
  }
}

// What the database says about running jobs: a cancellation may have come from another process.
void DatabaseJobRunner::apply_orders(const std::vector<Running>& jobs) {
  const auto read = database_.read([&](store::Transaction& transaction) -> Result<void> {
    for (const Running& job : jobs) {
      auto stored = store::job_by_id(transaction, job->job().id);
      if (!stored) return std::move(stored).error();
      if (!*stored) continue;
      const StopReason reason = stop_reason_at(**stored, clock_.now());
      if (reason != StopReason::none) job->request_stop(reason);
    }
    return {};
  });
  if (!read) log::warning("jobs.unreadable", {{"cause", read.error().cause}});
}

}  // namespace

std::unique_ptr<JobRunner> JobRunner::create(const JobRunnerSettings& settings, store::Database& database,
                                             const Clock& clock, IdGenerator& ids,
                                             std::map<std::string, JobHandler> kinds) {
  return std::make_unique<DatabaseJobRunner>(settings, database, clock, ids, std::move(kinds));
}

}  // namespace weir::jobs
