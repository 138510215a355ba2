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
  std::string_view server_version;         // of the settings, which outlive every call
  limits::Decision decision;               // set by the dispatch
  std::string session_id;                  // "" since 2026-07-28
  std::string log_level;                   // the least severe lines that the client wants; "" : none
  http::Headers request_headers;           // of a modern request
  const tools::Tool* tool = nullptr;       // of tools/call, null if there is no such tool
  std::shared_ptr<ReplyPort> port;
  std::shared_ptr<ProgressReporter> progress;  // of a caller that gave a token

  // `result` gets what the revision demands of every result (resultType, serverInfo).
  void succeed(Json result, http::Headers headers = {});
  void fail(const RpcError& error, http::Headers headers = {});
  // In-band, with the error object as data: for methods that are not tool calls.
  void fail(const Error& error);

  // Keeps `pending` until the answer or until the client goes away, whichever comes first.
  void hold(std::shared_ptr<tools::PendingCall> pending);
  // Gives up the wait: nothing is answered.
  void abandon();

  // As handlers see it.
  [[nodiscard]] tools::CallContext context() const;

  // X-Request-ID and the rate-limit headers of this call's decision.
  [[nodiscard]] http::Headers base_headers() const;

 private:
  void send(Json reply, int status, const http::Headers& headers);

  struct Wait {
    std::shared_ptr<tools::PendingCall> pending;
    bool is_over = false;
  };
  Guarded<Wait> wait_;
};

}  // namespace weir::mcp
