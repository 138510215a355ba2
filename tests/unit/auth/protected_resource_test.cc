#include "server/auth/protected_resource.h"

#include <gtest/gtest.h>

#include "tests/unit/mcp/fake_exchange.h"

namespace weir::auth {
namespace {

Settings settings() {
  Settings settings;
  settings.issuer = "https://issuer.example";
  settings.jwks_url = "https://issuer.example/keys";
  return settings;
}

std::optional<http::Response> answer(const ProtectedResource& resource, std::string path, std::string method = "GET") {
  http::Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  mcp::FakeExchange exchange(request);
  if (!resource.answer(exchange)) return std::nullopt;
  return exchange.response();
}

TEST(ProtectedResourceTest, BothDocumentsNameTheIssuerAndTheirOwnResource) {
  const ProtectedResource resource(settings(), "https://weir.example");

  const auto of_mcp = answer(resource, "/.well-known/oauth-protected-resource/mcp");
  const auto of_server = answer(resource, "/.well-known/oauth-protected-resource");

  ASSERT_TRUE(of_mcp && of_server);
  const Json mcp = parse_json(of_mcp->body).value();
  EXPECT_EQ(mcp["resource"], "https://weir.example/mcp");
  EXPECT_EQ(mcp["authorization_servers"], Json::array({"https://issuer.example"}));
  EXPECT_EQ(mcp["bearer_methods_supported"], Json::array({"header"}));
  EXPECT_NE(std::ranges::find(mcp["scopes_supported"].begin(), mcp["scopes_supported"].end(), Json("scans:run")),
            mcp["scopes_supported"].end());
  EXPECT_EQ(parse_json(of_server->body).value()["resource"], "https://weir.example");
  EXPECT_EQ(of_mcp->content_type, "application/json");
}

TEST(ProtectedResourceTest, ScopesAreTheIssuersNamesWhereTheyAreMappedAndNeverThatOfAdmin) {
  Settings mapped = settings();
  mapped.scope_map = {"weir.scan=scans:run", "weir.scan=targets:write", "weir.boss=admin"};
  const auto reply = answer(ProtectedResource(mapped, "https://weir.example"), "/.well-known/oauth-protected-resource");
  ASSERT_TRUE(reply);
  EXPECT_EQ(parse_json(reply->body).value()["scopes_supported"], Json::array({"weir.scan"}));
}

TEST(ProtectedResourceTest, OtherPathsAndMethodsAreNotItsOwn) {
  const ProtectedResource resource(settings(), "https://weir.example");
  EXPECT_FALSE(answer(resource, "/.well-known/oauth-protected-resource/sse/x"));
  EXPECT_FALSE(answer(resource, "/.well-known/oauth-protected-resources"));
  EXPECT_FALSE(answer(resource, "/mcp"));
  EXPECT_EQ(answer(resource, "/.well-known/oauth-protected-resource", "POST")->status, 405);
  EXPECT_EQ(answer(resource, "/.well-known/oauth-protected-resource", "OPTIONS")->status, 204);
}

}  // namespace
}  // namespace weir::auth
