#include <openssl/ssl.h>

#include <fstream>

#include "egress/http_client.h"
#include "tests/support/http_imposter.h"
#include "tests/support/temp_dir.h"

namespace weir::egress {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::HttpImposter;
using testing::make_self_signed;
using testing::make_signed_by;

class HttpClientTlsTest : public ::testing::Test {
 protected:
  HttpRequest request_to(const HttpImposter& imposter, std::string_view host) const {
    HttpRequest request;
    request.url = *Url::parse(imposter.url("/", host));
    request.pinned = {*IpAddress::parse("127.0.0.1")};
    request.timeout = 10s;
    return request;
  }

  std::string file_of(const std::string& pem) const {
    const std::string path = folder_.path() / "roots.pem";
    std::ofstream(path) << pem;
    return path;
  }

  testing::TempDir folder_;
  AddressPolicy policy_{PolicySettings{.allow_loopback = true}};
  std::unique_ptr<Resolver> resolver_ = system_resolver();
  HttpClient client_{policy_, *resolver_, "Weir/test"};
};

TEST_F(HttpClientTlsTest, RefusesACertificateThatNobodyTrusts) {
  const auto imposter = HttpImposter::with_tls();

  const auto response = client_.send(request_to(*imposter, "localhost"));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("certificate that is not trusted"));
  EXPECT_TRUE(imposter->requests().empty());
}

TEST_F(HttpClientTlsTest, AScannerMayLookAnyway) {
  const auto imposter = HttpImposter::with_tls();
  imposter->answer("/", {.body = "secret garden"});
  HttpRequest request = request_to(*imposter, "scanned.example");
  request.verify_certificate = false;

  const auto response = client_.send(request);

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "secret garden");
  EXPECT_EQ(imposter->requests().at(0).server_name, "scanned.example");
  EXPECT_THAT(imposter->requests().at(0).header("Host"), HasSubstr("scanned.example:"));
}

TEST_F(HttpClientTlsTest, AcceptsAChainToAGivenRootUnderThePinnedName) {
  const auto root = make_self_signed({.common_name = "root", .names = {}, .is_authority = true});
  const auto leaf = make_signed_by(root, {.names = {"pinned.example"}});
  const HttpImposter imposter({.chain = {leaf.certificate}, .key = leaf.key});
  HttpRequest request = request_to(imposter, "pinned.example");
  request.ca_file = file_of(root.certificate);

  const auto right = client_.send(request);
  HttpRequest other = request_to(imposter, "other.example");
  other.ca_file = request.ca_file;
  const auto wrong = client_.send(other);

  ASSERT_TRUE(right) << right.error().message;
  EXPECT_EQ(imposter.requests().at(0).server_name, "pinned.example");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("not trusted"));
}

TEST_F(HttpClientTlsTest, AnUnverifiedConnectionIsNotUsedForAVerifiedRequest) {
  const auto imposter = HttpImposter::with_tls();
  HttpRequest request = request_to(*imposter, "localhost");
  request.verify_certificate = false;
  ASSERT_TRUE(client_.send(request));
  request.verify_certificate = true;

  EXPECT_FALSE(client_.send(request));
}

TEST_F(HttpClientTlsTest, ReachesAWeakServerOnlyUnverified) {
  const auto certificate = make_self_signed({.key_type = testing::KeyType::rsa, .key_bits = 1024, .digest = "sha1"});
  const HttpImposter imposter({.chain = {certificate.certificate},
                               .key = certificate.key,
                               .min_version = TLS1_VERSION,
                               .max_version = TLS1_VERSION});
  HttpRequest request = request_to(imposter, "localhost");
  request.ca_file = file_of(certificate.certificate);

  const auto verified = client_.send(request);
  request.verify_certificate = false;
  const auto unverified = client_.send(request);

  ASSERT_FALSE(verified);
  EXPECT_THAT(verified.error().message, HasSubstr("TLS handshake"));
  ASSERT_TRUE(unverified) << unverified.error().message << " " << unverified.error().cause;
}

TEST_F(HttpClientTlsTest, SaysThatAPlainServerDoesNotSpeakTls) {
  HttpImposter plain;
  plain.speak_first("HTTP/1.1 400 Bad Request\r\n\r\n");
  HttpRequest request = request_to(plain, "localhost");
  request.url.scheme = "https";

  const auto response = client_.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("failed the TLS handshake"));
}

TEST_F(HttpClientTlsTest, TimesOutOnASilentHandshake) {
  const HttpImposter silent;
  HttpRequest request = request_to(silent, "localhost");
  request.url.scheme = "https";
  request.timeout = 100ms;

  const auto response = client_.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::timed_out);
  EXPECT_THAT(response.error().message, HasSubstr("TLS handshake"));
}

}  // namespace
}  // namespace weir::egress
