#include "server/mcp/sessions/session_reply.h"

#include "server/mcp/http_reply.h"
#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

SessionReply::SessionReply(std::shared_ptr<http::Exchange> exchange, Accepts accepts, SessionStreams& streams,
                           std::string session_id, Priming priming, const Message& request)
    : exchange_(std::move(exchange)),
      accepts_(accepts),
      streams_(streams),
      session_id_(std::move(session_id)),
      priming_(priming),
      request_(request_message(request)) {}

SessionReply::SessionReply(SessionStreams& streams, std::shared_ptr<ResumableStream> stream)
    : accepts_{true, true}, streams_(streams), priming_(Priming::none) {
  state_.with([&](State& state) { state.stream = std::move(stream); });
}

void SessionReply::send(Answer answer) {
  if (answer.status == 200 && !accepts_.json) open_stream(answer.headers);
  struct Found {
    std::shared_ptr<ResumableStream> stream;
    bool is_first = false;
  };
  const Found found = state_.with([](State& state) {
    return Found{state.stream, !std::exchange(state.is_answered, true)};
  });
  if (!found.is_first) return;
  if (found.stream) return streams_.finish_call(*found.stream, answer.message);
  exchange_->reply(json_response(answer.status, std::move(answer.headers), answer.message));
}

void SessionReply::end(Answer instead) {
  if (!accepts_.event_stream) return send(std::move(instead));
  struct Found {
    std::shared_ptr<ResumableStream> stream;
    bool is_first = false;
  };
  const Found found = state_.with([](State& state) {
    return Found{state.stream, !std::exchange(state.is_answered, true)};
  });
  if (!found.is_first) return;
  if (found.stream) return streams_.finish_call(*found.stream, nullptr);
  // A stream without the answer is the one way to end a POST without one (streamable-http, "Sending Messages").
  if (const auto stream = exchange_->start_stream(stream_head(instead.headers))) stream->close();
}

bool SessionReply::open_stream(const http::Headers& headers) {
  if (!accepts_.event_stream || exchange_ == nullptr)
    return state_.with([](const State& state) { return state.stream != nullptr; });
  const bool is_needed = state_.with([](const State& state) { return state.stream == nullptr && !state.is_answered; });
  if (!is_needed) return state_.with([](const State& state) { return state.stream != nullptr && !state.is_answered; });
  const auto stream = streams_.open_call(session_id_, request_);
  if (stream == nullptr) return false;
  auto [is_first, departed] = state_.with([&](State& state) {
    const bool is_free = state.stream == nullptr && !state.is_answered;
    if (is_free) state.stream = stream;
    return std::pair{is_free, is_free ? std::exchange(state.departed, nullptr) : nullptr};
  });
  if (!is_first) {
    // Answered, or opened, by another thread meanwhile.
    streams_.finish_call(*stream, nullptr);
    return false;
  }
  if (departed) stream->on_given_up(std::move(departed));
  const auto reader = exchange_->start_stream(stream_head(headers));
  if (!reader) return false;
  stream->attach(reader, 0, priming_);
  return true;
}

void SessionReply::notify(const Json& notification) {
  if (const auto stream = state_.with([](const State& state) { return state.stream; })) stream->send(notification);
}

void SessionReply::on_departed(std::function<void()> callback) {
  const auto stream = state_.with([&](State& state) {
    if (!state.stream) state.departed = callback;
    return state.stream;
  });
  if (stream) {
    stream->on_given_up(std::move(callback));
  } else {
    exchange_->on_departed(std::move(callback));
  }
}

bool SessionReply::break_stream() {
  const auto stream = state_.with([](const State& state) { return state.stream; });
  if (stream) stream->drop_reader();
  return stream != nullptr;
}

}  // namespace weir::mcp
