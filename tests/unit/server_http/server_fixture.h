// A server on a port that the kernel chooses, with the routes that the tests need.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/timer_queue.h"
#include "server/http/server.h"
#include "tests/support/eventually.h"
#include "tests/unit/server_http/raw_client.h"

namespace weir::http {

class ServerTest : public ::testing::Test {
 protected:
  using Shared = std::shared_ptr<Exchange>;

  static Response text(std::string body, int status = 200) {
    Response response;
    response.status = status;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
  }
  static std::shared_ptr<const std::string> frame(std::string text) {
    return std::make_shared<const std::string>(std::move(text));
  }
  static std::string get(const std::string& path, const std::string& lines = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: weir.test\r\n" + lines + "\r\n";
  }
  static std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: weir.test\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

  void start(ServerSettings settings = {}, Handler handler = nullptr) {
    settings.port = 0;
    settings.workers = std::min(settings.workers, 4U);
    auto opened = Server::open(settings, timers_);
    ASSERT_TRUE(opened) << opened.error().message;
    server_ = std::move(*opened);
    server_->start(handler ? std::move(handler) : [this](Shared exchange) { route(std::move(exchange)); });
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  // The exchange of a request to /later, once it has come.
  Shared held() {
    Shared taken;
    EXPECT_TRUE(testing::eventually([&] {
      const std::lock_guard lock(mutex_);
      if (held_.empty()) return false;
      taken = std::move(held_.front());
      held_.erase(held_.begin());
      return true;
    }));
    return taken;
  }
  // The stream of a request to /stream, once it has been opened.
  std::shared_ptr<SseStream> opened_stream() {
    std::shared_ptr<SseStream> taken;
    EXPECT_TRUE(testing::eventually([&] {
      const std::lock_guard lock(mutex_);
      if (streams_.empty()) return false;
      taken = std::move(streams_.front());
      streams_.erase(streams_.begin());
      return true;
    }));
    return taken;
  }

  void route(Shared exchange) {
    const Request& request = exchange->request();
    if (request.path == "/later") {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(exchange));
    } else if (request.path == "/stream") {
      auto stream = exchange->start_stream({});
      const std::lock_guard lock(mutex_);
      if (stream) streams_.push_back(std::move(stream));
    } else if (request.path == "/throw") {
      throw std::runtime_error("on purpose");
    } else if (request.path == "/drop") {
      exchange.reset();
    } else if (request.path == "/large") {
      exchange->reply(text(std::string(kLargeBytes, 'L')));
    } else if (request.path == "/empty") {
      exchange->reply(text("must not be sent", 204));
    } else {
      exchange->reply(text(request.method + ' ' + request.path + ' ' + request.body));
    }
  }

  static constexpr std::size_t kLargeBytes = 8 * 1024 * 1024;

  TimerQueue timers_;
  std::mutex mutex_;
  std::vector<Shared> held_;
  std::vector<std::shared_ptr<SseStream>> streams_;
  std::unique_ptr<Server> server_;  // last: stops before what its handler uses
};

}  // namespace weir::http
