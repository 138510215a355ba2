// One JSON-RPC request on its way from the adapter through a method to its answer.
#pragma once
#include <memory>
#include <string>

#include "base/guarded.h"
#include "limits/quota.h"
#include "server/http/message.h"
#include "server/mcp/jsonrpc.h"
#include "server/mcp/progress.h"
#include "server/mcp/reply_port.h"
#include "server/mcp/revision.h"
#include "server/mcp/toolsets.h"
#include "tools/catalog.h"

namespace weir::mcp {

// Filled in by the adapter and the dispatch, then handed to a method, which answers it once. Shared by whatever it
// waits for and whoever carries its answer. Not thread-safe: owned by the method that runs; only the answering and the
// wait may come from other threads, and nothing else changes then.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Message message;
  Revision revision = kModernRevision;
  Json client_capabilities = Json::object();
  std::shared_ptr<const tools::Caller> caller;
  std::string request_id;
  std::string_view server_version;    // of the settings, which outlive every call
  limits::Decision decision;          // set by the dispatch
  std::string session_id;             // "" since 2026-07-28
  std::string repetition_token;       // makes a call that a restart cut safe to repeat; "" : it has none
  std::string log_level;              // the least severe lines that the client wants; "" : none
  http::Headers request_headers;      // of a modern request
  ToolFilter filter;                  // of the host's configuration
  const tools::Tool* tool = nullptr;  // of tools/call, null if there is no such tool
  std::shared_ptr<ReplyPort> port;
  std::shared_ptr<ProgressReporter> progress;  // of a caller that gave a token

  // `result` gets what the revision demands of every result (resultType, serverInfo).
  void succeed(Json result, http::Headers headers = {});
  void fail(const RpcError& error, http::Headers headers = {});
  // In-band, with the error object as data: for methods that are not tool calls.
  void fail(const Error& error);

  // Keeps the place in a queue until leave_queue(), the answer or the client's departure, whichever comes first.
  void queue_at(std::shared_ptr<tools::PendingCall> place);
  // The gate has decided. May come before queue_at(), from another thread.
  void leave_queue();
  // Keeps `pending` until the answer or until the client goes away, whichever comes first.
  void hold(std::shared_ptr<tools::PendingCall> pending);
  // Keeps what makes the call findable while it waits (WaitingCalls); of several, the first.
  void keep(std::shared_ptr<const void> entry);
  // Gives up the wait: nothing is answered.
  void abandon();
  // The client wants no answer any more: gives up the wait and ends the reply without one (ReplyPort::end). `state` is how
  // the caller's limits stand: this call's own decision may be under way.
  void cancel(const limits::Decision& state);

  // As handlers see it.
  [[nodiscard]] tools::CallContext context() const;

  // X-Request-ID and the rate-limit headers of this call's decision.
  [[nodiscard]] http::Headers base_headers() const;

 private:
  void send(Json reply, int status, const http::Headers& headers);

  struct Wait {
    std::shared_ptr<tools::PendingCall> place;
    std::shared_ptr<tools::PendingCall> pending;
    std::shared_ptr<const void> entry;
    bool has_left_queue = false;
    bool is_over = false;
  };
  void abandon_on_departure();

  Guarded<Wait> wait_;
};

}  // namespace weir::mcp
