// Carries the answer to one message over one HTTP exchange: as one JSON object, or as a stream of notifications that
// ends with the answer. And the replies of HTTP itself, outside any message.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "server/http/exchange.h"
#include "server/mcp/framing.h"
#include "server/mcp/reply_port.h"

namespace weir::mcp {

// Thread-safe.
class HttpReply final : public ReplyPort {
 public:
  // A client that accepts only one of JSON and event streams gets that one; an error whose status is not 200 is JSON.
  HttpReply(std::shared_ptr<http::Exchange> exchange, Accepts accepts)
      : exchange_(std::move(exchange)), accepts_(accepts) {}

  void send(Answer answer) override;
  // `instead` for a client that reads only JSON.
  void end(Answer instead) override;
  bool open_stream(const http::Headers& headers) override;
  void notify(const Json& notification) override;
  void on_departed(std::function<void()> callback) override;

 private:
  // The answer may come from another thread while the stream is being opened: whoever comes second sends it.
  struct State {
    std::shared_ptr<http::SseStream> stream;
    std::optional<std::string> last_text;
    std::function<void()> departed;
  };
  const std::shared_ptr<http::Exchange> exchange_;
  const Accepts accepts_;
  Guarded<State> state_;
};

// 200 text/event-stream, with what keeps proxies from collecting it.
http::Response stream_head(const http::Headers& headers);
http::Response json_response(int status, http::Headers headers, const Json& body);
// Frames have no id: nothing is resumed (MCP 2026-07-28 streamable-http).
std::shared_ptr<const std::string> message_frame(const Json& message);

}  // namespace weir::mcp
