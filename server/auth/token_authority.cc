#include "server/auth/token_authority.h"

#include "base/log.h"

namespace weir::auth {

Result<std::unique_ptr<TokenAuthority>> TokenAuthority::create(const Settings& settings, const std::string& public_url,
                                                               const TokenParts& parts) {
  if (auto checked = check(settings); !checked) return std::move(checked).error();
  if (parts.tiers.find(settings.tier) == nullptr) {
    return Error(ErrorCode::validation_failed, "Bad setting auth.tier: there is no tier \"" +
                                                   printable(settings.tier, 60) + "\". The tiers are " +
                                                   parts.tiers.names() + ".");
  }
  return std::unique_ptr<TokenAuthority>(new TokenAuthority(settings, public_url, parts));
}

TokenAuthority::TokenAuthority(const Settings& settings, const std::string& public_url, const TokenParts& parts)
    : settings_(settings),
      resource_(settings_, public_url),
      keys_({.url = settings_.jwks_url,
             .file = settings_.jwks_file,
             .refresh = settings_.jwks_refresh,
             .user_agent = "Weir/" WEIR_VERSION},
            parts.clock, parts.resolver),
      verifier_(settings_, ProtectedResource::audiences(settings_, public_url), keys_, parts.clock),
      accounts_(settings_, parts.database, parts.clock, parts.ids) {}

Result<Bearer> TokenAuthority::accept(std::string_view token) {
  auto identity = verifier_.verify(token);
  if (!identity) return std::move(identity).error();
  auto row = accounts_.find_or_make(*identity);
  if (!row) return std::move(row).error();
  return Bearer{.identity = *std::move(identity), .row = *std::move(row)};
}

}  // namespace weir::auth
