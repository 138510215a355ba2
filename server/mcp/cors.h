// Lets web pages of the allowed origins read what the endpoint answers (Fetch Standard, "CORS protocol"). Which origins
// are allowed is OriginPolicy's to say, before this.
#pragma once
#include <memory>
#include <string>

#include "server/http/exchange.h"

namespace weir::mcp {

// The answer to a preflight request of an allowed origin, which asks for the headers `asked`.
http::Response preflight_response(std::string origin, std::string_view asked);

// Adds to every answer that `origin` may read it. Thread-safe. Shared as the exchange that it stands for.
class CorsExchange final : public http::Exchange {
 public:
  CorsExchange(std::shared_ptr<http::Exchange> inner, std::string origin)
      : inner_(std::move(inner)), origin_(std::move(origin)) {}

  [[nodiscard]] const http::Request& request() const override { return inner_->request(); }
  bool reply(http::Response response) override;
  std::shared_ptr<http::SseStream> start_stream(http::Response response) override;
  void on_departed(std::function<void()> callback) override { inner_->on_departed(std::move(callback)); }

 private:
  const std::shared_ptr<http::Exchange> inner_;
  const std::string origin_;
};

}  // namespace weir::mcp
