#include "base/sealer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/hmac.h"

namespace weir {
namespace {

// Names the scheme, so that another one can follow.
constexpr std::string_view kPrefix = "s1:";
// NIST SP 800-38D §8.2.2: a random nonce of 96 bits; a key must not seal more than 2^32 texts.
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* as_unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* as_unsigned(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace

Sealer::Sealer(std::string_view key, Random& random) : random_(random) {
  CHECK(key.size() == kKeyBytes, "a sealing key has 32 bytes");
  std::copy(key.begin(), key.end(), key_.begin());
}

Sealer::~Sealer() { OPENSSL_cleanse(key_.data(), key_.size()); }

std::string Sealer::seal(std::string_view secret, std::string_view bound_to) const {
  std::string nonce(kNonceBytes, '\0');
  random_.fill(std::as_writable_bytes(std::span(nonce.data(), nonce.size())));
  std::string cipher(secret.size(), '\0');
  std::string tag(kTagBytes, '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool is_sealed =
      context != nullptr &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(),
                         as_unsigned(std::string_view(nonce))) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, as_unsigned(bound_to), static_cast<int>(bound_to.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), as_unsigned(cipher), &size, as_unsigned(secret),
                        static_cast<int>(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), as_unsigned(cipher) + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes), tag.data()) == 1;
  CHECK(is_sealed, "AES-256-GCM is always available");
  return std::string(kPrefix) + to_base64(nonce + cipher + tag);
}

std::optional<std::string> Sealer::open(std::string_view sealed, std::string_view bound_to) const {
  if (!sealed.starts_with(kPrefix)) return std::nullopt;
  const std::optional<std::string> bytes = from_base64(sealed.substr(kPrefix.size()));
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return std::nullopt;
  const std::string_view all(*bytes);
  const std::string_view cipher = all.substr(kNonceBytes, all.size() - kNonceBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string secret(cipher.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool is_opened =
      context != nullptr &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), as_unsigned(all)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, as_unsigned(bound_to), static_cast<int>(bound_to.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), as_unsigned(secret), &size, as_unsigned(cipher),
                        static_cast<int>(cipher.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes), tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), as_unsigned(secret) + size, &size) == 1;
  if (!is_opened) return std::nullopt;
  return secret;
}

}  // namespace weir
