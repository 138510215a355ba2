// Where the answer to one message goes. The seam between the methods and what carries them: one HTTP exchange, a slot
// of a batch.
#pragma once
#include <functional>

#include "base/json.h"
#include "server/http/message.h"

namespace weir::mcp {

// Not thread-safe: a value.
struct Answer {
  Json message;      // a complete JSON-RPC response
  int status = 200;  // of the HTTP reply, if this message has one to itself
  http::Headers headers;
};

// Thread-safe.
class ReplyPort {
 public:
  virtual ~ReplyPort() = default;
  // Only the first one counts. Never blocks.
  virtual void send(Answer answer) = 0;
  // The client wants no answer any more (MCP 2025-11-25 cancellation: "SHOULD NOT send a response"): ends a stream without
  // one. Where something has to be answered, it is `instead`. Counts as send(). Never blocks.
  virtual void end(Answer instead) { send(std::move(instead)); }
  // From now on notify() reaches the client before the answer does. False if that cannot be, or if the answer is
  // already given or nobody is there to read it. Never blocks.
  virtual bool open_stream(const http::Headers& headers) = 0;
  // Ends the connection of an open stream that the client can resume. False if there is none. Never blocks.
  virtual bool break_stream() { return false; }
  // A notification about this message; dropped unless the stream is open. Never blocks.
  virtual void notify(const Json& notification) = 0;
  // Called when the client went away without the answer, at once if it already has. Must not block.
  virtual void on_departed(std::function<void()> callback) = 0;
};

}  // namespace weir::mcp
