#include "streaming/webhook_signature.h"

#include "base/hmac.h"

namespace weir::streaming {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kSecretBytes = 32;

std::string signature(const std::string& content, std::string_view secret) {
  if (secret.starts_with(kPrefix)) secret.remove_prefix(kPrefix.size());
  // The spec signs with the decoded bytes.
  return "v1," + to_base64(as_bytes(hmac_sha256(from_base64(secret).value_or(std::string(secret)), content)));
}

}  // namespace

std::string make_webhook_secret(Random& random) {
  std::string bytes(kSecretBytes, '\0');
  random.fill(std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
  return std::string(kPrefix) + to_base64(bytes);
}

std::vector<std::pair<std::string, std::string>> webhook_headers(const SignedMessage& message,
                                                                 const std::vector<std::string>& secrets) {
  const std::string timestamp =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(message.sent_at.time_since_epoch()).count());
  std::string content(message.id);
  content.append(".").append(timestamp).append(".").append(message.body);
  std::string signatures;
  for (const std::string& secret : secrets) signatures += (signatures.empty() ? "" : " ") + signature(content, secret);
  std::vector<std::pair<std::string, std::string>> headers = {{"Content-Type", "application/json"},
                                                              {"webhook-id", std::string(message.id)},
                                                              {"webhook-timestamp", timestamp},
                                                              {"webhook-signature", std::move(signatures)},
                                                              {"X-Weir-Event", std::string(message.event_type)}};
  if (!secrets.empty()) {
    headers.emplace_back("X-Weir-Signature", "sha256=" + to_hex(hmac_sha256(secrets.front(), message.body)));
  }
  return headers;
}

}  // namespace weir::streaming
