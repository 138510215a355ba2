#include "server/mcp/sessions/batch_reply.h"

#include "server/mcp/http_reply.h"

namespace weir::mcp {

namespace {

// One answer of the array. No stream: a batch is answered as a whole. Thread-safe.
class Slot final : public ReplyPort {
 public:
  Slot(std::shared_ptr<BatchReply> batch, std::size_t index) : batch_(std::move(batch)), index_(index) {}

  void send(Answer answer) override { batch_->send(index_, std::move(answer)); }
  bool open_stream(const http::Headers&) override { return false; }
  void notify(const Json&) override {}
  void on_departed(std::function<void()> callback) override { batch_->on_departed(std::move(callback)); }

 private:
  const std::shared_ptr<BatchReply> batch_;
  const std::size_t index_;
};

}  // namespace

BatchReply::BatchReply(std::shared_ptr<http::Exchange> exchange, std::size_t slots, http::Headers headers)
    : exchange_(std::move(exchange)) {
  state_.with([&](State& state) {
    state.messages.resize(slots);
    state.missing = slots;
    state.headers = std::move(headers);
  });
}

std::shared_ptr<ReplyPort> BatchReply::slot(std::size_t index) {
  return std::make_shared<Slot>(shared_from_this(), index);
}

void BatchReply::send(std::size_t index, Answer answer) {
  struct Whole {
    Json messages;
    http::Headers headers;
  };
  const auto whole = state_.with([&](State& state) -> std::optional<Whole> {
    Json& message = state.messages.at(index);
    if (!message.is_null()) return std::nullopt;
    message = std::move(answer.message);
    // The newest decision is the one to pace oneself by. What one element needs of HTTP (a challenge) stays with it.
    for (const auto& [name, value] : answer.headers.fields()) {
      if (name != "WWW-Authenticate") state.headers.set(name, value);
    }
    if (--state.missing > 0) return std::nullopt;
    return Whole{Json(std::move(state.messages)), std::move(state.headers)};
  });
  if (whole) exchange_->reply(json_response(200, whole->headers, whole->messages));
}

void BatchReply::on_departed(std::function<void()> callback) {
  const bool has_departed = state_.with([&](State& state) {
    if (!state.has_departed) state.departed.push_back(callback);
    return state.has_departed;
  });
  if (has_departed) return callback();
  exchange_->on_departed([weak = weak_from_this()] {
    const auto batch = weak.lock();
    if (!batch) return;
    const auto callbacks = batch->state_.with([](State& state) {
      state.has_departed = true;
      return std::exchange(state.departed, {});
    });
    for (const auto& each : callbacks) each();
  });
}

}  // namespace weir::mcp
