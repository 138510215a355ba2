// One run in a real database, its session or its job, with tools and a job that a test commands. Not thread-safe: owned by
// one test.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/hmac.h"
#include "jobs/job_runner.h"
#include "store/accounts_store.h"
#include "store/agents_store.h"
#include "store/audit_store.h"
#include "store/runs_store.h"
#include "store/targets_store.h"
#include "streaming/event_hub.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_random.h"
#include "tests/support/postgres_process.h"
#include "tests/support/temp_dir.h"
#include "tools/runs/call_record.h"
#include "tools/runs/database_run_session.h"
#include "tools/runs/run_job.h"

namespace weir::tools::runs {

using End = CallOutcome::End;

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
}

// Thread-safe once filled.
class LabDirectory final : public ToolDirectory {
 public:
  CallableTool& add(const std::string& name, Annotations annotations = {.is_read_only = true, .is_idempotent = true}) {
    CallableTool tool;
    tool.name = name;
    tool.annotations = annotations;
    tool.is_repeatable = annotations.is_read_only || annotations.is_idempotent;
    tool.input_schema = {{"type", "object"}};
    tools_.push_back(std::move(tool));
    return tools_.back();
  }
  [[nodiscard]] std::vector<CallableTool> all() const override { return tools_; }
  [[nodiscard]] std::optional<CallableTool> find(std::string_view name) const override {
    for (const CallableTool& tool : tools_) {
      if (tool.name == name) return tool;
    }
    return std::nullopt;
  }

 private:
  std::vector<CallableTool> tools_;
};

// Answers as a test says, and remembers what it was asked. Thread-safe.
class LabCaller final : public ToolCaller {
 public:
  using Answer = std::function<void(const ToolInvocation&, const Callbacks&)>;
  void answers(const std::string& tool, Answer answer) { answers_[tool] = std::move(answer); }
  // The same, each time one of `results` in turn, the last one for ever.
  void answers_in_turn(const std::string& tool, std::vector<Result<ToolResult>> results) {
    auto left = std::make_shared<std::vector<Result<ToolResult>>>(std::move(results));
    answers_[tool] = [left](const ToolInvocation&, const Callbacks& callbacks) {
      Result<ToolResult> next = left->front();
      if (left->size() > 1) left->erase(left->begin());
      if (callbacks.admitted) callbacks.admitted();
      callbacks.done(std::move(next));
    };
  }
  std::shared_ptr<PendingCall> call(const ToolInvocation& invocation, Callbacks callbacks) override {
    made_.push_back(invocation);
    under_way_.insert_or_assign(invocation.tool_call_id, callbacks);
    const auto found = answers_.find(invocation.name);
    if (found != answers_.end()) {
      found->second(invocation, callbacks);
    } else {
      if (callbacks.admitted) callbacks.admitted();
      callbacks.done(
          ToolResult{.structured = {{"of", invocation.name}}, .summary = "Done.", .document = {}, .waiting = {}});
    }
    return nullptr;
  }
  // An answer that never comes, until a test gives it with callbacks_of().
  static void never(const ToolInvocation&, const Callbacks& callbacks) { callbacks.admitted(); }

  [[nodiscard]] const std::vector<ToolInvocation>& made() const { return made_; }
  [[nodiscard]] std::size_t count(std::string_view tool) const {
    std::size_t count = 0;
    for (const ToolInvocation& each : made_) count += each.name == tool ? 1 : 0;
    return count;
  }
  [[nodiscard]] const Callbacks& callbacks_of(const std::string& tool_call_id) const {
    return under_way_.at(tool_call_id);
  }

 private:
  std::map<std::string, Answer> answers_;
  std::vector<ToolInvocation> made_;
  std::map<std::string, Callbacks> under_way_;
};

// Thread-safe.
class NoProviders final : public models::ModelProviders {
 public:
  [[nodiscard]] std::vector<Info> list() const override { return {}; }
  Result<std::unique_ptr<models::ModelProvider>> open(std::string_view) const override {
    return Error(ErrorCode::not_found, "none");
  }
  [[nodiscard]] std::optional<std::int64_t> cost_microusd(std::string_view, std::string_view,
                                                          const models::ModelUsage&) const override {
    return std::nullopt;
  }
};

// The job of a run, stopped by the test. Thread-safe.
class LabJob final : public jobs::JobContext {
 public:
  LabJob(store::Database& database, const std::string& run_id) : database_(database) { job_.resource_id = run_id; }
  [[nodiscard]] const store::JobRow& job() const override { return job_; }
  [[nodiscard]] std::int64_t attempt() const override { return 1; }
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.get_token(); }
  [[nodiscard]] jobs::StopReason stop_reason() const override { return reason_; }
  Result<void> write(const std::function<Result<void>(store::Transaction&)>& body) override {
    if (is_dead_) return Error(ErrorCode::unavailable, "the process is gone");
    return database_.write(body);
  }
  void stop(jobs::StopReason reason) {
    reason_ = reason;
    stop_.request_stop();
  }
  // From now on nothing is written, as after kill -9.
  void die() { is_dead_ = true; }

 private:
  store::Database& database_;
  store::JobRow job_;
  std::atomic<jobs::StopReason> reason_ = jobs::StopReason::none;
  std::atomic<bool> is_dead_ = false;
  std::stop_source stop_;
};

class RunLab : public ::testing::Test {
 protected:
  RunLab() {
    database_ = must(store::Database::open(testing::on_backend({.path = (folder_.path() / "weir.db").string()})));
    hub_ = streaming::EventHub::create();
    events_ = must(streaming::EventLog::open(*database_, *hub_, clock_));
    const jobs::JobHandler idle{.run = [](jobs::JobContext&) { return jobs::JobOutcome{}; },
                                .give_up = [](jobs::JobContext&) {}};
    jobs_ = jobs::JobRunner::create({}, *database_, clock_, ids_, {{"run", idle}});
    directory_.add("get_scan");
    directory_.add("list_findings").is_tainting = true;
    CallableTool& scan = directory_.add("create_scan", {.is_read_only = false, .is_open_world = true});
    scan.is_repeatable = true;
    scan.takes_client_token = true;
    scan.scope = Scope::scans_run;
    directory_.add("bump", {.is_read_only = false});
    must(database_->write([&](store::Transaction& t) -> Result<void> {
      store::AccountRow account{.id = "acc_1", .name = "alice", .tier = "pro", .limit_override = {}};
      if (auto done = store::insert_account(t, account); !done) return done;
      store::ApiKeyRow key{.id = "key_1",
                           .account_id = "acc_1",
                           .name = "ci",
                           .prefix = "wk_ab",
                           .hash = "h1",
                           .scopes = {"read", "write"},
                           .limit_override = {},
                           .expires_at = {},
                           .last_used_at = {},
                           .revoked_at = {},
                           .created_by_key = "",
                           .created_at = clock_.now()};
      return store::insert_key(t, key, clock_.now());
    }));
  }
  ~RunLab() override {
    if (jobs_) jobs_->stop();
  }

  // A playbook whose only step is of a tool that nobody calls, so that everything is granted by name.
  static agents::AgentDefinition agent_of(agents::AgentKind kind, std::vector<agents::ToolGrant> grants = {}) {
    agents::AgentDefinition agent;
    agent.kind = kind;
    agent.tools = std::move(grants);
    for (const char* name : {"get_scan", "list_findings", "create_scan", "bump"}) {
      const bool is_there =
          std::ranges::any_of(agent.tools, [&](const agents::ToolGrant& grant) { return grant.name == name; });
      if (!is_there) agent.tools.push_back({.name = name, .policy = std::nullopt});
    }
    if (kind == agents::AgentKind::model) {
      agent.model.provider = "local";
      agent.model.instructions = "Look.";
    } else {
      agents::Step step;
      step.id = "one";
      step.tool = "get_scan";
      agent.playbook.steps.push_back(step);
    }
    return agent;
  }

  // The run's id.
  std::string add_run(const agents::AgentDefinition& agent, const std::function<void(store::RunRow&)>& change = {}) {
    const std::string run_id = ids_.make("run");
    store::AgentRow row;
    row.id = ids_.make("agt");
    row.account_id = "acc_1";
    row.created_by_key = "key_1";
    row.slug = "a" + std::to_string(++agents_);
    row.name = row.slug;
    row.kind = agents::to_string(agent.kind);
    agent_id_ = row.id;
    store::RunRow run;
    run.id = run_id;
    run.account_id = "acc_1";
    run.created_by_key = "key_1";
    run.agent_id = row.id;
    run.snapshot = {{"slug", row.slug}, {"name", row.name}, {"definition", agents::definition_json(agent)}};
    run.queued_at = clock_.now();
    run.updated_at = run.queued_at;
    run.deadline_at = run.queued_at + std::chrono::hours{1};
    if (change) change(run);
    must(database_->write([&](store::Transaction& t) -> Result<void> {
      if (auto done = store::insert_agent(t, row); !done) return done;
      return store::insert_run(t, run);
    }));
    return run_id;
  }

  store::RunRow stored(const std::string& id) {
    return must(database_->read_for([&](store::Transaction& t) { return store::run_for_job(t, id); }));
  }
  std::vector<store::ToolCallRow> calls(const std::string& id) {
    return must(database_->read_for([&](store::Transaction& t) { return store::tool_calls_of(t, id); }));
  }
  std::vector<store::RunAttemptRow> attempts(const std::string& id) {
    return must(database_->read_for([&](store::Transaction& t) { return store::run_attempts(t, id); }));
  }
  std::vector<streaming::Event> told(const std::string& id) { return must(events_->read_after(id, 0, 500)); }
  std::vector<std::string> types(const std::string& id) {
    std::vector<std::string> types;
    for (const streaming::Event& event : told(id)) types.push_back(event.type);
    return types;
  }
  // The last event of that type.
  Json event(const std::string& id, const std::string& type) {
    Json data;
    for (const streaming::Event& each : told(id)) {
      if (each.type == type) data = each.data;
    }
    return data;
  }
  void update_call(const std::string& run_id, const std::function<void(store::ToolCallRow&)>& change) {
    must(database_->write([&](store::Transaction& t) -> Result<void> {
      auto rows = store::tool_calls_of(t, run_id);
      if (!rows) return rows.error();
      const std::string before = rows->back().status;
      change(rows->back());
      return store::update_tool_call(t, rows->back(), {before});
    }));
  }
  void update(const std::string& run_id, const std::function<void(store::RunRow&)>& change) {
    must(database_->write([&](store::Transaction& t) -> Result<void> {
      auto run = store::run_for_job(t, run_id);
      if (!run) return run.error();
      const std::string before = run->status;
      change(*run);
      return store::update_run(t, *run, {before});
    }));
  }
  void revoke_key() {
    must(database_->write([&](store::Transaction& t) { return store::revoke_key(t, "key_1", clock_.now()); }));
  }
  void add_target(const std::string& host) {
    store::TargetRow target;
    target.id = ids_.make("tgt");
    target.account_id = "acc_1";
    target.created_by_key = "key_1";
    target.url = "https://" + host + "/";
    target.host = host;
    target.port = 443;
    target.name = host;
    target.visibility = "public";
    must(database_->write([&](store::Transaction& t) { return store::insert_target(t, target); }));
  }

  RunParts parts() { return {*database_, *events_, *jobs_, ids_, random_, clock_, tiers_, run_services_}; }

  // A session over one run, as its job makes it. Not thread-safe: owned by the test.
  struct Stint {
    Stint(RunLab& lab, const std::string& run_id, std::chrono::seconds wall = std::chrono::seconds{600})
        : parts(lab.parts()),
          job(*lab.database_, run_id),
          stop(job),
          record(parts, job, stop, lab.stored(run_id),
                 must(agents::read_definition(lab.stored(run_id).snapshot.at("definition")))),
          watch(*lab.database_, lab.clock_, record.row(), standing(lab, record.row()), lab.clock_.steady_now() + wall,
                stop),
          own(parts, record, stop, watch) {
      must(own.load());
    }
    static Standing standing(RunLab& lab, const store::RunRow& run) {
      return must(
          lab.database_->read_for([&](store::Transaction& t) { return standing_of(t, run, lab.clock_.now()); }));
    }
    CallOutcome call(const std::string& key, const std::string& tool, Json arguments = Json::object(),
                     CallWish wish = {}) {
      wish.key = key;
      wish.step_id = "one";
      wish.tool = tool;
      wish.arguments = std::move(arguments);
      must(session.start_call(std::move(wish)));
      auto outcome = session.next_call();
      if (!outcome) throw std::runtime_error("the call " + key + " has not ended: " + stop.message());
      write_all();
      return *std::move(outcome);
    }
    // What the engine's next step would write with itself.
    void write_all() { must(record.flush()); }
    RunParts parts;
    LabJob job;
    RunStop stop;
    RunRecord record;
    RunWatch watch;
    DatabaseRunSession own;
    RunSession& session = own;
  };
  // A run that has begun.
  std::string running(agents::AgentKind kind = agents::AgentKind::playbook, std::vector<agents::ToolGrant> grants = {},
                      const std::function<void(agents::AgentDefinition&)>& change = {}) {
    agents::AgentDefinition agent = agent_of(kind, std::move(grants));
    if (change) change(agent);
    return add_run(agent, [&](store::RunRow& run) {
      run.status = "running";
      run.started_at = clock_.now();
    });
  }

  // The job of a run with `engine` for both kinds.
  jobs::JobOutcome execute(LabJob& job, const Engine& engine) {
    const RunParts its_parts = parts();
    const Engines engines{{agents::AgentKind::playbook, engine}, {agents::AgentKind::model, engine}};
    return execute_run_job(its_parts, engines, job);
  }
  jobs::JobOutcome execute(const std::string& run_id, const Engine& engine) {
    LabJob job(*database_, run_id);
    return execute(job, engine);
  }

  testing::TempDir folder_;
  SystemClock clock_;
  testing::FakeRandom random_;
  IdGenerator ids_{clock_, random_};
  limits::Tiers tiers_ = limits::Tiers::defaults();
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<streaming::EventHub> hub_;
  std::unique_ptr<streaming::EventLog> events_;
  std::unique_ptr<jobs::JobRunner> jobs_;
  LabDirectory directory_;
  LabCaller caller_;
  NoProviders providers_;
  RunSettings settings_;
  RunServices run_services_{directory_, caller_, providers_, settings_};
  std::string agent_id_;
  int agents_ = 0;
};

inline ToolResult answer(Json structured) {
  ToolResult result;
  result.structured = std::move(structured);
  result.summary = "Done.";
  return result;
}

inline EngineOutcome completed(Json output) {
  EngineOutcome outcome;
  outcome.output = std::move(output);
  return outcome;
}
inline EngineOutcome ended(EngineOutcome::Kind kind, const std::string& code = "") {
  EngineOutcome outcome;
  outcome.kind = kind;
  outcome.code = code;
  return outcome;
}

}  // namespace weir::tools::runs
