// Looks at a server's TLS: one handshake for its certificate, and one per protocol version for the version
// matrix. Trusts nothing and sends no application data. For scans; not for talking to servers.
#pragma once
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/certificate.h"

namespace weir::egress {

enum class TlsVersion : std::uint8_t { tls10, tls11, tls12, tls13 };
std::string_view to_string(TlsVersion version);  // "TLS 1.0"

struct Handshake {
  TlsVersion version = TlsVersion::tls12;
  std::string cipher;
  std::vector<Certificate> chain;  // as sent, leaf first, at most ten
  long verify_code = 0;            // X509_V_OK (0) if the chain leads to a root of the system store
  std::string verify_message;
  bool name_matches = false;  // X509_check_host / X509_check_ip for the host
};

struct TlsTarget {
  std::string host{};   // for SNI and the name check
  IpAddress address{};  // what is dialled, already vetted by the caller
  std::uint16_t port = 443;
  std::chrono::milliseconds timeout{5'000};
};

enum class VersionSupport : std::uint8_t { accepted, refused, unknown };

// The best handshake that the server accepts, or its certificate if it only fails us afterwards (it may ask for
// a client's certificate). Returns unavailable if nothing listens or the handshake is refused, bad_request if
// what listens does not speak TLS, timed_out, cancelled, or address_not_allowed. Blocks up to `target.timeout`.
Result<Handshake> tls_handshake(const AddressPolicy& policy, AddressPolicy::Self self, const TlsTarget& target,
                                std::stop_token stop = {});
// Whether the server accepts exactly this version, offered at OpenSSL's security level 0 (Debian's default
// level would make TLS 1.0 look refused by every server). An alert, a close and a reset after our hello are
// refusals (some servers reset instead of sending an alert); `unknown` if there was no connection, no answer in
// time, or an answer that is not TLS. Returns address_not_allowed or cancelled. Blocks up to `target.timeout`.
Result<VersionSupport> tls_accepts(const AddressPolicy& policy, AddressPolicy::Self self, const TlsTarget& target,
                                   TlsVersion version, std::stop_token stop = {});

}  // namespace weir::egress
