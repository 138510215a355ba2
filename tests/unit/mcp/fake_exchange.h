// An exchange without a network: keeps what was answered, and can be left by its client.
#pragma once
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/http/exchange.h"

namespace weir::mcp {

// Thread-safe.
class FakeStream final : public http::SseStream {
 public:
  bool send(std::shared_ptr<const std::string> frame) override {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    frames_.push_back(*frame);
    return true;
  }
  void close() override {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(is_closed_, true)) return;
      callback = std::move(on_closed_);
    }
    if (callback) callback();
  }
  [[nodiscard]] bool is_closed() const override {
    const std::lock_guard lock(mutex_);
    return is_closed_;
  }
  void on_closed(std::function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      if (!is_closed_) {
        on_closed_ = std::move(callback);
        return;
      }
    }
    callback();
  }
  [[nodiscard]] std::vector<std::string> frames() const {
    const std::lock_guard lock(mutex_);
    return frames_;
  }
  // What a reader that comes back sends as Last-Event-ID.
  [[nodiscard]] std::string last_id() const {
    const std::string frame = frames().back();
    const std::size_t at = frame.find("id: ") + 4;
    return frame.substr(at, frame.find('\n', at) - at);
  }
  // The messages of the frames so far.
  [[nodiscard]] std::vector<Json> messages() const {
    const std::lock_guard lock(mutex_);
    std::vector<Json> found;
    for (const std::string& frame : frames_) {
      const std::size_t at = frame.find("data: ");
      if (frame[at + 6] == '\n') continue;  // no message: it only gives an id
      found.push_back(*parse_json(frame.substr(at + 6, frame.find('\n', at) - at - 6)));
    }
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> frames_;
  bool is_closed_ = false;
  std::function<void()> on_closed_;
};

// Thread-safe.
class FakeExchange final : public http::Exchange {
 public:
  explicit FakeExchange(http::Request request) : request_(std::move(request)) {}

  [[nodiscard]] const http::Request& request() const override { return request_; }
  bool reply(http::Response response) override {
    const std::lock_guard lock(mutex_);
    if (response_ || has_departed_) return false;
    response_ = std::move(response);
    return true;
  }
  std::shared_ptr<http::SseStream> start_stream(http::Response response) override {
    const std::lock_guard lock(mutex_);
    if (response_ || has_departed_) return nullptr;
    response_ = std::move(response);
    stream_ = std::make_shared<FakeStream>();
    return stream_;
  }
  void on_departed(std::function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      if (!has_departed_) {
        departed_ = std::move(callback);
        return;
      }
    }
    callback();
  }
  // The client closes the connection.
  void depart() {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      has_departed_ = true;
      callback = std::move(departed_);
    }
    if (callback) callback();
  }

  [[nodiscard]] std::optional<http::Response> response() const {
    const std::lock_guard lock(mutex_);
    return response_;
  }
  [[nodiscard]] std::shared_ptr<FakeStream> stream() const {
    const std::lock_guard lock(mutex_);
    return stream_;
  }

 private:
  const http::Request request_;
  mutable std::mutex mutex_;
  std::optional<http::Response> response_;
  std::shared_ptr<FakeStream> stream_;
  bool has_departed_ = false;
  std::function<void()> departed_;
};

}  // namespace weir::mcp
