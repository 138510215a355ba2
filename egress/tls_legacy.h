// What a scanner must do to be able to talk to badly kept servers, in one place for the HTTP client and the TLS
// probe. Never for connections that are to be trusted.
#pragma once
#include <openssl/types.h>

namespace weir::egress {

// Level 0 admits the keys, digests and versions that OpenSSL's default level refuses.
inline constexpr const char* kEveryCipher = "DEFAULT:@SECLEVEL=0";

// Servers without secure renegotiation (RFC 5746), and those that close without close_notify. Never blocks.
void allow_legacy_servers(SSL_CTX* context);

}  // namespace weir::egress
