// Carries the answer to one request of a session over HTTP: as one JSON object, or on a stream that the client may resume
// when its connection breaks. A broken connection is no cancellation (MCP 2025-03-26 to 2025-11-25 "Disconnection").
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "server/http/exchange.h"
#include "server/mcp/framing.h"
#include "server/mcp/reply_port.h"
#include "server/mcp/sessions/session_streams.h"

namespace weir::mcp {

struct Message;

// Thread-safe.
class SessionReply final : public ReplyPort {
 public:
  // `streams` must outlive this.
  SessionReply(std::shared_ptr<http::Exchange> exchange, Accepts accepts, SessionStreams& streams,
               std::string session_id, Priming priming, const Message& request);
  // Of a call that is made again: its stream is there already.
  SessionReply(SessionStreams& streams, std::shared_ptr<ResumableStream> stream);

  // On a stream it blocks for the database: the answer is kept first.
  void send(Answer answer) override;
  void end(Answer instead) override;
  // Blocks for the database.
  bool open_stream(const http::Headers& headers) override;
  void notify(const Json& notification) override;
  // Called too when nobody came back to a broken stream for kResumeLife.
  void on_departed(std::function<void()> callback) override;
  bool break_stream() override;

 private:
  struct State {
    std::shared_ptr<ResumableStream> stream;
    bool is_answered = false;
    std::function<void()> departed;
  };
  const std::shared_ptr<http::Exchange> exchange_;  // null for a call that is made again
  const Accepts accepts_;
  SessionStreams& streams_;
  const std::string session_id_;
  const Priming priming_;
  const Json request_;
  Guarded<State> state_;
};

}  // namespace weir::mcp
