#include "server/mcp/listen.h"

#include <atomic>
#include <vector>

#include "server/mcp/call.h"
#include "server/mcp/capabilities.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/envelope.h"

namespace weir::mcp {

namespace {

constexpr int kNotAcceptable = 406;

RpcError bad_params(std::string text) { return {code::kInvalidParams, "Invalid params: " + std::move(text)}; }

// What the client wants. Not thread-safe: a value.
struct Wanted {
  bool tools = false;
  bool prompts = false;
  bool resources = false;
  std::vector<std::string> uris;
  std::vector<std::string> tasks;
};

std::variant<std::vector<std::string>, RpcError> texts_of(const Json& notifications, std::string_view name) {
  std::vector<std::string> texts;
  const Json* list = find_member(notifications, name);
  if (list == nullptr || list->is_null()) return texts;
  const std::string label = "notifications." + std::string(name);
  if (!list->is_array()) return bad_params(label + " must be an array of strings");
  if (list->size() > kListenedUrisMax) {
    return bad_params(label + " names " + std::to_string(list->size()) + "; at most " +
                      std::to_string(kListenedUrisMax) + " are accepted");
  }
  for (const Json& each : *list) {
    if (!each.is_string()) return bad_params(label + " must be an array of strings");
    texts.push_back(each.get<std::string>());
  }
  return texts;
}

std::variant<Wanted, RpcError> wanted_of(const Message& message) {
  const Json* notifications = find_member(message.params, "notifications");
  if (notifications == nullptr || !notifications->is_object()) {
    return bad_params("subscriptions/listen needs notifications, an object");
  }
  Wanted wanted;
  wanted.tools = bool_or(*notifications, "toolsListChanged", false);
  wanted.prompts = bool_or(*notifications, "promptsListChanged", false);
  wanted.resources = bool_or(*notifications, "resourcesListChanged", false);
  auto uris = texts_of(*notifications, "resourceSubscriptions");
  if (auto* error = std::get_if<RpcError>(&uris)) return std::move(*error);
  wanted.uris = std::move(std::get<std::vector<std::string>>(uris));
  auto tasks = texts_of(*notifications, "taskIds");
  if (auto* error = std::get_if<RpcError>(&tasks)) return std::move(*error);
  wanted.tasks = std::move(std::get<std::vector<std::string>>(tasks));
  return wanted;
}

std::string_view method_of(ListKind kind) {
  switch (kind) {
    case ListKind::tools: return "notifications/tools/list_changed";
    case ListKind::prompts: return "notifications/prompts/list_changed";
    case ListKind::resources: return "notifications/resources/list_changed";
  }
  return "";
}

}  // namespace

// One stream. Shared by the registry and by what it watches, weakly. Thread-safe.
class Listeners::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(const Dispatch& dispatch, std::shared_ptr<Call> call) : dispatch_(dispatch), call_(std::move(call)) {}

  [[nodiscard]] const std::string& key_id() const { return call_->caller->key_id; }

  // Watches what can be watched and returns that part: `notifications` of the acknowledgement.
  Json watch(const Wanted& wanted) {
    Json honoured = Json::object();
    watch_lists(wanted, honoured);
    for (const std::string& uri : wanted.uris) {
      if (dispatch_.offers.resources == nullptr) break;
      auto watch = dispatch_.offers.resources->watch(call_->context(), uri, [weak = weak_from_this(), uri] {
        if (const auto self = weak.lock()) self->notify("notifications/resources/updated", {{"uri", uri}});
      });
      if (!watch) continue;
      watches_.push_back(std::move(watch));
      honoured["resourceSubscriptions"].push_back(uri);
    }
    for (const std::string& id : wanted.tasks) {
      if (dispatch_.offers.tasks == nullptr) break;
      auto watch = dispatch_.offers.tasks->watch(call_->context(), id, [weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) self->task_changed(id);
      });
      if (!watch) continue;
      watches_.push_back(std::move(watch));
      honoured["taskIds"].push_back(id);
    }
    return honoured;
  }

  // The first message; what changed since watch() follows.
  void acknowledge(Json honoured) {
    send("notifications/subscriptions/acknowledged", {{"notifications", std::move(honoured)}});
    for (;;) {
      auto early = early_.with([](Early& state) {
        if (state.messages.empty()) state.is_over = true;
        return std::exchange(state.messages, {});
      });
      if (early.empty()) return;
      for (auto& [method, params] : early) send(method, std::move(params));
    }
  }

  void end() { call_->succeed({{"_meta", subscription()}}); }

 private:
  struct Early {
    bool is_over = false;
    std::vector<std::pair<std::string, Json>> messages;
  };
  // Changes between the watch and its acknowledgement; more are dropped, for each says only "look again".
  static constexpr std::size_t kEarlyMax = 100;

  [[nodiscard]] Json subscription() const { return {{std::string(meta::kSubscriptionId), call_->message.id}}; }

  void watch_lists(const Wanted& wanted, Json& honoured) {
    if (dispatch_.offers.list_changes == nullptr) return;
    const bool prompts = wanted.prompts && !dispatch_.offers.prompts.empty();
    const bool resources = wanted.resources && dispatch_.offers.resources != nullptr;
    if (wanted.tools) honoured["toolsListChanged"] = true;
    if (prompts) honoured["promptsListChanged"] = true;
    if (resources) honoured["resourcesListChanged"] = true;
    if (honoured.empty()) return;
    watches_.push_back(dispatch_.offers.list_changes->watch(
        [weak = weak_from_this(), tools = wanted.tools, prompts, resources](ListKind kind) {
          const bool is_wanted = kind == ListKind::tools ? tools : kind == ListKind::prompts ? prompts : resources;
          const auto self = is_wanted ? weak.lock() : nullptr;
          if (self) self->notify(method_of(kind), Json::object());
        }));
  }

  void task_changed(const std::string& id) {
    // Reading the task blocks, which whoever told of the change must not.
    dispatch_.executor.post([weak = weak_from_this(), id] {
      const auto self = weak.lock();
      if (!self) return;
      const auto task = self->dispatch_.offers.tasks->get(self->call_->context(), id);
      if (task) self->notify("notifications/tasks", detailed_task(*task));
    });
  }

  void notify(std::string_view method, Json params) {
    const bool is_early = early_.with([&](Early& state) {
      if (!state.is_over && state.messages.size() < kEarlyMax) state.messages.emplace_back(method, params);
      return !state.is_over;
    });
    if (!is_early) send(method, std::move(params));
  }

  void send(std::string_view method, Json params) {
    params["_meta"] = subscription();
    call_->port->notify(notification_message(method, std::move(params)));
  }

  const Dispatch dispatch_;
  const std::shared_ptr<Call> call_;
  Guarded<Early> early_;
  std::vector<std::shared_ptr<Watch>> watches_;  // constant once acknowledged
};

bool Listeners::add(const std::shared_ptr<Listener>& listener) {
  return state_->with([&](State& state) {
    std::size_t& of_key = state.by_key[listener->key_id()];
    if (state.open.size() >= kListenersMax || of_key >= kListenersPerKeyMax) return false;
    ++of_key;
    state.open.emplace(listener.get(), listener);
    return true;
  });
}

void Listeners::remove(const std::weak_ptr<Guarded<State>>& state, const Listener* listener) {
  const auto registry = state.lock();
  if (!registry) return;
  // Destroyed outside the lock: it ends its watches.
  const auto removed = registry->with([&](State& all) -> std::shared_ptr<Listener> {
    const auto found = all.open.find(listener);
    if (found == all.open.end()) return nullptr;
    auto kept = std::move(found->second);
    all.open.erase(found);
    if (const auto count = all.by_key.find(kept->key_id()); --count->second == 0) all.by_key.erase(count);
    return kept;
  });
}

void Listeners::end_all() {
  const auto ended = state_->with([](State& state) {
    state.by_key.clear();
    return std::exchange(state.open, {});
  });
  for (const auto& [key, listener] : ended) listener->end();
}

std::size_t Listeners::size() const {
  return state_->with([](const State& state) { return state.open.size(); });
}

void handle_listen(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  auto wanted = wanted_of(call->message);
  if (const auto* error = std::get_if<RpcError>(&wanted)) return call->fail(*error);
  const auto& read = std::get<Wanted>(wanted);
  if (!read.tasks.empty() && !declares_tasks(*call)) {
    return call->fail(missing_capability({{"extensions", {{std::string(kTasksExtension), Json::object()}}}}));
  }
  auto listener = std::make_shared<Listeners::Listener>(dispatch, call);
  Listeners& listeners = dispatch.listeners;
  if (!listeners.add(listener)) {
    return call->fail({code::kInternalError, "Too many subscriptions are open; close one and try again"});
  }
  Json honoured = listener->watch(read);
  const bool is_empty = honoured.empty();
  if (!call->port->open_stream(call->base_headers())) {
    Listeners::remove(listeners.state_, listener.get());
    return call->fail({code::kTransport, "Not acceptable: subscriptions/listen answers with an event stream", nullptr,
                       kNotAcceptable});
  }
  listener->acknowledge(std::move(honoured));
  if (is_empty) {
    Listeners::remove(listeners.state_, listener.get());
    return listener->end();
  }
  call->port->on_departed(
      [state = std::weak_ptr(listeners.state_), raw = listener.get()] { Listeners::remove(state, raw); });
}

}  // namespace weir::mcp
