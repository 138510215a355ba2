// The tools about runs over real records; nothing executes the runs, so that a test moves them to where it needs them. Not
// thread-safe: owned by one test.
#pragma once
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "store/agents_store.h"
#include "store/audit_store.h"
#include "store/jobs_store.h"
#include "store/runs_store.h"
#include "tests/unit/tools/tools_fixture.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/call_record.h"
#include "tools/runs/run_cancel.h"
#include "tools/runs/run_services.h"

namespace weir::tools::runs {

// Knows what a test tells it. Thread-safe once filled.
class FakeDirectory final : public ToolDirectory {
 public:
  void add(CallableTool tool) { tools_.push_back(std::move(tool)); }
  void clear() { tools_.clear(); }
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

// No run of these tests gets as far as a call. Thread-safe.
class NoCaller final : public ToolCaller {
 public:
  std::shared_ptr<PendingCall> call(const ToolInvocation&, Callbacks) override { return nullptr; }
};

// One provider, "local". Thread-safe.
class OneProvider final : public models::ModelProviders {
 public:
  [[nodiscard]] std::vector<Info> list() const override {
    Info info;
    info.name = "local";
    info.kind = "openai_chat";
    return {info};
  }
  Result<std::unique_ptr<models::ModelProvider>> open(std::string_view) const override {
    return Error(ErrorCode::not_found, "none");
  }
  [[nodiscard]] std::optional<std::int64_t> cost_microusd(std::string_view, std::string_view,
                                                          const models::ModelUsage&) const override {
    return std::nullopt;
  }
};

class RunToolsTest : public ToolsTest {
 protected:
  RunToolsTest() {
    const jobs::JobHandler idle{.run = [](jobs::JobContext&) { return jobs::JobOutcome{}; },
                                .give_up = [](jobs::JobContext&) {}};
    jobs_ = jobs::JobRunner::create({}, *database_, clock_, ids_, {{"scan", idle}, {"run", idle}});
    services_ = std::make_unique<Services>(Services{*database_,
                                                    *events_,
                                                    *jobs_,
                                                    ids_,
                                                    random_,
                                                    clock_,
                                                    policy_,
                                                    resolver_,
                                                    limiter_,
                                                    tiers_,
                                                    settings_,
                                                    {*outbox_, sealer_, policy_, webhook_settings_},
                                                    &run_services_});
    catalog_ = std::make_unique<Catalog>(all_tools(*services_), *waiter_);
    CallableTool update;
    update.name = "update_finding_status";
    update.input_schema = {
        {"type", "object"},
        {"properties", {{"finding_id", {{"type", "string"}}}, {"status", {{"enum", {"fixed", "accepted_risk"}}}}}},
        {"required", {"finding_id", "status"}},
        {"additionalProperties", false}};
    directory_.add(update);
    alice_ = with_scopes(alice_, {"read", "write", "runs:approve"});
    bob_ = with_scopes(bob_, {"read", "write", "runs:approve"});
  }

  static std::shared_ptr<const Caller> with_scopes(const std::shared_ptr<const Caller>& caller,
                                                   std::vector<std::string> names) {
    Caller changed = *caller;
    changed.scopes = must(Scopes::parse(names));
    return std::make_shared<const Caller>(std::move(changed));
  }
  template <typename Body>
  void write(Body body) {
    const Result<void> done = database_->write(body);
    if (!done) throw std::runtime_error(done.error().message + " / " + done.error().cause);
  }

  static agents::AgentDefinition playbook() {
    agents::AgentDefinition definition;
    agents::Step step;
    step.id = "scan";
    step.tool = "create_scan";
    definition.playbook.steps.push_back(step);
    definition.input_schema = {
        {"type", "object"},
        {"properties", {{"target_id", {{"type", "string"}}}, {"fail_on", {{"type", "string"}, {"default", "high"}}}}},
        {"required", {"target_id"}},
        {"additionalProperties", false}};
    return definition;
  }
  static agents::AgentDefinition model(const std::string& provider = "local") {
    agents::AgentDefinition definition;
    definition.kind = agents::AgentKind::model;
    definition.model.provider = provider;
    definition.model.instructions = "Look.";
    return definition;
  }
  // The agent's id. A second call with the same slug adds a version.
  std::string add_agent(const std::string& slug, const agents::AgentDefinition& definition,
                        const std::function<void(store::AgentRow&)>& change = {},
                        std::shared_ptr<const Caller> owner = {}) {
    store::AgentRow agent;
    agent.id = ids_.make("agt");
    agent.account_id = (owner ? owner : alice_)->account_id;
    agent.slug = slug;
    agent.name = "The " + slug;
    agent.kind = agents::to_string(definition.kind);
    if (change) change(agent);
    write([&](store::Transaction& t) -> Result<void> {
      if (auto inserted = store::insert_agent(t, agent); !inserted) return inserted;
      return store::insert_agent_version(t, {.agent_id = agent.id,
                                             .n = 1,
                                             .definition = agents::definition_json(definition),
                                             .created_by_key = "key_1",
                                             .created_at = clock_.now()});
    });
    return agent.id;
  }
  void change_agent(const std::string& id, const std::function<void(store::AgentRow&)>& change) {
    write([&](store::Transaction& t) -> Result<void> {
      auto agent = store::agent_for_job(t, id);
      if (!agent) return agent.error();
      change(*agent);
      return store::update_agent(t, *agent);
    });
  }

  Json start(const std::string& agent = "posture") {
    return call("create_run",
                {{"agent_id", agent}, {"input", agent == "posture" ? Json{{"target_id", "tgt_1"}} : Json::object()}});
  }
  std::string started(const std::string& agent = "posture") { return string_or(start(agent), "id", ""); }
  store::RunRow stored(const std::string& id) {
    return must(database_->read_for([&](store::Transaction& t) { return store::run_for_job(t, id); }));
  }
  void change_run(const std::string& id, const std::function<void(store::RunRow&)>& change) {
    write([&](store::Transaction& t) -> Result<void> {
      auto run = store::run_for_job(t, id);
      if (!run) return run.error();
      const std::string before = run->status;
      change(*run);
      return store::update_run(t, *run, {before});
    });
  }
  void end_run(const std::string& id, const std::string& status) {
    change_run(id, [&](store::RunRow& run) {
      run.status = status;
      run.started_at = run.finished_at = clock_.now();
    });
  }
  store::ToolCallRow call_row(const std::string& run_id, const std::string& id) {
    return *must(database_->read_for([&](store::Transaction& t) { return store::tool_call_by_id(t, run_id, id); }));
  }
  // A call that waits for a person; returns its id.
  std::string ask(const std::string& run_id, const std::string& key = "decide",
                  const Json& arguments = {{"finding_id", "fnd_1"}, {"status", "accepted_risk"}}) {
    store::ToolCallRow call;
    call.id = ids_.make("tcl");
    call.run_id = run_id;
    call.call_key = call.step_id = key;
    call.name = "update_finding_status";
    call.arguments = arguments;
    call.arguments_sha256 = arguments_hash(arguments);
    call.status = "awaiting_approval";
    call.approval = {{"required_by", "default"}, {"reason", "A person decides about findings."}};
    call.created_at = clock_.now();
    write([&](store::Transaction& t) { return store::insert_tool_call(t, call); });
    return call.id;
  }
  // As the run's job does when nothing can go on.
  void hold(const std::string& run_id, const std::vector<std::string>& calls) {
    change_run(run_id, [&](store::RunRow& run) {
      run.status = "requires_action";
      run.started_at = clock_.now();
      run.deadline_at = clock_.now() + std::chrono::hours{1};
      run.required_action = {
          {"type", "approval"}, {"tool_call_ids", calls}, {"expires_at", to_rfc3339(run.deadline_at)}};
    });
  }
  Json decision(const std::string& run_id, const std::string& id, const std::string& word) {
    return {{"tool_call_id", id}, {"decision", word}, {"arguments_sha256", call_row(run_id, id).arguments_sha256}};
  }
  Json respond(const std::string& run_id, const std::vector<Json>& decisions) {
    return call("respond_run", {{"run_id", run_id}, {"decisions", decisions}});
  }
  Error respond_refused(const std::string& run_id, const std::vector<Json>& decisions) {
    return refusal("respond_run", {{"run_id", run_id}, {"decisions", decisions}});
  }
  Error refusal_for(const std::shared_ptr<const Caller>& caller, const std::string& name, const Json& arguments) {
    Result<ToolResult> result = call_as(caller, name, arguments);
    if (result) throw std::runtime_error(name + " was not refused");
    return std::move(result).error();
  }
  // As the run `run_id` would call it.
  Error refusal_in_run(const std::string& name, const Json& arguments) {
    CallContext context;
    context.caller = alice_;
    context.surface = Surface::run;
    context.run_id = "run_01JD8Z6W0V6E5Q9T2YB3K4M7NP";
    const Tool* tool = catalog_->find(name);
    Result<ToolResult> result = tool->handler(context, arguments);
    if (result) throw std::runtime_error(name + " was not refused");
    return std::move(result).error();
  }
  std::vector<std::string> queued_jobs(const std::string& run_id) {
    std::vector<std::string> ids;
    const auto rows = must(database_->read_for([&](store::Transaction& t) {
      return t.query("SELECT id FROM jobs WHERE resource_id = :1 AND state = 'queued' ORDER BY id", {run_id});
    }));
    for (const store::Row& row : rows) ids.push_back(row.text(0));
    return ids;
  }

  RunSettings run_settings_;
  FakeDirectory directory_;
  NoCaller caller_;
  OneProvider providers_;
  RunServices run_services_{directory_, caller_, providers_, run_settings_};
};

}  // namespace weir::tools::runs
