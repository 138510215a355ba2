// From a message to the method that it names, by way of the gate. Knows neither sockets nor framing, so that another
// transport can use it as it is.
#pragma once
#include <memory>

#include "base/clock.h"
#include "base/executor.h"
#include "base/timer_queue.h"
#include "server/gate.h"
#include "server/mcp/call.h"
#include "server/mcp/listen.h"
#include "server/mcp/offers.h"
#include "server/mcp/request_state.h"
#include "server/mcp/sessions/client_requests.h"
#include "server/mcp/sessions/session.h"
#include "server/mcp/sessions/session_streams.h"
#include "server/mcp/sessions/waiting_calls.h"
#include "server/mcp/settings.h"
#include "tools/catalog.h"

namespace weir::mcp {

// What the methods work with. All must outlive every call. Not thread-safe: a set of references.
struct Dispatch {
  const Settings& settings;
  server::Gate& gate;
  const tools::Catalog& catalog;
  Sessions& sessions;
  const Clock& clock;
  TimerQueue& timers;
  Executor& executor;
  const Offers& offers;
  const RequestStates& states;
  Listeners& listeners;
  ClientRequests& client_requests;
  WaitingCalls& waiting_calls;
  SessionStreams& session_streams;
};

// Looks the method up, asks the gate, runs it. A request is answered through its port, now or later; a notification is
// never answered. Blocks for database calls.
void dispatch_call(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

// Passes the gate at no cost, for what has no method (a malformed message, GET): the headers show the state.
limits::Decision admit_for_headers(server::Gate& gate, const tools::Caller& caller, std::string_view name);

}  // namespace weir::mcp
