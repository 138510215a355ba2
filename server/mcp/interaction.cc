#include "server/mcp/interaction.h"

#include "base/log.h"
#include "server/mcp/call.h"
#include "server/mcp/capabilities.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/envelope.h"
#include "server/mcp/log_level.h"
#include "server/mcp/sessions/core_tasks.h"
#include "server/mcp/tool_results.h"

namespace weir::mcp {

namespace {

RpcError bad_params(std::string text) { return {code::kInvalidParams, "Invalid params: " + std::move(text)}; }

}  // namespace

Interaction::Interaction(const Dispatch& dispatch, std::shared_ptr<Call> call, Json arguments,
                         InteractionHandler handler)
    : dispatch_(std::make_shared<const Dispatch>(dispatch)),
      call_(std::move(call)),
      arguments_(std::move(arguments)),
      handler_(std::move(handler)) {}

Interaction::~Interaction() = default;

void Interaction::run(const Dispatch& dispatch, const std::shared_ptr<Call>& call, Json arguments,
                      const InteractionHandler& handler) {
  auto interaction = std::make_shared<Interaction>(dispatch, call, std::move(arguments), handler);
  const Json& params = call->message.params;
  if (!has_sessions(call->revision)) {
    if (const Json* responses = find_member(params, "inputResponses")) {
      if (!responses->is_object()) return call->fail(bad_params("inputResponses must be an object"));
      for (const auto& [key, response] : responses->items()) {
        if (!response.is_object())
          return call->fail(bad_params("inputResponses." + printable(key, 60) + " must be an object"));
      }
      interaction->responses_ = *responses;
    }
    if (const Json* state = find_member(params, "requestState")) {
      auto opened = state->is_string() ? dispatch.states.open(state->get<std::string>(), *call) : std::nullopt;
      if (!opened) {
        return call->fail(
            bad_params("requestState was not made for this request, was changed, or has expired; start "
                       "again without it"));
      }
      interaction->state_ = std::move(*opened);
    }
  }
  call->port->on_departed([weak = std::weak_ptr(interaction)] {
    if (const auto departed = weak.lock()) departed->is_abandoned_ = true;
  });
  handler(interaction);
}

const Dispatch& Interaction::dispatch() const { return *dispatch_; }

tools::CallContext Interaction::context() const { return call_->context(); }

Revision Interaction::revision() const { return call_->revision; }

bool Interaction::can_ask(std::string_view method) const {
  return has_capabilities(call_->client_capabilities, capabilities_needed_by(method));
}

bool Interaction::may_be_task() const {
  return dispatch_->offers.tasks != nullptr && (declares_tasks(*call_) || wants_core_task(*call_));
}

void Interaction::open_stream() {
  if (!has_stream_.exchange(true)) call_->port->open_stream(call_->base_headers());
}

bool Interaction::break_stream() { return call_->port->break_stream(); }

void Interaction::progress(double done, double total, std::string_view message) {
  const Json token = progress_token(call_->message);
  if (token.is_null()) return;
  open_stream();
  Json params{{"progressToken", token}, {"progress", done}, {"total", total}};
  if (!message.empty()) params["message"] = message;
  call_->port->notify(notification_message("notifications/progress", std::move(params)));
}

void Interaction::log(std::string_view level, Json data) {
  if (!dispatch_->offers.has_logging || !is_wanted(level, call_->log_level)) return;
  open_stream();
  call_->port->notify(
      notification_message("notifications/message", {{"level", level}, {"logger", "weir"}, {"data", std::move(data)}}));
}

void Interaction::answer(Json result) {
  if (call_->tool != nullptr) result["_meta"][std::string(meta::kRateLimit)] = rate_limit_meta(call_->decision);
  call_->succeed(std::move(result));
}

void Interaction::answer_task(const Task& task) {
  call_->succeed(has_sessions(call_->revision) ? core_create_task_result(task) : create_task_result(task));
}

void Interaction::fail(const RpcError& error) { call_->fail(error); }

void Interaction::ask(Json requests, Json state) {
  for (const auto& [key, request] : requests.items()) {
    Json needed = capabilities_needed_by(string_or(request, "method", ""));
    if (has_capabilities(call_->client_capabilities, needed)) continue;
    if (has_sessions(call_->revision)) {
      return answer(text_result(
          "This tool asks the client for " + string_or(request, "method", "") + ", which this client does not declare.",
          true));
    }
    return call_->fail(missing_capability(std::move(needed)));
  }
  if (has_sessions(call_->revision)) return ask_in_session(std::move(requests), std::move(state));
  Json result{{"resultType", "input_required"}, {"inputRequests", std::move(requests)}};
  if (!state.is_null()) result["requestState"] = dispatch_->states.seal(state, *call_);
  call_->succeed(std::move(result));
}

void Interaction::ask_in_session(Json requests, Json state) {
  open_stream();
  auto done = [self = shared_from_this(), state = std::move(state)](Json responses) {
    auto next = std::make_shared<Interaction>(*self->dispatch_, self->call_, self->arguments_, self->handler_);
    next->responses_ = std::move(responses);
    next->state_ = state;
    next->has_stream_ = true;
    self->dispatch_->executor.post([next] { next->handler_(next); });
  };
  if (!dispatch_->client_requests.ask(call_->session_id, call_->port, std::move(requests), std::move(done))) {
    answer(text_result("Too many questions to clients wait for an answer. Try again later.", true));
  }
}

void Interaction::later(std::chrono::milliseconds delay, std::function<void()> work) {
  dispatch_->timers.at(std::chrono::steady_clock::now() + delay,
                       [self = shared_from_this(), work = std::move(work)]() mutable {
                         Executor& executor = self->dispatch_->executor;
                         executor.post([self = std::move(self), work = std::move(work)] {
                           if (!self->is_abandoned()) work();
                         });
                       });
}

Json text_result(std::string text, bool is_error) {
  return {{"content", Json::array({{{"type", "text"}, {"text", std::move(text)}}})}, {"isError", is_error}};
}

}  // namespace weir::mcp
