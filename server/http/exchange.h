// One request and its answer. A handler replies at once, keeps the exchange and replies later from any thread,
// or turns it into a stream. A waiting exchange holds no thread.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace weir::http {

// A response body without an end: Server-Sent Events (WHATWG HTML §9.2). Frames are complete SSE text, built
// by the caller. Thread-safe. Shared by the connection and whoever feeds it; the last of them lets go.
class SseStream {
 public:
  virtual ~SseStream() = default;
  // Queues one frame, which may be shared with other streams. Returns false once the stream is closed, whether
  // by the reader, by close() or because the reader is too slow: more than `stream_pending_bytes_max` or
  // `stream_pending_frames_max` would wait, and then the stream ends with a comment (*disconnect*).
  // Never blocks.
  virtual bool send(std::shared_ptr<const std::string> frame) = 0;
  // The same for several frames in order, with as few writes as they need.
  virtual bool send_all(const std::vector<std::shared_ptr<const std::string>>& frames) {
    for (const auto& frame : frames) {
      if (!send(frame)) return false;
    }
    return true;
  }
  // Calls `callback` once, from any thread, when nothing of what was sent waits any more: at once if nothing does, never if
  // the stream ends first. Must not block. For whoever has more to send than may wait. Replaces an earlier callback.
  virtual void when_drained(std::function<void()> callback) { callback(); }
  // Sends what is queued and then ends the body. Later calls do nothing. Never blocks.
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_closed() const = 0;
  // Called once, from any thread, when the stream has ended for whatever reason; at once if it already has.
  // Must not block. Replaces an earlier callback.
  virtual void on_closed(std::function<void()> callback) = 0;
};

// Thread-safe. Shared by the connection and the handler; destroyed without a reply, it answers 500 itself.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Constant until the exchange is answered.
  [[nodiscard]] virtual const Request& request() const = 0;
  // The answer. Only the first of reply() and start_stream() counts; false if it was not the first or the
  // client is gone. Never blocks.
  virtual bool reply(Response response) = 0;
  // Sends the head of a 200 `text/event-stream` response with `response`'s headers, and heartbeats (a comment
  // each `stream_heartbeat`) from then on. Null if the exchange is already answered or the client is gone.
  // Never blocks.
  virtual std::shared_ptr<SseStream> start_stream(Response response) = 0;
  // Called once, from any thread, if the client goes away before the answer; at once if it already has.
  // Must not block. Replaces an earlier callback. A client that only shuts down its sending side (`nc -N`) looks
  // the same and is reported too, but a reply() that follows is still sent to it and returns true.
  virtual void on_departed(std::function<void()> callback) = 0;
};

}  // namespace weir::http
