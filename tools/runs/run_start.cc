#include "tools/runs/run_start.h"

#include <algorithm>

#include "base/log.h"
#include "tools/agents/agent_definition.h"
#include "tools/concurrency.h"
#include "tools/lookup.h"
#include "tools/runs/run_record.h"
#include "tools/runs/run_usage.h"
#include "tools/schema.h"

namespace weir::tools::runs {
namespace {

// Beyond the time that a run may wait and work: to write how it ended.
constexpr std::chrono::seconds kJobGrace{300};
// Until the account has runs that ended, to judge by.
constexpr std::chrono::milliseconds kUsualRunTime{15'000};
constexpr std::size_t kNamedRunsMax = 3;

std::string trigger_of(Surface surface) {
  switch (surface) {
    case Surface::mcp: return "mcp";
    case Surface::cli: return "cli";
    case Surface::rest:
    case Surface::run: return "api";
  }
  return "api";
}

Result<void> check_may_start(const Services& services, const CallContext& context) {
  if (context.surface == Surface::run || !context.run_id.empty()) {
    return Error(ErrorCode::forbidden,
                 "A run cannot start runs. Let whoever started this one start the next one with its output.");
  }
  if (services.runs->settings.are_tools_stopped) {
    return Error(ErrorCode::unavailable,
                 "The operator of this server has stopped all agents (runs.stop_all_tools in its configuration). "
                 "No run starts until that is undone.");
  }
  return {};
}

Result<void> check_agent(const Services& services, const store::AgentRow& agent,
                         const agents::AgentDefinition& definition) {
  if (!agent.is_enabled) {
    return Error(ErrorCode::conflict,
                 "Agent " + agent.slug + " (" + agent.id +
                     ") is disabled. Whoever owns it can enable it with update_agent {\"is_enabled\": true}.");
  }
  if (definition.kind != agents::AgentKind::model) return {};
  std::string known;
  for (const models::ModelProviders::Info& provider : services.runs->providers.list()) {
    if (provider.name == definition.model.provider) return {};
    known += (known.empty() ? "" : ", ") + provider.name;
  }
  return Error(ErrorCode::conflict, "Agent " + agent.slug + " uses the model provider \"" +
                                        printable(definition.model.provider, 60) +
                                        "\", which this server does not have configured (" +
                                        (known.empty() ? "it has none" : "it has " + known) +
                                        "). The operator can add it; agents of kind playbook need none.");
}

Result<Json> checked_input(const agents::AgentDefinition& definition, const Json& given) {
  const std::size_t bytes = to_text(given).size();
  if (bytes > kRunInputBytesMax) {
    const std::string problem = "is " + std::to_string(bytes) + " bytes of JSON; at most " +
                                std::to_string(kRunInputBytesMax) + " are possible";
    return Error(ErrorCode::validation_failed, "input " + problem + ".").with_field("input", problem);
  }
  if (definition.input_schema.empty()) return given;
  auto schema = Schema::compile(definition.input_schema);
  // It compiled when the agent was created.
  if (!schema) return internal_error("an agent's input_schema does not compile: " + schema.error().message);
  Json input = schema->with_defaults(given);
  std::vector<FieldError> violations = schema->violations(input);
  if (violations.empty()) return input;
  Error error(ErrorCode::validation_failed, "");
  for (FieldError& each : violations) {
    each.field = each.field.empty()            ? "input"
                 : each.field.starts_with('[') ? "input" + each.field
                                               : "input." + each.field;
    error.message += (error.message.empty() ? "" : "; ") + each.field + " " + each.message;
  }
  error.message += ". get_agent shows the agent's input_schema.";
  error.fields = std::move(violations);
  return error;
}

// What the account runs now, for a refusal.
std::string running_text(const std::vector<store::Lease>& leases) {
  if (leases.empty()) return "None is running yet.";
  std::string text = std::to_string(leases.size()) + (leases.size() == 1 ? " is running: " : " are running: ");
  for (std::size_t i = 0; i < std::min(leases.size(), kNamedRunsMax); ++i) text += (i == 0 ? "" : ", ") + leases[i].id;
  return text + (leases.size() > kNamedRunsMax ? " and others." : ".");
}

Result<void> check_places(const Services& services, const CallContext& context, store::Transaction& transaction) {
  const Caller& caller = *context.caller;
  const limits::Tier* tier = services.tiers.find(caller.tier);
  if (tier == nullptr) {
    return Error(ErrorCode::forbidden, "The account's tier \"" + caller.tier + "\" is not in this server's table (" +
                                           services.tiers.names() + "). The operator has to give it another one.");
  }
  if (!tier->is_unlimited && tier->concurrent_runs == 0) {
    return Error(ErrorCode::concurrency_limit,
                 "Tier " + tier->name + " runs no agents. The operator can give the account another tier.");
  }
  auto queued = store::count_runs(transaction, caller.account_id, {"queued"});
  if (!queued) return std::move(queued).error();
  const std::int64_t most = services.runs->settings.queued_per_account_max;
  if (*queued < most) return {};

  const UnixMillis now = services.clock.now();
  auto leases = store::leases_of(transaction, store::kRunLeases, caller.account_id, now);
  if (!leases) return std::move(leases).error();
  auto usual = store::usual_time(transaction, store::kRunLeases, caller.account_id);
  if (!usual) return std::move(usual).error();
  const auto wait = std::max<std::chrono::milliseconds>(usual->value_or(kUsualRunTime), std::chrono::seconds{1});
  return Error(ErrorCode::concurrency_limit, std::to_string(*queued) + " runs of this account are queued, and " +
                                                 std::to_string(most) + " may be. " + running_text(*leases) +
                                                 " Try again in about " +
                                                 std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) +
                                                 " seconds, or make room with cancel_run.")
      .retry_in(wait);
}

Error wrong_previous(const std::string& problem) {
  return Error(ErrorCode::validation_failed, "previous_run_id " + problem + ".").with_field("previous_run_id", problem);
}

Result<void> check_previous(const CallContext& context, const store::RunRow& run, store::Transaction& transaction) {
  auto previous = find_run(transaction, context, *run.previous_run_id);
  if (!previous) return std::move(previous).error();
  if (previous->agent_id != run.agent_id) {
    return wrong_previous("names a run of agent " + string_or(previous->snapshot, "slug", previous->agent_id) +
                          "; expected one of " + string_or(run.snapshot, "slug", run.agent_id));
  }
  if (previous->status == "completed" || previous->status == "incomplete") return {};
  return Error(ErrorCode::conflict,
               "previous_run_id names run " + previous->id + ", which is " + previous->status +
                   "; a run can go on from one that is completed or incomplete. Wait for it with get_run "
                   "and wait_seconds.");
}

Result<store::RunRow> insert(const Services& services, const CallContext& context, store::RunRow run,
                             store::Transaction& transaction) {
  const UnixMillis now = services.clock.now();
  run.id = services.ids.make("run");
  run.account_id = context.caller->account_id;
  run.created_by_key = context.caller->key_id;
  // A token's subject has no scopes of its own: the run keeps those that its token had (run_watch.h).
  run.snapshot.erase("owner_scopes");
  if (context.caller->key_id.starts_with("sub_")) run.snapshot["owner_scopes"] = context.caller->scopes.names();
  run.status = "queued";
  run.usage = usage_from(Json::object());
  run.queued_at = now;
  run.updated_at = now;
  run.deadline_at = now + services.runs->settings.queue_time;
  if (auto stored = store::insert_run(transaction, run); !stored) return std::move(stored).error();
  if (auto queued = enqueue_run(services, run, transaction); !queued) return std::move(queued).error();
  if (auto told = tell_of_run(services.events, transaction, run, "run.queued", run_event(run)); !told)
    return std::move(told).error();
  return run;
}

}  // namespace

Result<void> enqueue_run(const Services& services, const store::RunRow& run, store::Transaction& transaction) {
  const UnixMillis now = services.clock.now();
  const std::chrono::seconds wall{integer_or(run.limits, "wall_s", services.runs->settings.wall_max.count())};
  store::JobRow job;
  job.kind = std::string(kRunJobKind);
  job.resource_id = run.id;
  job.account_id = run.account_id;
  job.due_at = now;
  job.deadline_at = now + services.runs->settings.queue_time + wall + kJobGrace;
  job.created_at = now;
  auto queued = services.jobs.enqueue(transaction, std::move(job));
  if (!queued) return std::move(queued).error();
  return {};
}

Result<store::RunRow> prepare_run(const Services& services, const CallContext& context, const RunWish& wish) {
  if (auto may = check_may_start(services, context); !may) return std::move(may).error();
  std::optional<store::AgentRow> agent;
  auto version = services.database.read_for([&](store::Transaction& transaction) -> Result<store::AgentVersionRow> {
    auto found = find_agent(transaction, context, wish.agent);
    if (!found) return std::move(found).error();
    agent = *std::move(found);
    const std::int64_t n = wish.version.value_or(agent->current_version);
    auto row = store::agent_version(transaction, agent->id, n);
    if (row || row.error().code != ErrorCode::not_found) return row;
    return Error(ErrorCode::not_found, "Agent " + agent->slug + " has no version " + std::to_string(n) +
                                           "; its current one is " + std::to_string(agent->current_version) + ".");
  });
  if (!version) return std::move(version).error();
  auto definition = agents::read_definition(version->definition);
  if (!definition) return std::move(definition).error();
  if (auto able = check_agent(services, *agent, *definition); !able) return std::move(able).error();

  auto input = checked_input(*definition, wish.input);
  if (!input) return std::move(input).error();
  agents::RunLimits most = definition->limits;
  most.wall = std::min(most.wall, services.runs->settings.wall_max);
  if (!wish.limits.is_null()) {
    auto narrowed = agents::narrowed_limits(most, wish.limits, "limits");
    if (!narrowed) return std::move(narrowed).error();
    most = *narrowed;
  }
  if (wish.previous_run_id && agent->kind != "model") {
    return wrong_previous("is given for the playbook " + agent->slug +
                          ", which has no conversation to go on from; hand what it needs over in input");
  }

  store::RunRow run;
  run.agent_id = agent->id;
  run.agent_version = version->n;
  run.snapshot = {{"slug", agent->slug}, {"name", agent->name}, {"definition", version->definition}};
  run.input = *std::move(input);
  run.previous_run_id = wish.previous_run_id;
  run.limits = agents::limits_json(most);
  run.trigger = trigger_of(context.surface);
  return run;
}

Result<store::RunRow> start_run(const Services& services, const CallContext& context, store::RunRow prepared,
                                store::Transaction& transaction) {
  if (prepared.previous_run_id) {
    if (auto fits = check_previous(context, prepared, transaction); !fits) return std::move(fits).error();
  }
  if (auto free = check_places(services, context, transaction); !free) return std::move(free).error();
  return insert(services, context, std::move(prepared), transaction);
}

Result<store::RunRow> replay_run(const Services& services, const CallContext& context, const store::RunRow& original,
                                 store::Transaction& transaction) {
  if (auto may = check_may_start(services, context); !may) return std::move(may).error();
  auto agent = find_agent(transaction, context, original.agent_id);
  if (!agent) {
    if (agent.error().code != ErrorCode::not_found) return std::move(agent).error();
    return Error(ErrorCode::conflict, "Run " + original.id + " cannot be replayed: its agent " +
                                          string_or(original.snapshot, "slug", original.agent_id) +
                                          " was deleted or is not public any more.");
  }
  auto definition = agents::read_definition(original.snapshot.value("definition", Json()));
  if (!definition) return std::move(definition).error();
  if (auto able = check_agent(services, *agent, *definition); !able) return std::move(able).error();
  if (auto free = check_places(services, context, transaction); !free) return std::move(free).error();

  store::RunRow run;
  run.agent_id = original.agent_id;
  run.agent_version = original.agent_version;
  run.snapshot = original.snapshot;
  run.input = original.input;
  run.previous_run_id = original.previous_run_id;
  run.parent_run_id = original.id;
  run.limits = original.limits;
  run.trigger = "replay";
  return insert(services, context, std::move(run), transaction);
}

}  // namespace weir::tools::runs
