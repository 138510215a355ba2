// An exchange whose answer is counted by route and status. Handlers see no difference.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "server/http/exchange.h"
#include "server/metrics.h"

namespace weir::server {

// Counts what was sent: a second answer and one that nobody waits for any more are not. An exchange that is dropped is
// answered, and counted, by the connection layer. Thread-safe. Shared by the handler, which lets go last.
class MeasuredExchange final : public http::Exchange {
 public:
  // `metrics` must outlive the exchange.
  MeasuredExchange(std::shared_ptr<http::Exchange> inner, Metrics& metrics, Metrics::Route route)
      : inner_(std::move(inner)), metrics_(metrics), route_(route) {}

  [[nodiscard]] const http::Request& request() const override { return inner_->request(); }
  bool reply(http::Response response) override {
    const int status = response.status;
    const bool is_sent = inner_->reply(std::move(response));
    if (is_sent) metrics_.count_request(route_, status);
    return is_sent;
  }
  std::shared_ptr<http::SseStream> start_stream(http::Response response) override {
    std::shared_ptr<http::SseStream> stream = inner_->start_stream(std::move(response));
    if (stream != nullptr) metrics_.count_request(route_, 200);
    return stream;
  }
  void on_departed(std::function<void()> callback) override { inner_->on_departed(std::move(callback)); }

 private:
  const std::shared_ptr<http::Exchange> inner_;
  Metrics& metrics_;
  const Metrics::Route route_;
};

}  // namespace weir::server
