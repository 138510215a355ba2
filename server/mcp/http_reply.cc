#include "server/mcp/http_reply.h"

#include "streaming/sse.h"

namespace weir::mcp {

http::Response json_response(int status, http::Headers headers, const Json& body) {
  return {status, std::move(headers), "application/json", to_text(body)};
}

std::shared_ptr<const std::string> message_frame(const Json& message) {
  return std::make_shared<const std::string>(streaming::encode_sse({"", "message", to_text(message), std::nullopt}));
}

void HttpReply::send(Answer answer) {
  // Never two: a stream that could not be opened leaves the answer to what follows.
  if (answer.status == 200 && !accepts_.json) open_stream(answer.headers);
  const auto frame = message_frame(answer.message);
  const auto stream = state_.with([&](State& state) {
    if (!state.stream) state.last_frame = frame;
    return std::exchange(state.stream, nullptr);
  });
  if (stream) {
    stream->send(frame);
    stream->close();
    return;
  }
  if (exchange_->reply(json_response(answer.status, std::move(answer.headers), answer.message))) {
    state_.with([](State& state) { state.last_frame = nullptr; });
  }
}

bool HttpReply::open_stream(const http::Headers& headers) {
  if (!accepts_.event_stream) return false;
  http::Response head{200, headers, "text/event-stream", ""};
  head.headers.set("Cache-Control", "no-cache, no-transform");
  head.headers.set("X-Accel-Buffering", "no");
  const auto stream = exchange_->start_stream(std::move(head));
  if (!stream) return false;
  auto [last_frame, departed] = state_.with([&](State& state) {
    if (!state.last_frame) state.stream = stream;
    return std::pair{std::exchange(state.last_frame, nullptr), std::exchange(state.departed, nullptr)};
  });
  if (last_frame) {
    stream->send(last_frame);
    stream->close();
    return false;
  }
  if (departed) stream->on_closed(std::move(departed));
  return true;
}

void HttpReply::notify(const Json& notification) {
  if (const auto stream = state_.with([](State& state) { return state.stream; })) {
    stream->send(message_frame(notification));
  }
}

void HttpReply::on_departed(std::function<void()> callback) {
  const auto stream = state_.with([&](State& state) {
    state.departed = callback;
    return state.stream;
  });
  if (stream) {
    stream->on_closed(std::move(callback));
  } else {
    exchange_->on_departed(std::move(callback));
  }
}

}  // namespace weir::mcp
