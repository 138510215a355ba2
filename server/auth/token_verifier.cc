#include "server/auth/token_verifier.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/log.h"
#include "server/auth/signed_token.h"

namespace weir::auth {
namespace {

constexpr std::size_t kSubjectBytesMax = 255;  // OpenID Connect Core section 2
constexpr std::size_t kScopesMax = 200;        // names in one token; more are not read

Error refused(std::string message) { return {ErrorCode::unauthorized, std::move(message)}; }

// A NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction. Nothing if it is none, or beyond reason.
std::optional<UnixMillis> time_of(const Json& claims, std::string_view name) {
  constexpr double kSecondsMax = 1e11;  // the year 5138
  const Json* claim = find_member(claims, name);
  if (claim == nullptr || !claim->is_number()) return std::nullopt;
  const auto seconds = claim->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kSecondsMax) return std::nullopt;
  return from_unix_ms(static_cast<std::int64_t>(seconds * 1'000));
}

// A claim that is one text or a list of them.
std::vector<std::string> texts_of(const Json* claim) {
  std::vector<std::string> texts;
  if (claim == nullptr) return texts;
  if (claim->is_string()) texts.push_back(claim->get<std::string>());
  if (!claim->is_array()) return texts;
  for (const Json& item : *claim) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

// RFC 8693 section 4.2: one text with spaces between. Some issuers call it `scp`, or write a list.
std::vector<std::string> scope_names(const Json& claims) {
  const Json* claim = find_member(claims, "scope");
  std::vector<std::string> names;
  for (const std::string& text : texts_of(claim != nullptr ? claim : find_member(claims, "scp"))) {
    std::istringstream words(text);
    for (std::string word; names.size() < kScopesMax && words >> word;) names.push_back(word);
  }
  return names;
}

}  // namespace

TokenVerifier::TokenVerifier(const Settings& settings, std::vector<std::string> audiences, KeySource& keys,
                             const Clock& clock)
    : issuer_(settings.issuer),
      audiences_(std::move(audiences)),
      account_claim_(settings.account_claim),
      keys_(keys),
      clock_(clock) {
  for (const std::string& text : settings.scope_map) {
    if (auto pair = parse_pair(text)) scope_map_.insert(*std::move(pair));
  }
}

Result<Identity> TokenVerifier::verify(std::string_view text) {
  const auto token = SignedToken::read(text);
  if (!token) return token.error();
  auto key = keys_.find(token->key_id(), token->algorithm());
  if (!key) {
    if (key.error().code != ErrorCode::not_found) return std::move(key).error();
    return refused(key.error().message + " It may be of another issuer, or the issuer has just changed its keys.");
  }
  auto claims = token->claims(*key);
  if (!claims) return std::move(claims).error();
  return identity_of(*claims);
}

Result<UnixMillis> TokenVerifier::check_times(const Json& claims) const {
  const UnixMillis now = clock_.now();
  const auto expires_at = time_of(claims, "exp");
  if (!expires_at) return refused("The access token has no expiry (exp), or one that is no time.");
  if (*expires_at + kLeeway <= now) {
    return refused("The access token expired on " + to_rfc3339(*expires_at) + ". Get another from " + issuer_ + ".");
  }
  if (find_member(claims, "nbf") != nullptr) {
    const auto begins_at = time_of(claims, "nbf");
    if (!begins_at || *begins_at - kLeeway > now) return refused("The access token is not valid yet (nbf).");
  }
  return *expires_at + kLeeway;
}

tools::Scopes TokenVerifier::scopes_of(const Json& claims) const {
  std::vector<std::string> ours;
  for (const std::string& name : scope_names(claims)) {
    const auto [first, last] = scope_map_.equal_range(name);
    for (auto pair = first; pair != last; ++pair) ours.push_back(pair->second);
    // By its own name only what has a colon: `admin`, `read` and `write` may mean something else to the issuer.
    if (first != last || name.find(':') == std::string::npos) continue;
    const std::vector<std::string> one{name};
    if (tools::Scopes::parse(one)) ours.push_back(name);
  }
  return tools::Scopes::parse(ours).value();
}

Result<Identity> TokenVerifier::identity_of(const Json& claims) const {
  const std::string issuer = string_or(claims, "iss", "");
  if (issuer != issuer_) {
    return refused("The access token is of the issuer \"" + printable(issuer, 120) +
                   "\"; this server accepts those of " + issuer_ + ".");
  }
  const std::vector<std::string> audiences = texts_of(find_member(claims, "aud"));
  const bool is_for_us = std::ranges::any_of(audiences, [&](const std::string& audience) {
    return std::ranges::find(audiences_, audience) != audiences_.end();
  });
  if (!is_for_us) {
    return refused("The access token is not meant for this server: its audience (aud) must be " + audiences_.front() +
                   ".");
  }
  auto expires_at = check_times(claims);
  if (!expires_at) return std::move(expires_at).error();
  // Bound to a key that the sender would have to prove (RFC 9449, RFC 8705): as a bearer token it may be stolen.
  if (find_member(claims, "cnf") != nullptr) {
    return refused("The access token is bound to a key (cnf), which this server cannot check. Ask for a bearer token.");
  }
  const std::string subject = string_or(claims, account_claim_, "");
  if (subject.empty() || subject.size() > kSubjectBytesMax) {
    return refused("The access token does not say in its claim " + account_claim_ + " who it is for, in 1 to " +
                   std::to_string(kSubjectBytesMax) + " characters.");
  }
  return Identity{.issuer = issuer, .subject = subject, .scopes = scopes_of(claims), .expires_at = *expires_at};
}

}  // namespace weir::auth
