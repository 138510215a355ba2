// The REST way in: finds the route, passes the gate, calls the tool, answers. The answer may come later, from another
// thread, when the tool waits.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "server/gate.h"
#include "server/http/exchange.h"
#include "server/metrics.h"
#include "server/rest/events_api.h"
#include "server/rest/reply.h"
#include "server/rest/routes.h"
#include "tools/catalog.h"

namespace weir::rest {

struct RestSettings {
  std::string public_url;  // "http://127.0.0.1:8080"
  std::string version;
  std::string docs_url;  // "" if there is none
  RouteTable::MetricsRoute metrics = RouteTable::MetricsRoute::absent;
};

// What the adapter works with; every member outlives it. Not thread-safe: a set of references.
struct RestParts {
  server::Gate& gate;
  const tools::Catalog& catalog;
  store::Database& database;
  streaming::EventLog& events;
  streaming::EventHub& hub;
  Executor& executor;                             // where history of streams is read
  server::Metrics* metrics = nullptr;             // what is counted and shown by /metrics; null: nothing
  const tools::Catalog* rest_only = nullptr;      // routes that no model gets as a tool; null: none
  server::StreamTokens* stream_tokens = nullptr;  // null: streams are opened with a key only
  // The longest life of a stream, 0: none; and what it takes (EventsParts).
  std::chrono::seconds stream_lifetime{0};
  TimerQueue* timers = nullptr;
  Random* random = nullptr;
};

// Thread-safe.
class RestApi {
 public:
  RestApi(RestSettings settings, const RestParts& parts);

  // Answers every request: what is no route gets 404 with the nearest one. A handler for a path that is not REST's
  // (/mcp) comes before this one.
  void handle(std::shared_ptr<http::Exchange> exchange);

  // Every route with method, path, scope, cost and whether it is public, so that a test can walk them all.
  [[nodiscard]] const std::vector<Route>& routes() const { return table_.routes(); }
  [[nodiscard]] const Json& openapi() const { return openapi_; }

 private:
  Result<std::shared_ptr<const tools::Caller>> authenticate(const http::Request& request,
                                                            const RouteTable::Match& match,
                                                            std::optional<std::string>& token_hash);
  void answer_public(const Route& route, http::Exchange& exchange, const ReplyContext& context);
  void answer_unknown(const RouteTable::Match& match, http::Exchange& exchange, const ReplyContext& context) const;
  // A call on its way through the gate. Not thread-safe: owned by whoever decides.
  struct Asked {
    std::shared_ptr<http::Exchange> exchange;
    RouteTable::Match match;
    std::shared_ptr<const tools::Caller> caller;
    server::CallSpec spec;
    std::optional<std::string> token_hash;  // of the stream token that stands for the key
  };
  // What follows the decision, at once or after a wait.
  void serve(const Asked& asked, ReplyContext context, Result<limits::Decision> decision);
  void call_tool(const Route& route, const PathParameters& parameters, std::shared_ptr<http::Exchange> exchange,
                 ReplyContext context, std::shared_ptr<const tools::Caller> caller);

  const RestSettings settings_;
  server::Gate& gate_;
  store::Database& database_;
  const RouteTable table_;
  server::Metrics* const metrics_;
  const std::vector<server::Metrics::Route> measured_;  // for each of the table's routes
  const Json openapi_;
  const std::string openapi_text_;
  server::StreamTokens* const stream_tokens_;
  EventsApi events_;
};

}  // namespace weir::rest
