#include "streaming/webhook_signature.h"

#include "base/hmac.h"
#include "tests/support/fake_random.h"

namespace weir::streaming {
namespace {

std::string header(const std::vector<std::pair<std::string, std::string>>& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

// The example that the libraries of Standard Webhooks test themselves with.
const SignedMessage kExample{.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                             .sent_at = from_unix_ms(1'614'265'330'000),
                             .event_type = "scan.completed",
                             .body = R"({"test": 2432232314})"};
const std::string kExampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

TEST(WebhookSignatureTest, IsTheOneOfTheSpecification) {
  const auto headers = webhook_headers(kExample, {kExampleSecret});

  EXPECT_EQ(header(headers, "webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
  EXPECT_EQ(header(headers, "webhook-timestamp"), "1614265330");
  EXPECT_EQ(header(headers, "webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(header(headers, "Content-Type"), "application/json");
}

TEST(WebhookSignatureTest, HasOneSignatureForEachSecretTheNewestFirst) {
  testing::FakeRandom random;
  const std::string other = make_webhook_secret(random);

  const std::string both = header(webhook_headers(kExample, {other, kExampleSecret}), "webhook-signature");

  EXPECT_EQ(both, header(webhook_headers(kExample, {other}), "webhook-signature") +
                      " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignatureTest, TheOlderHeaderSignsTheBodyWithTheSecretAsText) {
  const auto headers = webhook_headers(kExample, {kExampleSecret});

  EXPECT_EQ(header(headers, "X-Weir-Signature"), "sha256=" + to_hex(hmac_sha256(kExampleSecret, kExample.body)));
  EXPECT_EQ(header(headers, "X-Weir-Event"), "scan.completed");
}

TEST(WebhookSignatureTest, ASecretIs32BytesAndNeverTheSame) {
  testing::FakeRandom random;
  const std::string first = make_webhook_secret(random);

  ASSERT_TRUE(first.starts_with("whsec_"));
  EXPECT_EQ(from_base64(std::string_view(first).substr(6))->size(), 32U);
  EXPECT_NE(first, make_webhook_secret(random));
}

}  // namespace
}  // namespace weir::streaming
