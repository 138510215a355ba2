// Collects the answers of a JSON-RPC batch (2025-03-26 only) and sends them as one array, in the order of the requests,
// when the last one is there.
#pragma once
#include <memory>
#include <vector>

#include "base/guarded.h"
#include "server/http/exchange.h"
#include "server/mcp/reply_port.h"

namespace weir::mcp {

// Thread-safe. Shared by the slots; the last of them lets go.
class BatchReply : public std::enable_shared_from_this<BatchReply> {
 public:
  // `slots` answers are waited for, at least one. `headers` go out unless an answer brings its own.
  BatchReply(std::shared_ptr<http::Exchange> exchange, std::size_t slots, http::Headers headers);

  // The port of the answer with that index.
  std::shared_ptr<ReplyPort> slot(std::size_t index);
  void send(std::size_t index, Answer answer);
  // Calls every callback that was given when the client goes away.
  void on_departed(std::function<void()> callback);

 private:
  struct State {
    std::vector<Json> messages;  // null until answered
    std::size_t missing = 0;
    http::Headers headers;
    std::vector<std::function<void()>> departed;
    bool has_departed = false;
  };
  const std::shared_ptr<http::Exchange> exchange_;
  Guarded<State> state_;
};

}  // namespace weir::mcp
