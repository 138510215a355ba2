#include "tests/support/test_certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/check.h"

namespace weir::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using X509Pointer = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free)>;

Key make_key(const CertificateWish& wish) {
  EVP_PKEY* key = nullptr;
  switch (wish.key_type) {
    case KeyType::ec: key = EVP_EC_gen("P-256"); break;
    case KeyType::rsa: key = EVP_RSA_gen(static_cast<unsigned>(wish.key_bits)); break;
    case KeyType::ed25519: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"); break;
  }
  CHECK(key != nullptr, "OpenSSL makes keys");
  return {key, EVP_PKEY_free};
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  CHECK(extension != nullptr, "the extension's value is well formed");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string san_of(const std::vector<std::string>& names) {
  std::string value;
  for (const std::string& name : names) {
    std::array<unsigned char, 16> ignored{};
    const bool is_ip =
        inet_pton(AF_INET, name.c_str(), ignored.data()) == 1 || inet_pton(AF_INET6, name.c_str(), ignored.data()) == 1;
    value += (value.empty() ? "" : ",") + std::string(is_ip ? "IP:" : "DNS:") + name;
  }
  return value;
}

TestCertificate make(const CertificateWish& wish, X509* issuer, EVP_PKEY* issuer_key) {
  const Key key = make_key(wish);
  const X509Pointer certificate(X509_new(), X509_free);
  X509* const raw = certificate.get();
  X509_set_version(raw, 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(raw), static_cast<long>(wish.valid_from.count()));
  X509_gmtime_adj(X509_getm_notAfter(raw), static_cast<long>(wish.valid_until.count()));
  X509_set_pubkey(raw, key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.data()),
                             static_cast<int>(wish.common_name.size()), -1, 0);
  X509* const signer = issuer != nullptr ? issuer : raw;
  X509_set_issuer_name(raw, X509_get_subject_name(signer));
  add_extension(raw, signer, NID_subject_key_identifier, "hash");
  add_extension(raw, signer, NID_basic_constraints, wish.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (wish.is_authority) add_extension(raw, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!wish.names.empty()) add_extension(raw, signer, NID_subject_alt_name, san_of(wish.names));

  EVP_PKEY* const signing_key = issuer_key != nullptr ? issuer_key : key.get();
  const bool has_own_digest = EVP_PKEY_is_a(signing_key, "ED25519") == 1;
  const EVP_MD* digest = has_own_digest ? nullptr : EVP_get_digestbyname(wish.digest.c_str());
  CHECK(has_own_digest || digest != nullptr, "the digest is known");
  CHECK(X509_sign(raw, signing_key, digest) > 0, "the key can sign with that digest");

  TestCertificate result;
  const BioPointer certificate_text(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(certificate_text.get(), raw);
  result.certificate = text_of(certificate_text.get());
  const BioPointer key_text(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  result.key = text_of(key_text.get());
  return result;
}

}  // namespace

TestCertificate make_self_signed(const CertificateWish& wish) { return make(wish, nullptr, nullptr); }

TestCertificate make_signed_by(const TestCertificate& issuer, const CertificateWish& wish) {
  const BioPointer certificate_text(BIO_new_mem_buf(issuer.certificate.data(), -1), BIO_free);
  const X509Pointer certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), X509_free);
  const BioPointer key_text(BIO_new_mem_buf(issuer.key.data(), -1), BIO_free);
  const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  CHECK(certificate && key, "the issuer is a certificate with its key");
  return make(wish, certificate.get(), key.get());
}

}  // namespace weir::testing
