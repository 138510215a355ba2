// What `./dev bench http` compares with: cpp-httplib as it comes, a pool thread for each connection, in front of the
// very same handler. Prints its port and serves until it is killed.
#include <httplib.h>

#include <cstdio>
#include <future>

#include "server/app.h"

namespace {

// Collects the answer for the pool thread that waits for it. Only for tools that answer at once. Thread-safe.
class CollectingExchange final : public weir::http::Exchange {
 public:
  explicit CollectingExchange(weir::http::Request request) : request_(std::move(request)) {}

  [[nodiscard]] const weir::http::Request& request() const override { return request_; }
  bool reply(weir::http::Response response) override {
    answer_.set_value(std::move(response));
    return true;
  }
  std::shared_ptr<weir::http::SseStream> start_stream(weir::http::Response) override { return nullptr; }
  void on_departed(std::function<void()>) override {}

  std::future<weir::http::Response> answer() { return answer_.get_future(); }

 private:
  const weir::http::Request request_;
  std::promise<weir::http::Response> answer_;
};

void serve(weir::server::App& app, const httplib::Request& from, httplib::Response& to) {
  weir::http::Request request;
  request.method = from.method;
  request.target = from.target;
  request.path = from.path;
  request.body = from.body;
  request.peer_address = from.remote_addr;
  for (const auto& [name, value] : from.headers) request.headers.add(name, value);
  auto exchange = std::make_shared<CollectingExchange>(std::move(request));
  auto answer = exchange->answer();
  app.handle(exchange);
  weir::http::Response response = answer.get();
  to.status = response.status;
  for (const auto& [name, value] : response.headers.fields()) to.set_header(name, value);
  to.set_content(std::move(response.body), response.content_type);
}

}  // namespace

int main(int argc, char** argv) {
  weir::log::configure(weir::log::Level::warning, weir::log::Format::text);
  weir::server::Config config;
  config.data_dir = argc > 1 ? argv[1] : "./weir-bench-data";
  config.http.port = 0;  // the App's own listener stays idle
  auto app = weir::server::App::create(config);
  if (!app) {
    std::fprintf(stderr, "%s\n", app.error().message.c_str());
    return 1;
  }
  httplib::Server server;
  constexpr std::size_t kRequestsPerConnection = 1'000'000'000;  // stock closes after five
  server.set_keep_alive_max_count(kRequestsPerConnection);
  server.set_tcp_nodelay(true);
  server.Post("/mcp", [&](const httplib::Request& from, httplib::Response& to) { serve(**app, from, to); });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::printf("stock ready on http://127.0.0.1:%d\n", port);
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}
