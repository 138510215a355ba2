// The MCP endpoint `/mcp`: Streamable HTTP of revisions 2025-03-26 to 2026-07-28, all on one URL; and /sse with
// /messages, the transport of 2024-11-05. Turns an HTTP
// exchange into JSON-RPC calls and their answers back into HTTP. What a method does is in methods; what a tool does is
// in tools/.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "base/timer_queue.h"
#include "server/gate.h"
#include "server/http/exchange.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/jsonrpc.h"
#include "server/mcp/origin.h"
#include "server/mcp/sessions/http_sse.h"
#include "server/mcp/sessions/session.h"
#include "server/mcp/settings.h"
#include "store/database.h"
#include "tools/catalog.h"

namespace weir::mcp {

// Thread-safe.
class McpEndpoint {
 public:
  using Settings = mcp::Settings;

  // All but the settings and the offers must outlive the endpoint.
  McpEndpoint(Settings settings, server::Gate& gate, const tools::Catalog& catalog, store::Database& database,
              const Clock& clock, Random& random, Executor& executor, TimerQueue& timers, Offers offers = {});
  ~McpEndpoint();
  McpEndpoint(const McpEndpoint&) = delete;
  McpEndpoint& operator=(const McpEndpoint&) = delete;

  // Answers every request of the paths /mcp, /sse and /messages, whatever its method; a tool that waits is answered later. Blocks for
  // database calls.
  void handle(std::shared_ptr<http::Exchange> exchange);

  // Ends every open stream of subscriptions/listen with its result; called when the server is about to stop.
  void end_streams() { listeners_.end_all(); }

 private:
  struct Incoming;

  void handle_post(Incoming& incoming);
  void handle_modern(Incoming& incoming, Message message);
  void handle_session(Incoming& incoming, Message message);
  void handle_batch(Incoming& incoming, std::vector<Element> elements);
  void handle_get(Incoming& incoming);
  void handle_delete(Incoming& incoming);
  void handle_http_sse(Incoming& incoming);
  // The stored session that the request names; answers the exchange itself and gives nothing if it names none.
  std::optional<store::SessionRow> session_of(Incoming& incoming, const Json& id);
  std::shared_ptr<Call> call_of(Incoming& incoming, Message message, Revision revision);
  std::shared_ptr<Call> call_in_session(Incoming& incoming, Message message, const store::SessionRow& session);
  void schedule_sweep();

  struct Sweep {
    TimerQueue::Id timer = 0;
    bool is_over = false;
  };

  const Settings settings_;
  server::Gate& gate_;
  Executor& executor_;
  TimerQueue& timers_;
  const OriginPolicy origins_;
  const std::shared_ptr<Sessions> sessions_;  // shared with a sweep that is under way
  const Offers offers_;
  const RequestStates states_;
  Listeners listeners_;
  ClientRequests client_requests_;
  WaitingCalls waiting_calls_;
  const std::shared_ptr<SessionStreams> session_streams_;  // shared with a sweep that is under way
  HttpSse http_sse_;
  const Dispatch dispatch_;
  Guarded<Sweep> sweep_;
};

}  // namespace weir::mcp
