#include "server/runs/run_works.h"

#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "tools/runs/model/model_engine.h"
#include "tools/runs/playbook/playbook_engine.h"
#include "tools/runs/run_cancel.h"

namespace weir::server {

using tools::agents::AgentKind;

RunWorks::RunWorks(RunConfig config, const RunWorksParts& parts)
    : config_(std::move(config)),
      database_(parts.database),
      providers_(config_.providers, parts.own_port,
                 {parts.resolver, parts.clock, parts.random, [](const char* name) { return std::getenv(name); }}),
      mcp_servers_(config_.mcp_servers, {parts.database, parts.clock, parts.random, parts.resolver, parts.own_port}),
      services_{directory_, caller_, providers_, config_.settings, &counts_},
      engines_{{AgentKind::playbook, tools::runs::playbook_engine(directory_)},
               {AgentKind::model, tools::runs::model_engine(providers_, parts.random)}} {}

RunWorks::~RunWorks() { stop(); }

jobs::JobHandler RunWorks::job_handler() {
  jobs::JobHandler handler;
  handler.run = [this](jobs::JobContext& context) {
    return tools::runs::execute_run_job(*run_parts_, engines_, context);
  };
  handler.give_up = [this](jobs::JobContext& context) { tools::runs::give_up_run_job(*run_parts_, context); };
  handler.runners = config_.at_once;
  return handler;
}

void RunWorks::attach(const tools::Services& services, const tools::Catalog& catalog, Gate& gate) {
  tools_ = &services;
  run_parts_.emplace(tools::runs::RunParts{services.database, services.events, services.jobs, services.ids,
                                           services.random, services.clock, services.tiers, services_});
  directory_.attach(catalog, &mcp_servers_);
  caller_.attach(gate, catalog, &mcp_servers_);
}

void RunWorks::start(TimerQueue& timers, Executor& executor) {
  timers_ = &timers;
  executor_ = &executor;
  mcp_servers_.start();
  {
    const std::lock_guard lock(expiry_->mutex);
    expiry_->works = this;
  }
  expire_later();
}

void RunWorks::stop() {
  {
    const std::lock_guard lock(expiry_->mutex);
    expiry_->works = nullptr;
  }
  mcp_servers_.stop();
}

void RunWorks::expire_later() {
  timers_->at(std::chrono::steady_clock::now() + kExpiryInterval, [expiry = expiry_, executor = executor_] {
    executor->post([expiry] {
      const std::lock_guard lock(expiry->mutex);
      if (expiry->works == nullptr) return;
      expiry->works->expire();
      expiry->works->expire_later();
    });
  });
}

void RunWorks::expire() {
  const auto expired = tools::runs::expire_overdue_runs(*tools_);
  if (!expired) {
    log::warning("runs.cannot_expire", {{"cause", expired.error().cause}});
  } else if (*expired > 0) {
    log::info("runs.expired", {{"count", *expired}});
  }
}

}  // namespace weir::server
