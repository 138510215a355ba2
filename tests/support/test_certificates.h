// Keys and certificates made at run time, good and bad ones: what a TLS test needs is written in the test, and no
// key is kept in the tree.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace weir::testing {

enum class KeyType { ec, rsa, ed25519 };

struct CertificateWish {
  std::string common_name = "weir test";
  std::vector<std::string> names = {"localhost", "127.0.0.1"};  // names and IP addresses of the SAN
  std::chrono::seconds valid_from = std::chrono::hours{-1};     // relative to now
  std::chrono::seconds valid_until = std::chrono::hours{24 * 90};
  KeyType key_type = KeyType::ec;  // P-256, the quickest to make
  int key_bits = 2048;             // of RSA keys only
  std::string digest = "sha256";   // ignored by ed25519
  bool is_authority = false;
};

// PEM texts. Not thread-safe: a value.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

TestCertificate make_self_signed(const CertificateWish& wish);
// `issuer` should have been made with is_authority, else no verifier accepts the chain.
TestCertificate make_signed_by(const TestCertificate& issuer, const CertificateWish& wish);

}  // namespace weir::testing
