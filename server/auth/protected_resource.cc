#include "server/auth/protected_resource.h"

#include <algorithm>

#include "base/log.h"
#include "tools/access.h"

namespace weir::auth {
namespace {

constexpr std::string_view kMcpPath = "/mcp";

// What a client may ask the issuer for: the issuer's own names where they are mapped, else ours. Not admin, which nobody
// should ask for by default.
Json scopes_supported(const Settings& settings) {
  std::vector<std::string> names;
  for (const std::string& text : settings.scope_map) {
    const auto pair = parse_pair(text);
    if (pair && pair->second != "admin" && std::ranges::find(names, pair->first) == names.end())
      names.push_back(pair->first);
  }
  if (!names.empty()) return names;
  const std::vector<std::string> shorthand{"write"};
  return tools::Scopes::parse(shorthand).value().names();
}

std::string metadata(const Settings& settings, const std::string& resource) {
  return to_text({{"resource", resource},
                  {"authorization_servers", Json::array({settings.issuer})},
                  {"scopes_supported", scopes_supported(settings)},
                  {"bearer_methods_supported", Json::array({"header"})},
                  {"resource_name", "Weir"}});
}

}  // namespace

// RFC 9728 section 3.3: `resource` is what the well-known path was made from, so the two documents differ in it.
ProtectedResource::ProtectedResource(const Settings& settings, const std::string& public_url)
    : of_mcp_(metadata(settings, public_url + std::string(kMcpPath))),
      of_server_(metadata(settings, public_url)),
      challenge_parameter_("resource_metadata=\"" + public_url + std::string(kMetadataPath) + std::string(kMcpPath) +
                           "\"") {}

std::vector<std::string> ProtectedResource::audiences(const Settings& settings, const std::string& public_url) {
  if (!settings.audiences.empty()) return settings.audiences;
  // RFC 8707 writes a server's own URL with or without the slash.
  return {public_url + std::string(kMcpPath), public_url, public_url + "/"};
}

bool ProtectedResource::answer(http::Exchange& exchange) const {
  const http::Request& request = exchange.request();
  std::string_view path = request.path;
  if (!path.starts_with(kMetadataPath)) return false;
  path.remove_prefix(kMetadataPath.size());
  if (!path.empty() && path != kMcpPath) return false;
  http::Response response;
  response.status = 200;
  // Hosts that run in a browser read it as well; there is nothing secret in it.
  response.headers.set("Access-Control-Allow-Origin", "*");
  if (request.method == "GET" || request.method == "HEAD") {
    response.content_type = "application/json";
    response.headers.set("Cache-Control", "public, max-age=300");
    response.body = path.empty() ? of_server_ : of_mcp_;
  } else if (request.method == "OPTIONS") {
    response.status = 204;
    response.headers.set("Access-Control-Allow-Methods", "GET");
    response.headers.set("Access-Control-Allow-Headers", "*");
  } else {
    response.status = 405;
    response.headers.set("Allow", "GET, HEAD, OPTIONS");
  }
  exchange.reply(std::move(response));
  return true;
}

}  // namespace weir::auth
