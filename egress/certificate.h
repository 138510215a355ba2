// An X.509 certificate as checks and reports read it. Parsing is OpenSSL's; every text that came from the peer
// is made printable and bounded here.
#pragma once
#include <openssl/types.h>

#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::egress {

struct Certificate {
  std::string subject;  // one line, printable
  std::string issuer;
  std::string serial;  // hex
  std::string sha256;  // fingerprint, hex
  UnixMillis not_before{};
  UnixMillis not_after{};
  std::vector<std::string> names;  // dNSName and iPAddress entries of the SAN
  std::string key_type;            // "RSA", "EC", "ED25519", ...
  int key_bits = 0;
  std::string signature_digest;  // "sha256", "sha1", "md5", "" if the algorithm has none
  bool is_self_signed = false;
};

// A time that cannot be read is the epoch. Never blocks.
Certificate read_certificate(X509* certificate);

// Whether the certificate is for `host`, a name or an IP address (RFC 6125 with OpenSSL's wildcard rules).
bool is_certificate_for(X509* certificate, const std::string& host);

}  // namespace weir::egress
