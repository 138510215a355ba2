#include "egress/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/hmac.h"
#include "base/log.h"
#include "egress/ip_address.h"

namespace weir::egress {
namespace {

// Enough for the largest shared-hosting certificates; a hostile one could hold a hundred thousand.
constexpr int kNamesMax = 250;
constexpr std::size_t kNameBytesMax = 512;

std::string name_line(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  // UTF-8 instead of escapes; printable() deals with what is not text.
  constexpr unsigned long kFlags = (XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT;
  X509_NAME_print_ex(memory.get(), name, 0, kFlags);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  if (size <= 0) return {};
  return printable({data, static_cast<std::size_t>(size)}, kNameBytesMax);
}

UnixMillis time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return from_unix_ms(static_cast<std::int64_t>(timegm(&parts)) * 1000);
}

std::string serial_of(X509* certificate) {
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr), BN_free);
  if (!number) return {};
  char* hex = BN_bn2hex(number.get());
  if (hex == nullptr) return {};
  std::string text = hex;
  OPENSSL_free(hex);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return printable(text);
}

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

std::string ip_text(const ASN1_OCTET_STRING* octets) {
  const int size = ASN1_STRING_length(octets);
  const unsigned char* data = ASN1_STRING_get0_data(octets);
  if (size == 4) {
    IpAddress address;
    std::copy_n(data, 4, address.bytes.begin());
    return address.to_text();
  }
  if (size != 16) return {};
  sockaddr_in6 socket{};
  socket.sin6_family = AF_INET6;
  std::copy_n(data, 16, socket.sin6_addr.s6_addr);
  auto address = IpAddress::from_socket(reinterpret_cast<const sockaddr*>(&socket));
  return address ? address->to_text() : std::string{};
}

std::vector<std::string> names_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> entries(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::vector<std::string> names;
  const int count = entries ? std::min(sk_GENERAL_NAME_num(entries.get()), kNamesMax) : 0;
  for (int i = 0; i < count; ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(entries.get(), i), &type);
    if (type == GEN_DNS) {
      const auto* text = static_cast<const ASN1_STRING*>(value);
      names.push_back(printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                 static_cast<std::size_t>(ASN1_STRING_length(text))},
                                kNameBytesMax));
    } else if (type == GEN_IPADD) {
      if (std::string text = ip_text(static_cast<const ASN1_OCTET_STRING*>(value)); !text.empty()) {
        names.push_back(std::move(text));
      }
    }
  }
  return names;
}

std::string key_type_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return "RSA";
    case EVP_PKEY_RSA_PSS: return "RSA-PSS";
    case EVP_PKEY_EC: return "EC";
    case EVP_PKEY_DSA: return "DSA";
    case EVP_PKEY_ED25519: return "ED25519";
    case EVP_PKEY_ED448: return "ED448";
    default: {
      const char* name = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
      return name != nullptr ? name : "unknown";
    }
  }
}

std::string signature_digest_of(X509* certificate) {
  int digest = NID_undef;
  // Knows the parameters of RSA-PSS, which the algorithm's identifier alone does not tell.
  const int found = X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr);
  if (found != 1 && OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, nullptr) != 1) return {};
  if (digest == NID_undef) return {};
  std::string name = OBJ_nid2sn(digest);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return name;
}

}  // namespace

Certificate read_certificate(X509* certificate) {
  Certificate result;
  result.subject = name_line(X509_get_subject_name(certificate));
  result.issuer = name_line(X509_get_issuer_name(certificate));
  result.serial = serial_of(certificate);
  result.sha256 = fingerprint_of(certificate);
  result.not_before = time_of(X509_get0_notBefore(certificate));
  result.not_after = time_of(X509_get0_notAfter(certificate));
  result.names = names_of(certificate);
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  result.key_type = key != nullptr ? key_type_of(key) : "unknown";
  result.key_bits = key != nullptr ? EVP_PKEY_get_bits(key) : 0;
  result.signature_digest = signature_digest_of(certificate);
  result.is_self_signed = X509_self_signed(certificate, 1) == 1;
  return result;
}

bool is_certificate_for(X509* certificate, const std::string& host) {
  if (auto address = IpAddress::parse(host)) {
    return X509_check_ip(certificate, address->bytes.data(), address->is_v6() ? 16 : 4, 0) == 1;
  }
  return X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1;
}

}  // namespace weir::egress
