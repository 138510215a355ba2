#include "egress/tls_probe.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "egress/tcp_connection.h"
#include "egress/tls_legacy.h"

namespace weir::egress {

void allow_legacy_servers(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

namespace {

// More certificates than any sane chain has; the rest is ignored.
constexpr int kChainMax = 10;
// A handshake with ten large certificates is well below; a peer that sends more is not finishing one.
constexpr std::size_t kHandshakeBytesMax = 512 * 1024;
constexpr std::size_t kReadBytes = 16 * 1024;

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Session = std::unique_ptr<SSL, FreeSession>;

struct Versions {
  int min = TLS1_VERSION;
  int max = 0;  // 0: the newest
};

enum class Roots : std::uint8_t { none, system };

Context make_context(const Versions& versions, Roots roots) {
  Context context(SSL_CTX_new(TLS_client_method()));
  CHECK(context != nullptr, "OpenSSL has memory");
  CHECK(SSL_CTX_set_cipher_list(context.get(), kEveryCipher) == 1, "OpenSSL knows its default ciphers");
  SSL_CTX_set_min_proto_version(context.get(), versions.min);
  SSL_CTX_set_max_proto_version(context.get(), versions.max);
  // The chain is judged and the verdict recorded, but it never ends the handshake.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  allow_legacy_servers(context.get());
  if (roots == Roots::system) SSL_CTX_set_default_verify_paths(context.get());
  return context;
}

// The session talks to memory, the connection to the network: so a deadline and a stop reach every wait, and no
// write can raise SIGPIPE.
Session make_session(SSL_CTX* context, const std::string& host) {
  Session session(SSL_new(context));
  CHECK(session != nullptr, "OpenSSL has memory");
  BIO* const incoming = BIO_new(BIO_s_mem());
  BIO* const outgoing = BIO_new(BIO_s_mem());
  CHECK(incoming != nullptr && outgoing != nullptr, "OpenSSL has memory");
  BIO_set_mem_eof_return(incoming, -1);  // empty means "not yet", not the end
  SSL_set_bio(session.get(), incoming, outgoing);
  // RFC 6066 §3: addresses are not permitted as server names.
  if (!IpAddress::parse(host)) SSL_set_tlsext_host_name(session.get(), host.c_str());
  SSL_set_connect_state(session.get());
  return session;
}

Result<void> send_pending(SSL* session, TcpConnection& connection) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(session), &data);
  if (size <= 0) return {};
  const std::string bytes(data, static_cast<std::size_t>(size));
  static_cast<void>(BIO_reset(SSL_get_wbio(session)));
  return connection.send(bytes);
}

enum class Ending : std::uint8_t { done, refused, closed, reset, not_tls };

struct Outcome {
  Ending ending = Ending::done;
  std::string reason;  // OpenSSL's words, if it refused or was refused
};

std::string take_reason() {
  const unsigned long number = ERR_peek_error();
  const char* reason = number != 0 ? ERR_reason_error_string(number) : nullptr;
  std::string text = reason != nullptr ? reason : "no reason given";
  ERR_clear_error();
  return printable(text);
}

// Returns timed_out or cancelled; whatever else happens is an outcome.
Result<Outcome> shake_hands(SSL* session, TcpConnection& connection) {
  std::array<char, kReadBytes> buffer{};
  std::size_t received = 0;
  while (received <= kHandshakeBytesMax) {
    ERR_clear_error();
    const int status = SSL_do_handshake(session);
    const int problem = SSL_get_error(session, status);
    const std::string reason = status == 1 ? std::string{} : take_reason();
    auto sent = send_pending(session, connection);
    if (status == 1) return Outcome{};
    if (problem != SSL_ERROR_WANT_READ) return Outcome{Ending::refused, reason};
    // A peer that has reset may have sent its alert before: only reading tells.
    if (!sent && sent.error().code != ErrorCode::unavailable) return std::move(sent).error();

    auto size = connection.receive(buffer);
    if (!size && size.error().code != ErrorCode::unavailable) return std::move(size).error();
    if (!size) return Outcome{Ending::reset, size.error().cause};
    if (*size == 0) return Outcome{Ending::closed, {}};
    // RFC 8446 §5.1: a server's first record is an alert (21) or a handshake (22).
    if (received == 0 && buffer[0] != 21 && buffer[0] != 22) return Outcome{Ending::not_tls, {}};
    received += *size;
    BIO_write(SSL_get_rbio(session), buffer.data(), static_cast<int>(*size));
  }
  return Outcome{Ending::not_tls, {}};
}

// Says goodbye, so that the server does not log a broken connection. What comes of it does not matter.
void close_politely(SSL* session, TcpConnection& connection) {
  ERR_clear_error();
  SSL_shutdown(session);
  ERR_clear_error();
  static_cast<void>(send_pending(session, connection));
}

Result<TcpConnection> connect_to(const AddressPolicy& policy, AddressPolicy::Self self, const TlsTarget& target,
                                 std::stop_token stop) {
  if (auto allowed = policy.check_host_name(target.host); !allowed) return std::move(allowed).error();
  return TcpConnection::connect(policy, self, {.address = target.address, .port = target.port},
                                std::chrono::steady_clock::now() + target.timeout, std::move(stop));
}

Error failure_of(const Outcome& outcome, const TlsTarget& target) {
  const std::string who = target.address.to_text() + " port " + std::to_string(target.port);
  switch (outcome.ending) {
    case Ending::not_tls: return {ErrorCode::bad_request, who + " answers, but does not speak TLS"};
    case Ending::closed: return {ErrorCode::unavailable, who + " closed the connection in the TLS handshake"};
    case Ending::reset: return {ErrorCode::unavailable, who + " reset the connection in the TLS handshake"};
    default: return {ErrorCode::unavailable, who + " refused the TLS handshake: " + outcome.reason};
  }
}

TlsVersion version_of(const SSL* session) {
  switch (SSL_version(session)) {
    case TLS1_VERSION: return TlsVersion::tls10;
    case TLS1_1_VERSION: return TlsVersion::tls11;
    case TLS1_3_VERSION: return TlsVersion::tls13;
    default: return TlsVersion::tls12;
  }
}

Handshake describe(SSL* session, X509* leaf, const TlsTarget& target) {
  Handshake result;
  result.version = version_of(session);
  const SSL_CIPHER* cipher = SSL_get_current_cipher(session);
  if (cipher == nullptr) cipher = SSL_get_pending_cipher(session);
  if (cipher != nullptr) result.cipher = SSL_CIPHER_get_name(cipher);
  STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(session);
  const int count = chain != nullptr ? std::min(sk_X509_num(chain), kChainMax) : 0;
  for (int i = 0; i < count; ++i) result.chain.push_back(read_certificate(sk_X509_value(chain, i)));
  result.verify_code = SSL_get_verify_result(session);
  result.verify_message = X509_verify_cert_error_string(result.verify_code);
  result.name_matches = is_certificate_for(leaf, target.host);
  ERR_clear_error();  // reading a strange certificate may leave something
  return result;
}

int openssl_version(TlsVersion version) {
  switch (version) {
    case TlsVersion::tls10: return TLS1_VERSION;
    case TlsVersion::tls11: return TLS1_1_VERSION;
    case TlsVersion::tls12: return TLS1_2_VERSION;
    case TlsVersion::tls13: return TLS1_3_VERSION;
  }
  return TLS1_2_VERSION;
}

}  // namespace

std::string_view to_string(TlsVersion version) {
  switch (version) {
    case TlsVersion::tls10: return "TLS 1.0";
    case TlsVersion::tls11: return "TLS 1.1";
    case TlsVersion::tls12: return "TLS 1.2";
    case TlsVersion::tls13: return "TLS 1.3";
  }
  return "TLS";
}

Result<Handshake> tls_handshake(const AddressPolicy& policy, AddressPolicy::Self self, const TlsTarget& target,
                                std::stop_token stop) {
  auto connection = connect_to(policy, self, target, std::move(stop));
  if (!connection) return std::move(connection).error();
  const Context context = make_context({}, Roots::system);
  const Session session = make_session(context.get(), target.host);
  auto outcome = shake_hands(session.get(), *connection);
  X509* const leaf = SSL_get0_peer_certificate(session.get());
  if (!outcome && leaf == nullptr) {
    Error error = std::move(outcome).error();
    error.message = target.address.to_text() + ": " + error.message + " in the TLS handshake";
    return error;
  }
  if (!outcome && outcome.error().code == ErrorCode::cancelled) return std::move(outcome).error();
  if (leaf == nullptr) return failure_of(*outcome, target);
  Handshake handshake = describe(session.get(), leaf, target);
  close_politely(session.get(), *connection);
  return handshake;
}

Result<VersionSupport> tls_accepts(const AddressPolicy& policy, AddressPolicy::Self self, const TlsTarget& target,
                                   TlsVersion version, std::stop_token stop) {
  auto connection = connect_to(policy, self, target, std::move(stop));
  if (!connection) {
    const ErrorCode code = connection.error().code;
    if (code == ErrorCode::address_not_allowed || code == ErrorCode::cancelled) return std::move(connection).error();
    return VersionSupport::unknown;
  }
  const int wanted = openssl_version(version);
  const Context context = make_context({.min = wanted, .max = wanted}, Roots::none);
  const Session session = make_session(context.get(), target.host);
  auto outcome = shake_hands(session.get(), *connection);
  if (!outcome && outcome.error().code == ErrorCode::cancelled) return std::move(outcome).error();
  // A server that has chosen a cipher has accepted the version, even if it then wants a client's certificate.
  const bool is_chosen =
      SSL_get_pending_cipher(session.get()) != nullptr || SSL_get0_peer_certificate(session.get()) != nullptr;
  close_politely(session.get(), *connection);
  if (is_chosen) return VersionSupport::accepted;
  if (!outcome || outcome->ending == Ending::not_tls) return VersionSupport::unknown;
  return outcome->ending == Ending::done ? VersionSupport::accepted : VersionSupport::refused;
}

}  // namespace weir::egress
