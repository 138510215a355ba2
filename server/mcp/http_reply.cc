#include "server/mcp/http_reply.h"

#include "streaming/sse.h"

namespace weir::mcp {

http::Response json_response(int status, http::Headers headers, const Json& body) {
  return {status, std::move(headers), "application/json", to_text(body)};
}

http::Response stream_head(const http::Headers& headers) {
  http::Response head{200, headers, "text/event-stream", ""};
  head.headers.set("Cache-Control", "no-cache, no-transform");
  head.headers.set("X-Accel-Buffering", "no");
  return head;
}

namespace {

std::shared_ptr<const std::string> text_frame(std::string text) {
  return std::make_shared<const std::string>(streaming::encode_sse({"", "message", std::move(text), std::nullopt}));
}

}  // namespace

std::shared_ptr<const std::string> message_frame(const Json& message) { return text_frame(to_text(message)); }

void HttpReply::send(Answer answer) {
  // Never two: a stream that could not be opened leaves the answer to what follows.
  if (answer.status == 200 && !accepts_.json) open_stream(answer.headers);
  std::string text = to_text(answer.message);
  const auto stream = state_.with([&](State& state) {
    // Kept until the reply is on its way, for a stream that is being opened right now.
    if (!state.stream) state.last_text = text;
    return std::exchange(state.stream, nullptr);
  });
  if (stream) {
    stream->send(text_frame(std::move(text)));
    stream->close();
    return;
  }
  if (exchange_->reply({answer.status, std::move(answer.headers), "application/json", std::move(text)})) {
    state_.with([](State& state) { state.last_text.reset(); });
  }
}

void HttpReply::end(Answer instead) {
  if (!accepts_.event_stream) return send(std::move(instead));
  // A stream without the answer is the one way to end a POST without one (streamable-http, "Sending Messages").
  open_stream(instead.headers);
  if (const auto stream = state_.with([](State& state) { return std::exchange(state.stream, nullptr); }))
    stream->close();
}

bool HttpReply::open_stream(const http::Headers& headers) {
  if (!accepts_.event_stream) return false;
  const auto stream = exchange_->start_stream(stream_head(headers));
  if (!stream) return false;
  auto [last_text, departed] = state_.with([&](State& state) {
    if (!state.last_text) state.stream = stream;
    return std::pair{std::exchange(state.last_text, std::nullopt), std::exchange(state.departed, nullptr)};
  });
  if (last_text) {
    stream->send(text_frame(*std::move(last_text)));
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
