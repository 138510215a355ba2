// Speaks to an endpoint as the two kinds of clients do. Not thread-safe: owned by the test.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/support/eventually.h"
#include "tests/unit/mcp/fake_exchange.h"
#include "tests/unit/mcp/mcp_world.h"

namespace weir::mcp {

// One POST, with everything that a test may want to get wrong.
struct Posted {
  std::string key = "admin";  // "" : no key at all
  std::string session = {};   // Mcp-Session-Id
  std::string peer = "127.0.0.1";
  std::string accept = "application/json, text/event-stream";
  std::string http_method = "POST";
  std::string content_type = "application/json";
  std::optional<std::string> version = {};  // MCP-Protocol-Version
  bool has_modern_headers = false;
  std::vector<std::pair<std::string, std::string>> more_headers = {};
};

class EndpointTest : public ::testing::Test {
 protected:
  explicit EndpointTest(Settings settings = {}) : world_(std::move(settings)) {}

  std::shared_ptr<FakeExchange> post(const std::string& body, const Posted& how) {
    http::Request request;
    request.method = how.http_method;
    request.target = request.path = "/mcp";
    request.peer_address = how.peer;
    request.body = body;
    request.headers.add("Host", "127.0.0.1:8080");
    if (!how.key.empty()) request.headers.add("Authorization", "Bearer " + world_.key(how.key));
    if (!how.content_type.empty()) request.headers.add("Content-Type", how.content_type);
    if (!how.accept.empty()) request.headers.add("Accept", how.accept);
    if (!how.session.empty()) request.headers.add("Mcp-Session-Id", how.session);
    if (how.version) request.headers.add("MCP-Protocol-Version", *how.version);
    if (how.has_modern_headers) {
      const auto message = parse_json(body);
      request.headers.add("MCP-Protocol-Version", "2026-07-28");
      request.headers.add("Mcp-Method", string_or(*message, "method", ""));
      if (const Json* params = find_member(*message, "params")) {
        if (const auto name = string_member(*params, "name")) request.headers.add("Mcp-Name", *name);
      }
    }
    for (const auto& [name, value] : how.more_headers) request.headers.add(name, value);
    auto exchange = std::make_shared<FakeExchange>(std::move(request));
    world_.endpoint().handle(exchange);
    return exchange;
  }

  static Json modern_body(const std::string& method, Json params = Json::object()) {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28";
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = Json::object();
    return {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
  }
  std::shared_ptr<FakeExchange> modern(const std::string& method, Json params = Json::object(), Posted how = {}) {
    how.has_modern_headers = true;
    return post(to_text(modern_body(method, std::move(params))), how);
  }
  std::shared_ptr<FakeExchange> call(const std::string& tool, Json arguments = Json::object(), Posted how = {}) {
    return modern("tools/call", {{"name", tool}, {"arguments", std::move(arguments)}}, std::move(how));
  }

  // The id of a new session.
  std::string open_session(const std::string& version = "2025-11-25", const std::string& key = "admin",
                           const Json& capabilities = Json::object()) {
    const auto exchange = post(to_text({{"jsonrpc", "2.0"},
                                        {"id", 1},
                                        {"method", "initialize"},
                                        {"params",
                                         {{"protocolVersion", version},
                                          {"capabilities", capabilities},
                                          {"clientInfo", {{"name", "test"}, {"version", "1"}}}}}}),
                               {.key = key});
    return std::string(exchange->response()->headers.find("Mcp-Session-Id").value_or(""));
  }
  std::shared_ptr<FakeExchange> in_session(const std::string& session, const std::string& method,
                                           Json params = Json::object(), const std::string& key = "admin") {
    return post(to_text({{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}}),
                {.key = key, .session = session});
  }

  static int status(const std::shared_ptr<FakeExchange>& exchange) {
    return exchange->response() ? exchange->response()->status : 0;
  }
  static std::string header(const std::shared_ptr<FakeExchange>& exchange, std::string_view name) {
    return std::string(exchange->response()->headers.find(name).value_or(""));
  }
  static Json body(const std::shared_ptr<FakeExchange>& exchange) {
    return exchange->response()
               ? parse_json(exchange->response()->body).has_value() ? *parse_json(exchange->response()->body) : Json()
               : Json();
  }
  static Json result(const std::shared_ptr<FakeExchange>& exchange) { return body(exchange).value("result", Json()); }
  static int error_code(const std::shared_ptr<FakeExchange>& exchange) {
    const Json error = body(exchange).value("error", Json());
    return error.is_object() ? error.value("code", 0) : 0;
  }

  World world_;
};

}  // namespace weir::mcp
