// The REST adapter behind a real HTTP server on a port of the kernel's choice, over the tools of tools_fixture.h. Not
// thread-safe: owned by one test.
#pragma once
#include <sstream>
#include <string>

#include "server/api_key.h"
#include "server/gate.h"
#include "server/http/server.h"
#include "server/rest/admin_api.h"
#include "server/rest/rest_api.h"
#include "server/rest/stream_token_route.h"
#include "server/usage_counter.h"
#include "tests/unit/server_http/raw_client.h"
#include "tests/unit/tools/tools_fixture.h"

namespace weir::rest {

// Not thread-safe: a value.
struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;

  [[nodiscard]] std::string header(std::string_view name) const { return std::string(headers.find(name).value_or("")); }
  [[nodiscard]] Json json() const {
    auto value = parse_json(body);
    return value ? *value : Json(nullptr);
  }
};

class RestTest : public tools::ToolsTest {
 protected:
  RestTest() {
    usage_ = std::make_unique<server::UsageCounter>(*database_, clock_);
    gate_ = std::make_unique<server::Gate>(server::GateSettings{.failures_per_address = 10'000}, *database_, limiter_,
                                           tiers_, clock_, ids_, usage_.get());
    http::ServerSettings settings;
    settings.port = 0;
    settings.workers = 2;
    server_ = must(http::Server::open(settings, timers_));
    key_admin_ = std::make_unique<server::KeyAdmin>(*database_, tiers_, clock_, ids_, random_);
    stream_tokens_ = std::make_unique<server::StreamTokens>(*database_, clock_, random_);
    std::vector<tools::Tool> rest_only = admin_routes({*database_, *key_admin_, *gate_, clock_});
    rest_only.push_back(stream_token_route(*stream_tokens_));
    rest_only_ = std::make_unique<tools::Catalog>(std::move(rest_only), *waiter_);
    rest_ = std::make_unique<RestApi>(
        RestSettings{.public_url = "http://127.0.0.1:8080", .version = "9.9.9", .docs_url = ""},
        RestParts{*gate_, *catalog_, *database_, *events_, *hub_, *server_, nullptr, rest_only_.get(),
                  stream_tokens_.get()});
    server_->start([this](std::shared_ptr<http::Exchange> exchange) { rest_->handle(std::move(exchange)); });
    key_ = add_key(alice_->account_id, {"read", "write"});
  }
  ~RestTest() override { server_->stop(); }

  std::string add_key(const std::string& account_id, std::vector<std::string> scopes) {
    const server::NewApiKey made = server::make_api_key(random_);
    store::ApiKeyRow row;
    row.id = ids_.make("key");
    row.account_id = account_id;
    row.name = "test";
    row.prefix = made.prefix;
    row.hash = made.hash;
    row.scopes = std::move(scopes);
    row.created_at = clock_.now();
    const Result<void> stored = database_->write(
        [&](store::Transaction& transaction) { return store::insert_key(transaction, row, clock_.now()); });
    if (!stored) throw std::runtime_error(stored.error().message);
    return made.secret;
  }

  // `lines` are header lines, each with its line end.
  Answer ask_with(const std::string& lines, const std::string& method, const std::string& target,
                  const std::string& body = "") {
    http::RawClient client(server_->port());
    client.send(method + " " + target + " HTTP/1.1\r\nHost: weir.test\r\n" + lines +
                (body.empty() && method != "POST" ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
                "Connection: close\r\n\r\n" + body);
    const std::string text = client.read_to_end();
    Answer answer;
    std::istringstream stream(text);
    std::string line;
    std::getline(stream, line);
    if (line.size() > 12) answer.status = std::stoi(line.substr(9, 3));
    while (std::getline(stream, line) && line != "\r") {
      const std::size_t colon = line.find(": ");
      if (colon != std::string::npos)
        answer.headers.add(line.substr(0, colon), line.substr(colon + 2, line.size() - colon - 3));
    }
    const std::size_t end = text.find("\r\n\r\n");
    if (end != std::string::npos) answer.body = text.substr(end + 4);
    return answer;
  }
  std::string bearer() const { return "Authorization: Bearer " + key_ + "\r\n"; }
  Answer get(const std::string& target, const std::string& lines = "") {
    return ask_with(bearer() + lines, "GET", target);
  }
  Answer post(const std::string& target, const Json& body, const std::string& lines = "") {
    return ask_with(bearer() + "Content-Type: application/json\r\n" + lines, "POST", target, to_text(body));
  }

  std::unique_ptr<server::UsageCounter> usage_;
  std::unique_ptr<server::Gate> gate_;
  std::unique_ptr<server::KeyAdmin> key_admin_;
  std::unique_ptr<server::StreamTokens> stream_tokens_;
  std::unique_ptr<tools::Catalog> rest_only_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<RestApi> rest_;
  std::string key_;
};

}  // namespace weir::rest
