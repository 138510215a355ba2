// The Exchange and the SseStream that handlers hold: thin, their state is guarded by the connection's mutex.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "server/http/connection.h"

namespace weir::http {

// Thread-safe. Shared with the handler, which lets go last.
class ConnectionExchange final : public Exchange {
 public:
  ConnectionExchange(std::shared_ptr<Connection> connection, Request request)
      : connection_(std::move(connection)), request_(std::move(request)) {}
  ~ConnectionExchange() override { connection_->abandon(*this); }

  [[nodiscard]] const Request& request() const override { return request_; }
  bool reply(Response response) override { return connection_->answer(*this, std::move(response)); }
  std::shared_ptr<SseStream> start_stream(Response response) override {
    return connection_->start_stream(*this, std::move(response));
  }
  void on_departed(std::function<void()> callback) override { connection_->on_departed(*this, std::move(callback)); }

 private:
  friend class Connection;

  const std::shared_ptr<Connection> connection_;
  const Request request_;
  // Guarded by the connection's mutex.
  bool has_departed_ = false;
  std::function<void()> departed_;
};

// Thread-safe. Shared by the connection, while the stream is open, and whoever feeds it.
class ConnectionStream final : public SseStream {
 public:
  explicit ConnectionStream(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  bool send(std::shared_ptr<const std::string> frame) override {
    return !is_closed() && connection_->send_frames(*this, {&frame, 1});
  }
  bool send_all(const std::vector<std::shared_ptr<const std::string>>& frames) override {
    return !is_closed() && connection_->send_frames(*this, frames);
  }
  void when_drained(std::function<void()> callback) override {
    connection_->when_stream_drained(*this, std::move(callback));
  }
  void close() override {
    if (!is_closed()) connection_->end_stream(*this);
  }
  [[nodiscard]] bool is_closed() const override { return is_closed_.load(std::memory_order_acquire); }
  void on_closed(std::function<void()> callback) override { connection_->on_stream_closed(*this, std::move(callback)); }

 private:
  friend class Connection;

  const std::shared_ptr<Connection> connection_;
  std::atomic<bool> is_closed_{false};
  // Guarded by the connection's mutex.
  std::function<void()> closed_;
  std::function<void()> drained_;
};

}  // namespace weir::http
