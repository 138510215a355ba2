#include "server/auth/settings.h"

#include "base/log.h"
#include "tools/access.h"

namespace weir::auth {
namespace {

Error bad(std::string_view setting, const std::string& complaint) {
  return {ErrorCode::validation_failed, "Bad setting " + std::string(setting) + ": " + complaint};
}

}  // namespace

Result<std::pair<std::string, std::string>> parse_pair(const std::string& text) {
  const std::size_t sign = text.rfind('=');
  if (sign == std::string::npos || sign == 0 || sign + 1 == text.size()) {
    return Error(ErrorCode::validation_failed, "\"" + printable(text, 80) + "\" is not of the form LEFT=RIGHT.");
  }
  return std::pair(text.substr(0, sign), text.substr(sign + 1));
}

Result<void> check(const Settings& settings) {
  if (!settings.is_enabled()) return {};
  if (settings.jwks_url.empty() == settings.jwks_file.empty()) {
    return bad(
        "auth.jwks_url",
        "with auth.issuer set, the issuer's keys must come from exactly one of auth.jwks_url and auth.jwks_file.");
  }
  if (settings.account_claim.empty()) return bad("auth.account_claim", "it names the claim that tells subjects apart.");
  for (const std::string& text : settings.scope_map) {
    const auto pair = parse_pair(text);
    if (!pair) return bad("auth.scope_map", pair.error().message);
    const std::vector<std::string> ours{pair->second};
    if (const auto scopes = tools::Scopes::parse(ours); !scopes) return bad("auth.scope_map", scopes.error().message);
  }
  for (const std::string& text : settings.account_map) {
    if (const auto pair = parse_pair(text); !pair) return bad("auth.account_map", pair.error().message);
  }
  return {};
}

}  // namespace weir::auth
