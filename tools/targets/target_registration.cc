#include "tools/targets/target_registration.h"

#include <algorithm>
#include <set>

#include "base/log.h"

namespace weir::tools {
namespace {

Error wrong(const std::string& field, const std::string& problem) {
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

// Loopback if every address is; private if none is public. check_all() refuses mixtures.
std::string visibility_of(const std::vector<egress::IpAddress>& addresses) {
  const auto all_are = [&](egress::AddressClass wanted) {
    return std::all_of(addresses.begin(), addresses.end(),
                       [&](const egress::IpAddress& address) { return address.address_class() == wanted; });
  };
  if (all_are(egress::AddressClass::loopback)) return "loopback";
  const bool is_public = std::any_of(addresses.begin(), addresses.end(), [](const egress::IpAddress& address) {
    return address.address_class() == egress::AddressClass::public_internet;
  });
  return is_public ? "public" : "private";
}

// The server's own address under any of its names: the same host and port, or the same port on loopback when the
// server itself is reached there.
bool is_own_address(const egress::Url& url, const std::vector<egress::IpAddress>& addresses, const Services& services) {
  Result<egress::Url> own = egress::Url::parse(services.settings.public_url);
  if (!own || own->port != url.port) return false;
  if (own->host == url.host) return true;
  if (visibility_of(addresses) != "loopback") return false;
  Result<std::vector<egress::IpAddress>> own_addresses = services.resolver.resolve(own->host);
  return own_addresses && !own_addresses->empty() && visibility_of(*own_addresses) == "loopback";
}

Result<std::vector<std::string>> scope_hosts_of(const Services& services, const Json& arguments) {
  std::vector<std::string> hosts;
  const Json* given = find_member(arguments, "scope_hosts");
  if (given == nullptr) return hosts;
  for (std::size_t i = 0; i < given->size(); ++i) {
    const std::string text = (*given)[i].get<std::string>();
    const std::string field = "scope_hosts[" + std::to_string(i) + "]";
    const bool is_v6 = std::count(text.begin(), text.end(), ':') > 1;
    Result<egress::Url> url = egress::Url::parse("http://" + (is_v6 ? "[" + text + "]" : text) + "/");
    if (!url || url->port != 80 || url->path != "/") {
      return wrong(field, "is \"" + printable(text, 60) + "\"; expected a bare host name such as www.example.com");
    }
    if (Result<void> allowed = services.address_policy.check_host_name(url->host); !allowed)
      return std::move(allowed).error();
    if (std::find(hosts.begin(), hosts.end(), url->host) == hosts.end()) hosts.push_back(url->host);
  }
  return hosts;
}

Result<std::string> attestation_text(const CallContext& context, const Json& arguments, const egress::Url& url) {
  const Json* given = find_member(arguments, "attest");
  const std::string advice =
      "expected a sentence stating that you may scan " + url.host + ", for example \"I own this server\", or true";
  if (given == nullptr) return wrong("attest", "is missing; " + advice);
  if (given->is_string()) {
    const std::string text = given->get<std::string>();
    const bool is_blank =
        std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
    if (is_blank) return wrong("attest", "is empty; " + advice);
    return text;
  }
  if (!given->get<bool>()) return wrong("attest", "is false; " + advice);
  return "The holder of key " + context.caller->key_name + " states that they own " + url.host +
         " or are authorised to scan it.";
}

Result<std::vector<egress::IpAddress>> vetted_addresses(const Services& services, const egress::Url& url,
                                                        bool& is_self) {
  if (Result<void> named = services.address_policy.check_host_name(url.host); !named) return std::move(named).error();
  Result<std::vector<egress::IpAddress>> addresses = services.resolver.resolve(url.host);
  if (!addresses || addresses->empty()) {
    return wrong("url", "names the host " + url.host +
                            ", which does not resolve to an address from this machine; "
                            "check the spelling, or that the name is known to the DNS that this server uses");
  }
  is_self = is_own_address(url, *addresses, services);
  const auto self = is_self ? egress::AddressPolicy::Self::included : egress::AddressPolicy::Self::excluded;
  if (Result<void> allowed = services.address_policy.check_all(*addresses, url.port, self); !allowed) {
    return std::move(allowed).error();
  }
  return addresses;
}

}  // namespace

Result<egress::Url> parse_target_url(std::string_view text, std::string_view field) {
  Result<egress::Url> url = egress::Url::parse(text);
  if (url) return url;
  Error error = std::move(url).error();
  if (error.fields.empty()) error.fields.push_back({std::string(field), error.message});
  return error;
}

Result<store::TargetRow> vetted_target(const Services& services, const CallContext& context, const Json& arguments,
                                       const egress::Url& url) {
  Result<std::string> attestation = attestation_text(context, arguments, url);
  if (!attestation) return std::move(attestation).error();
  Result<std::vector<std::string>> scope_hosts = scope_hosts_of(services, arguments);
  if (!scope_hosts) return std::move(scope_hosts).error();
  bool is_self = false;
  Result<std::vector<egress::IpAddress>> addresses = vetted_addresses(services, url, is_self);
  if (!addresses) return std::move(addresses).error();

  const UnixMillis now = services.clock.now();
  store::TargetRow target;
  target.account_id = context.caller->account_id;
  target.created_by_key = context.caller->key_id;
  target.url = url.to_text();
  target.host = url.host;
  target.port = url.port;
  target.name = string_or(arguments, "name", url.authority());
  target.visibility = visibility_of(*addresses);
  target.is_self = is_self;
  target.scope_hosts = std::move(*scope_hosts);
  if (const Json* ports = find_member(arguments, "expected_ports")) {
    std::set<std::int64_t> sorted;
    for (const Json& port : *ports) sorted.insert(port.get<std::int64_t>());
    target.expected_ports.assign(sorted.begin(), sorted.end());
  }
  if (const Json* tags = find_member(arguments, "tags")) target.tags = tags->get<std::vector<std::string>>();
  target.attestation = {{"by", context.caller->key_id}, {"at", to_rfc3339(now)}, {"text", *attestation}};
  // For this machine and private networks the statement is the proof; for public hosts only if the operator says so.
  if (target.visibility != "public" || services.settings.are_public_targets_verified_by_attestation) {
    target.verification_state = "verified";
    target.verification = {{"method", "attestation"}, {"verified_at", to_rfc3339(now)}};
  }
  target.created_at = now;
  target.updated_at = now;
  return target;
}

}  // namespace weir::tools
