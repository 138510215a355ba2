#include "server/mcp/methods.h"

#include <algorithm>
#include <array>

#include "server/mcp/capabilities.h"
#include "server/mcp/completion.h"
#include "server/mcp/instructions.h"
#include "server/mcp/sessions/core_tasks.h"
#include "server/mcp/sessions/handshake.h"
#include "server/mcp/sessions/session_listening.h"
#include "server/mcp/tool_methods.h"

namespace weir::mcp {

namespace {

// How long a client may believe server/discover: it changes only with a release.
constexpr std::int64_t kDiscoverTtlMs = 3'600'000;

// MCP 2026-07-28 "server/discover". Only what is served without a session is listed: a client that took another
// version from here would be refused with it.
void handle_discover(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  call->succeed({{"supportedVersions", Json::array({to_string(kModernRevision)})},
                 {"capabilities", capabilities(dispatch.offers, call->revision)},
                 {"instructions", instructions()},
                 {"ttlMs", kDiscoverTtlMs},
                 {"cacheScope", "public"}});
}

constexpr auto kRequest = Message::Kind::request;
constexpr auto kNotification = Message::Kind::notification;
constexpr auto kFirst = Revision::r2024_11_05;
constexpr auto kCoreTasks = Revision::r2025_11_25;
constexpr auto kLastSession = kLatestSessionRevision;
constexpr auto kModern = kModernRevision;
constexpr auto kNoScope = tools::Scope::none;

// The handshakes, ping and notifications cost nothing: a client that cannot connect cannot be told to wait.
constexpr std::array kMethods{
    Method{"server/discover", kRequest, kModern, kModern, kNoScope, 0, false, handle_discover},
    Method{"initialize", kRequest, kFirst, kLastSession, kNoScope, 0, false, handle_initialize},
    Method{"ping", kRequest, kFirst, kLastSession, kNoScope, 0, false, handle_ping},
    Method{"tools/list", kRequest, kFirst, kModern, kNoScope, 1, false, handle_tools_list},
    Method{"tools/call", kRequest, kFirst, kModern, kNoScope, 1, true, handle_tools_call},
    Method{"resources/list", kRequest, kFirst, kModern, kNoScope, 1, false, handle_resources_list, Need::resources},
    Method{"resources/templates/list", kRequest, kFirst, kModern, kNoScope, 1, false, handle_resource_templates_list,
           Need::resources},
    Method{"resources/read", kRequest, kFirst, kModern, kNoScope, 1, false, handle_resources_read, Need::resources},
    Method{"resources/subscribe", kRequest, kFirst, kLastSession, kNoScope, 1, false, handle_subscribe,
           Need::resources},
    Method{"resources/unsubscribe", kRequest, kFirst, kLastSession, kNoScope, 0, false, handle_unsubscribe,
           Need::resources},
    Method{"resources/directory/read", kRequest, kModern, kModern, kNoScope, 1, false, handle_directory_read,
           Need::skills},
    Method{"skills/list", kRequest, kModern, kModern, kNoScope, 1, false, handle_skills_list, Need::skills},
    Method{"skills/get", kRequest, kModern, kModern, kNoScope, 1, false, handle_skills_get, Need::skills},
    Method{"prompts/list", kRequest, kFirst, kModern, kNoScope, 1, false, handle_prompts_list, Need::prompts},
    Method{"prompts/get", kRequest, kFirst, kModern, kNoScope, 1, false, handle_prompts_get, Need::prompts},
    Method{"completion/complete", kRequest, kFirst, kModern, kNoScope, 1, false, handle_complete, Need::completions},
    Method{"logging/setLevel", kRequest, kFirst, kLastSession, kNoScope, 0, false, handle_set_level, Need::logging},
    Method{"subscriptions/listen", kRequest, kModern, kModern, kNoScope, 1, false, handle_listen, Need::subscriptions},
    Method{"tasks/get", kRequest, kModern, kModern, kNoScope, 1, false, handle_tasks_get, Need::tasks},
    Method{"tasks/update", kRequest, kModern, kModern, kNoScope, 1, false, handle_tasks_update, Need::tasks},
    Method{"tasks/cancel", kRequest, kModern, kModern, kNoScope, 1, false, handle_tasks_cancel, Need::tasks},
    Method{"tasks/get", kRequest, kCoreTasks, kCoreTasks, kNoScope, 1, false, handle_core_tasks_get, Need::tasks},
    Method{"tasks/list", kRequest, kCoreTasks, kCoreTasks, kNoScope, 1, false, handle_core_tasks_list, Need::tasks},
    Method{"tasks/result", kRequest, kCoreTasks, kCoreTasks, kNoScope, 1, false, handle_core_tasks_result, Need::tasks},
    Method{"tasks/cancel", kRequest, kCoreTasks, kCoreTasks, kNoScope, 1, false, handle_core_tasks_cancel, Need::tasks},
    Method{"notifications/initialized", kNotification, kFirst, kLastSession, kNoScope, 0, false, nullptr},
    Method{"notifications/cancelled", kNotification, kFirst, kModern, kNoScope, 0, false, nullptr},
};

}  // namespace

std::span<const Method> all_methods() { return kMethods; }

bool is_offered(const Method& method, const Offers& offers) {
  switch (method.need) {
    case Need::nothing: return true;
    case Need::resources: return offers.resources != nullptr;
    case Need::prompts: return !offers.prompts.empty();
    case Need::completions: return offers.has_completions();
    case Need::tasks: return offers.tasks != nullptr;
    case Need::subscriptions: return offers.has_subscriptions();
    case Need::logging: return offers.has_logging;
    case Need::skills: return offers.skills != nullptr;
  }
  return false;
}

tools::Scope scope_of(const Dispatch& dispatch, const Method& method, const Message& message) {
  if (method.name == "resources/read" || method.name == "resources/subscribe")
    return dispatch.offers.resources->scope_of(string_or(message.params, "uri", ""));
  if (method.name == "tasks/get" || method.name == "tasks/list" || method.name == "tasks/result") {
    return dispatch.offers.tasks->scope_of(TaskAction::get, string_or(message.params, "taskId", ""));
  }
  if (method.name == "tasks/update" || method.name == "tasks/cancel") {
    const TaskAction action = method.name == "tasks/update" ? TaskAction::update : TaskAction::cancel;
    return dispatch.offers.tasks->scope_of(action, string_or(message.params, "taskId", ""));
  }
  if (method.name == "prompts/get") {
    const Prompt* prompt = find_prompt(dispatch.offers.prompts, string_or(message.params, "name", ""));
    if (prompt != nullptr) return prompt->scope;
  }
  return method.scope;
}

const Method* find_method(std::string_view name, Revision revision, Message::Kind kind) {
  const auto found = std::ranges::find_if(kMethods, [&](const Method& method) {
    return method.name == name && method.kind == kind && method.first <= revision && revision <= method.last;
  });
  return found == kMethods.end() ? nullptr : &*found;
}

server::CallSpec spec_of(const Method& method, const tools::Tool* tool) {
  if (method.is_tool_call && tool != nullptr) {
    return {.name = tool->name, .scope = tool->scope, .cost = tool->cost, .starts_scan = tool->starts_scan};
  }
  return {.name = method.name, .scope = method.scope, .cost = method.cost};
}

}  // namespace weir::mcp
