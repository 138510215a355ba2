#include "server/rest/rest_api.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "server/error_reply.h"
#include "server/measured_exchange.h"
#include "server/rest/arguments.h"
#include "server/rest/openapi.h"
#include "server/rest/preference.h"
#include "store/events_store.h"
#include "tools/near_match.h"

namespace weir::rest {
namespace {

// Keeps a waiting call alive until it is done or its client is gone. Thread-safe. Shared by the exchange's departure
// callback and the call's own end; the last of them lets go.
class HeldCall {
 public:
  void hold(std::shared_ptr<tools::PendingCall> call) {
    const std::lock_guard lock(mutex_);
    if (!is_over_) call_ = std::move(call);
  }
  void let_go() {
    std::shared_ptr<tools::PendingCall> call;
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    call.swap(call_);
  }

 private:
  std::mutex mutex_;
  bool is_over_ = false;
  std::shared_ptr<tools::PendingCall> call_;
};

bool is_cacheable(const Route& route) { return route.method == "GET" && route.cost > 0; }

// The status and the headers of a success; the body is the document, if the tool wrote one.
http::Response success_reply(const Route& route, const http::Request& request, const ReplyContext& context,
                             const tools::ToolResult& result) {
  http::Response response = result.document
                                ? text_reply(context, route.status, result.document->media_type, result.document->text)
                                : json_reply(context, route.status, result.structured);
  if (result.is_replayed) response.headers.set("Idempotency-Replayed", "true");
  const std::string id = string_or(result.structured, "id", "");
  if (!id.empty() && route.method == "POST" && (route.status == 201 || route.status == 202)) {
    response.headers.set("Location", route.path + "/" + id);
  }
  if (is_cacheable(route)) make_cacheable(response, request);
  return response;
}

std::vector<server::Metrics::Route> measured_routes(const RouteTable& table, server::Metrics* metrics) {
  std::vector<server::Metrics::Route> measured;
  if (metrics == nullptr) return measured;
  for (const Route& route : table.routes()) measured.push_back(metrics->add_route(route.method, route.path));
  return measured;
}

std::string joined(const std::vector<std::string>& names) { return tools::listed(names); }

}  // namespace

RestApi::RestApi(RestSettings settings, const RestParts& parts)
    : settings_(std::move(settings)),
      gate_(parts.gate),
      database_(parts.database),
      table_(parts.catalog, settings_.metrics, parts.rest_only),
      metrics_(parts.metrics),
      measured_(measured_routes(table_, metrics_)),
      openapi_(openapi_document(
          table_, {.public_url = settings_.public_url, .version = settings_.version, .docs_url = settings_.docs_url})),
      openapi_text_(to_text(openapi_)),
      stream_tokens_(parts.stream_tokens),
      events_({.database = parts.database,
               .log = parts.events,
               .hub = parts.hub,
               .executor = parts.executor,
               .tokens = parts.stream_tokens,
               .lifetime = parts.stream_lifetime,
               .timers = parts.timers,
               .random = parts.random}) {}

void RestApi::handle(std::shared_ptr<http::Exchange> exchange) {
  const http::Request& request = exchange->request();  // stays valid when the exchange is wrapped
  ReplyContext context{.request_id = gate_.request_id(request), .decision = std::nullopt};
  const RouteTable::Match match = table_.find(request.method, request.path);
  if (metrics_ != nullptr) {
    const auto route = match.route == nullptr
                           ? server::Metrics::kNoRoute
                           : measured_[static_cast<std::size_t>(match.route - table_.routes().data())];
    exchange = std::make_shared<server::MeasuredExchange>(std::move(exchange), *metrics_, route);
  }
  if (match.route != nullptr && match.route->is_public) return answer_public(*match.route, *exchange, context);
  // Outside /v1 there is nothing to protect and nobody to ask for a key: browsers look for icons.
  if (match.route == nullptr && !request.path.starts_with("/v1/")) return answer_unknown(match, *exchange, context);

  std::optional<std::string> token_hash;
  Result<std::shared_ptr<const tools::Caller>> caller = authenticate(request, match, token_hash);
  if (!caller) {
    exchange->reply(error_reply(context, caller.error()));
    return;
  }
  const bool is_known = match.route != nullptr;
  Asked asked{.exchange = std::move(exchange),
              .match = match,
              .caller = std::move(*caller),
              .spec = {.name = is_known ? std::string_view(match.route->name) : std::string_view("unknown route"),
                       .scope = is_known ? match.route->scope : tools::Scope::none,
                       .cost = is_known ? match.route->cost : 1,
                       .starts_scan = is_known && match.route->tool != nullptr && match.route->tool->starts_scan},
              .token_hash = std::move(token_hash)};
  context.preferred_wait = std::min(preferred_wait(request.headers), gate_.wait_max());
  const std::chrono::seconds wait = context.preferred_wait;
  const auto held = std::make_shared<HeldCall>();
  const auto departing = asked.exchange;
  const auto arriving = asked.caller;
  const server::CallSpec spec = asked.spec;
  auto ticket = gate_.admit_or_hold(
      arriving, spec, wait,
      [this, asked = std::move(asked), context = std::move(context), held](Result<limits::Decision> decision) {
        held->let_go();
        serve(asked, context, std::move(decision));
      });
  if (ticket == nullptr) return;
  held->hold(std::move(ticket));
  departing->on_departed([held] { held->let_go(); });
}

// A page cannot send headers with its EventSource, so the routes of events take `?token=` in their place.
Result<std::shared_ptr<const tools::Caller>> RestApi::authenticate(const http::Request& request,
                                                                   const RouteTable::Match& match,
                                                                   std::optional<std::string>& token_hash) {
  const auto token = request.query_value("token");
  const bool is_stream = match.route != nullptr && (match.route->kind == RouteKind::resource_events ||
                                                    match.route->kind == RouteKind::account_events);
  const bool has_key = request.headers.count("Authorization") + request.headers.count("X-API-Key") > 0;
  // A key in the query string is refused by the gate, in whatever parameter it comes.
  if (!token || !is_stream || has_key || stream_tokens_ == nullptr || token->starts_with("wk_")) {
    return gate_.authenticate(request);
  }
  return gate_.authenticate_with(request, [&]() -> Result<tools::Caller> {
    auto opened = stream_tokens_->open(*token);
    if (!opened) return std::move(opened).error();
    token_hash = std::move(opened->hash);
    tools::Caller caller;
    caller.key_id = std::move(opened->key_id);
    caller.scopes = opened->scopes;
    return caller;
  });
}

void RestApi::serve(const Asked& asked, ReplyContext context, Result<limits::Decision> decision) {
  const Route* const route = asked.match.route;
  if (!decision) {
    // Scope missing, limiter away: the state is shown all the same, if there is one to show.
    auto state =
        gate_.admit(*asked.caller, {.name = asked.spec.name, .cost = 0, .usage = server::CallSpec::Usage::not_counted});
    if (state) context.decision = *std::move(state);
    asked.exchange->reply(error_reply(context, decision.error()));
    return;
  }
  context.decision = std::move(*decision);
  if (!context.decision->is_allowed) {
    http::Response refusal = server::refusal_response(*context.decision, context.request_id);
    add_common_headers(refusal.headers, context);
    refusal.headers.set("Cache-Control", "no-store");
    asked.exchange->reply(std::move(refusal));
    return;
  }
  context.settle = [&gate = gate_, caller = asked.caller, spec = asked.spec](
                       server::CallEnd end, limits::Decision& settled) { gate.settle(*caller, spec, end, settled); };
  if (route == nullptr) return answer_unknown(asked.match, *asked.exchange, context);
  if (route->kind == RouteKind::resource_events || route->kind == RouteKind::account_events) {
    const bool is_resource = route->kind == RouteKind::resource_events;
    return events_.serve(asked.exchange, context,
                         {.account_id = asked.caller->account_id,
                          .resource_type = route->resource_type,
                          .resource_id = is_resource ? asked.match.parameters.front().second : std::string(),
                          .token_hash = asked.token_hash,
                          .shows_runs = asked.caller->scopes.allows(tools::Scope::runs_read)});
  }
  if (route->kind == RouteKind::metrics) return answer_public(*route, *asked.exchange, context);
  call_tool(*route, asked.match.parameters, asked.exchange, std::move(context), asked.caller);
}

void RestApi::call_tool(const Route& route, const PathParameters& parameters, std::shared_ptr<http::Exchange> exchange,
                        ReplyContext context, std::shared_ptr<const tools::Caller> caller) {
  const http::Request& request = exchange->request();
  Result<Json> arguments = arguments_of(request, route, parameters);
  if (!arguments) {
    exchange->reply(error_reply(context, arguments.error()));
    return;
  }
  tools::CallContext call;
  call.caller = caller;
  call.surface = tools::Surface::rest;
  call.request_id = context.request_id;
  call.decision = *context.decision;
  call.idempotency_key = std::string(request.headers.find("Idempotency-Key").value_or(""));

  const auto held = std::make_shared<HeldCall>();
  auto done = [&route, exchange, context, held](Result<tools::ToolResult> result) mutable {
    held->let_go();
    if (result) {
      context.settle(server::end_of(result), *context.decision);
      exchange->reply(success_reply(route, exchange->request(), context, *result));
      return;
    }
    const Error& error = result.error();
    if (error.code == ErrorCode::internal) {
      log::error("rest.internal", {{"request_id", context.request_id}, {"tool", route.name}, {"cause", error.cause}});
    }
    exchange->reply(error_reply(context, error));
  };
  std::shared_ptr<tools::PendingCall> pending =
      route.catalog->call(*route.tool, call, std::move(*arguments), std::move(done));
  if (pending == nullptr) return;
  held->hold(std::move(pending));
  exchange->on_departed([held] { held->let_go(); });
}

void RestApi::answer_public(const Route& route, http::Exchange& exchange, const ReplyContext& context) {
  const std::string& base = settings_.public_url;
  http::Response response;
  switch (route.kind) {
    case RouteKind::openapi:
      response = text_reply(context, 200, "application/json", openapi_text_);
      make_cacheable(response, exchange.request());
      break;
    case RouteKind::healthz:
      response = json_reply(context, 200, {{"status", "ok"}, {"version", settings_.version}});
      break;
    case RouteKind::readyz: {
      const Result<void> reads = database_.read([](store::Transaction& transaction) -> Result<void> {
        auto epoch = store::event_epoch(transaction);
        if (!epoch) return std::move(epoch).error();
        return {};
      });
      response =
          reads ? json_reply(context, 200, {{"status", "ready"}})
                : error_reply(context, Error(ErrorCode::unavailable, "The database does not answer. Try again shortly.")
                                           .retry_in(std::chrono::seconds{1}));
      break;
    }
    case RouteKind::metrics:
      response = text_reply(context, 200, std::string(server::Metrics::kMediaType),
                            metrics_ == nullptr ? std::string() : metrics_->text());
      break;
    case RouteKind::landing:
    case RouteKind::tool:
    case RouteKind::resource_events:
    case RouteKind::account_events:
      response = json_reply(context, 200,
                            {{"name", "weir"},
                             {"version", settings_.version},
                             {"about", "Rate-limited security scans over MCP, REST and SSE."},
                             {"mcp", base + "/mcp"},
                             {"rest", base + "/v1"},
                             {"openapi", base + "/openapi.json"},
                             {"health", base + "/healthz"},
                             {"authentication", "Authorization: Bearer wk_..."}});
      break;
  }
  exchange.reply(std::move(response));
}

void RestApi::answer_unknown(const RouteTable::Match& match, http::Exchange& exchange,
                             const ReplyContext& context) const {
  const http::Request& request = exchange.request();
  const std::string asked = printable(request.method, 20) + " " + printable(request.path, 120);
  if (!match.allowed_methods.empty()) {
    const std::string allowed = joined(match.allowed_methods);
    http::Response response = error_reply(
        context, Error(ErrorCode::method_not_allowed, asked + " is not offered; this path takes " + allowed + "."));
    response.headers.set("Allow", allowed);
    exchange.reply(std::move(response));
    return;
  }
  const std::string near = table_.nearest_to(request.method, request.path);
  exchange.reply(error_reply(
      context,
      Error(ErrorCode::not_found, "There is no " + asked + "." + (near.empty() ? "" : " Did you mean " + near + "?") +
                                      " GET /openapi.json lists every route.")));
}

}  // namespace weir::rest
