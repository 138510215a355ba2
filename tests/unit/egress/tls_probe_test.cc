#include "egress/tls_probe.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "tests/support/http_imposter.h"
#include "tests/support/temp_dir.h"

namespace weir::egress {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpImposter;
using testing::KeyType;
using testing::make_self_signed;
using testing::make_signed_by;
using testing::TestCertificate;

constexpr auto kExcluded = AddressPolicy::Self::excluded;

// The system's roots are a file of the test's own, so that verdicts do not depend on the machine.
class TlsProbeTest : public ::testing::Test {
 protected:
  TlsProbeTest() {
    trust("");
    setenv("SSL_CERT_FILE", roots_file_.c_str(), 1);
    setenv("SSL_CERT_DIR", folder_.path().c_str(), 1);
  }
  ~TlsProbeTest() override {
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
  }

  void trust(const std::string& pem) const { std::ofstream(roots_file_) << pem; }

  static TlsTarget target(std::uint16_t port, std::string host = "localhost") {
    return {.host = std::move(host), .address = *IpAddress::parse("127.0.0.1"), .port = port, .timeout = 10s};
  }

  // What the probe says of a server that sends this one certificate.
  Result<Handshake> probe(const TestCertificate& certificate, const std::string& host = "localhost") const {
    const HttpImposter imposter({.chain = {certificate.certificate}, .key = certificate.key});
    return tls_handshake(policy_, kExcluded, target(imposter.port(), host));
  }

  testing::TempDir folder_;
  const std::string roots_file_ = folder_.path() / "roots.pem";
  AddressPolicy policy_{PolicySettings{.allow_loopback = true}};
};

TEST_F(TlsProbeTest, DescribesTheCertificate) {
  const auto handshake = probe(make_self_signed(
      {.common_name = "example \xC3\xBC\x07name", .names = {"localhost", "*.example.com", "127.0.0.1", "::1"}}));

  ASSERT_TRUE(handshake) << handshake.error().message;
  EXPECT_EQ(handshake->version, TlsVersion::tls13);
  EXPECT_THAT(handshake->cipher, HasSubstr("TLS_"));
  ASSERT_EQ(handshake->chain.size(), 1U);
  const Certificate& leaf = handshake->chain.front();
  EXPECT_THAT(leaf.subject, HasSubstr("CN = example"));
  EXPECT_EQ(leaf.subject.find('\x07'), std::string::npos);
  EXPECT_EQ(leaf.issuer, leaf.subject);
  EXPECT_THAT(leaf.names, ElementsAre("localhost", "*.example.com", "127.0.0.1", "::1"));
  EXPECT_EQ(leaf.key_type, "EC");
  EXPECT_EQ(leaf.key_bits, 256);
  EXPECT_EQ(leaf.signature_digest, "sha256");
  EXPECT_EQ(leaf.sha256.size(), 64U);
  EXPECT_FALSE(leaf.serial.empty());
  EXPECT_TRUE(leaf.is_self_signed);
  EXPECT_TRUE(handshake->name_matches);
  const auto now = std::chrono::system_clock::now();
  EXPECT_LT(leaf.not_before, now);
  EXPECT_GT(leaf.not_after, now + 24h * 89);
  EXPECT_LT(leaf.not_after, now + 24h * 91);
}

TEST_F(TlsProbeTest, RecordsAChainToATrustedRoot) {
  const auto root = make_self_signed({.common_name = "root", .names = {}, .is_authority = true});
  const auto middle = make_signed_by(root, {.common_name = "middle", .names = {}, .is_authority = true});
  const auto leaf = make_signed_by(middle, {});
  const HttpImposter imposter({.chain = {leaf.certificate, middle.certificate}, .key = leaf.key});
  trust(root.certificate);

  const auto handshake = tls_handshake(policy_, kExcluded, target(imposter.port()));

  ASSERT_TRUE(handshake) << handshake.error().message;
  EXPECT_EQ(handshake->verify_code, X509_V_OK) << handshake->verify_message;
  EXPECT_EQ(handshake->chain.size(), 2U);
}

TEST_F(TlsProbeTest, RecordsASelfSignedCertificate) {
  const auto handshake = probe(make_self_signed({}));

  ASSERT_TRUE(handshake);
  EXPECT_EQ(handshake->verify_code, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  EXPECT_THAT(handshake->verify_message, HasSubstr("self"));
}

TEST_F(TlsProbeTest, RecordsAnExpiredCertificate) {
  const auto certificate = make_self_signed({.valid_from = -48h, .valid_until = -24h});
  trust(certificate.certificate);

  const auto handshake = probe(certificate);

  ASSERT_TRUE(handshake);
  EXPECT_EQ(handshake->verify_code, X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_LT(handshake->chain.front().not_after, std::chrono::system_clock::now());
}

TEST_F(TlsProbeTest, ChecksTheName) {
  const auto certificate = make_self_signed({.names = {"right.example", "*.wild.example", "127.0.0.1"}});

  EXPECT_TRUE(probe(certificate, "right.example")->name_matches);
  EXPECT_TRUE(probe(certificate, "a.wild.example")->name_matches);
  EXPECT_FALSE(probe(certificate, "a.b.wild.example")->name_matches);
  EXPECT_FALSE(probe(certificate, "wrong.example")->name_matches);
  EXPECT_TRUE(probe(certificate, "127.0.0.1")->name_matches);
  EXPECT_FALSE(probe(make_self_signed({.names = {"right.example"}}), "127.0.0.1")->name_matches);
}

TEST_F(TlsProbeTest, ShowsTheChainAsSent) {
  const auto root = make_self_signed({.common_name = "root", .names = {}, .is_authority = true});
  const auto middle = make_signed_by(root, {.common_name = "middle", .names = {}, .is_authority = true});
  const auto leaf = make_signed_by(middle, {.common_name = "leaf"});
  const HttpImposter imposter({.chain = {leaf.certificate, middle.certificate, root.certificate}, .key = leaf.key});

  const auto handshake = tls_handshake(policy_, kExcluded, target(imposter.port()));

  ASSERT_TRUE(handshake);
  ASSERT_EQ(handshake->chain.size(), 3U);
  EXPECT_EQ(handshake->chain[0].issuer, handshake->chain[1].subject);
  EXPECT_FALSE(handshake->chain[0].is_self_signed);
  EXPECT_TRUE(handshake->chain[2].is_self_signed);
  EXPECT_EQ(handshake->verify_code, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
}

TEST_F(TlsProbeTest, RecordsAMissingIntermediate) {
  const auto root = make_self_signed({.common_name = "root", .names = {}, .is_authority = true});
  const auto middle = make_signed_by(root, {.common_name = "middle", .names = {}, .is_authority = true});

  const auto handshake = probe(make_signed_by(middle, {.common_name = "leaf"}));

  ASSERT_TRUE(handshake);
  EXPECT_EQ(handshake->chain.size(), 1U);
  EXPECT_EQ(handshake->verify_code, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_F(TlsProbeTest, SeesWeakKeysAndDigests) {
  const auto weak = probe(make_self_signed({.key_type = KeyType::rsa, .key_bits = 1024, .digest = "sha1"}));
  const auto edwards = probe(make_self_signed({.key_type = KeyType::ed25519}));

  ASSERT_TRUE(weak) << weak.error().message;
  EXPECT_EQ(weak->chain.front().key_type, "RSA");
  EXPECT_EQ(weak->chain.front().key_bits, 1024);
  EXPECT_EQ(weak->chain.front().signature_digest, "sha1");
  ASSERT_TRUE(edwards);
  EXPECT_EQ(edwards->chain.front().key_type, "ED25519");
  EXPECT_EQ(edwards->chain.front().signature_digest, "");
}

TEST_F(TlsProbeTest, TellsWhichVersionsAServerAccepts) {
  const auto certificate = make_self_signed({});
  constexpr int kVersions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
  constexpr TlsVersion kNames[] = {TlsVersion::tls10, TlsVersion::tls11, TlsVersion::tls12, TlsVersion::tls13};
  for (std::size_t spoken = 0; spoken < std::size(kVersions); ++spoken) {
    const HttpImposter imposter({.chain = {certificate.certificate},
                                 .key = certificate.key,
                                 .min_version = kVersions[spoken],
                                 .max_version = kVersions[spoken]});
    for (std::size_t asked = 0; asked < std::size(kNames); ++asked) {
      const auto support = tls_accepts(policy_, kExcluded, target(imposter.port()), kNames[asked]);

      ASSERT_TRUE(support);
      EXPECT_EQ(*support, asked == spoken ? VersionSupport::accepted : VersionSupport::refused)
          << to_string(kNames[asked]) << " of a server that speaks " << to_string(kNames[spoken]);
    }
    const auto best = tls_handshake(policy_, kExcluded, target(imposter.port()));
    ASSERT_TRUE(best) << best.error().message;
    EXPECT_EQ(best->version, kNames[spoken]);
  }
}

TEST_F(TlsProbeTest, AServerThatWantsAClientCertificateStillShowsItsOwn) {
  const auto certificate = make_self_signed({});
  const HttpImposter imposter({.chain = {certificate.certificate},
                               .key = certificate.key,
                               .max_version = TLS1_2_VERSION,
                               .wants_client_certificate = true});

  const auto support = tls_accepts(policy_, kExcluded, target(imposter.port()), TlsVersion::tls12);
  const auto handshake = tls_handshake(policy_, kExcluded, target(imposter.port()));

  ASSERT_TRUE(support);
  EXPECT_EQ(*support, VersionSupport::accepted);
  ASSERT_TRUE(handshake) << handshake.error().message;
  EXPECT_EQ(handshake->version, TlsVersion::tls12);
  EXPECT_EQ(handshake->chain.size(), 1U);
}

TEST_F(TlsProbeTest, SaysThatAListenerDoesNotSpeakTls) {
  HttpImposter ssh;
  ssh.speak_first("SSH-2.0-OpenSSH_9.2\r\n");

  const auto handshake = tls_handshake(policy_, kExcluded, target(ssh.port()));
  const auto support = tls_accepts(policy_, kExcluded, target(ssh.port()), TlsVersion::tls12);

  ASSERT_FALSE(handshake);
  EXPECT_EQ(handshake.error().code, ErrorCode::bad_request);
  EXPECT_THAT(handshake.error().message, HasSubstr("does not speak TLS"));
  ASSERT_TRUE(support);
  EXPECT_EQ(*support, VersionSupport::unknown);
}

TEST_F(TlsProbeTest, SaysThatNothingListens) {
  std::uint16_t port = 0;
  {
    const HttpImposter gone;
    port = gone.port();
  }

  const auto handshake = tls_handshake(policy_, kExcluded, target(port));
  const auto support = tls_accepts(policy_, kExcluded, target(port), TlsVersion::tls12);

  ASSERT_FALSE(handshake);
  EXPECT_EQ(handshake.error().code, ErrorCode::unavailable);
  EXPECT_THAT(handshake.error().message, HasSubstr("nothing listens"));
  ASSERT_TRUE(support);
  EXPECT_EQ(*support, VersionSupport::unknown);
}

TEST_F(TlsProbeTest, TimesOutOnASilentListener) {
  const HttpImposter silent;  // waits for the end of a request head that never comes
  TlsTarget quick = target(silent.port());
  quick.timeout = 100ms;

  const auto handshake = tls_handshake(policy_, kExcluded, quick);
  const auto support = tls_accepts(policy_, kExcluded, quick, TlsVersion::tls12);

  ASSERT_FALSE(handshake);
  EXPECT_EQ(handshake.error().code, ErrorCode::timed_out);
  ASSERT_TRUE(support);
  EXPECT_EQ(*support, VersionSupport::unknown);
}

TEST_F(TlsProbeTest, StopsWhenAsked) {
  const HttpImposter silent;
  std::stop_source stop;
  std::jthread stopper([&] {
    while (silent.connections() == 0) std::this_thread::yield();
    stop.request_stop();
  });

  const auto handshake = tls_handshake(policy_, kExcluded, target(silent.port()), stop.get_token());

  ASSERT_FALSE(handshake);
  EXPECT_EQ(handshake.error().code, ErrorCode::cancelled);
}

TEST_F(TlsProbeTest, AsksThePolicyFirst) {
  const auto imposter = HttpImposter::with_tls();
  const AddressPolicy strict({});

  const auto handshake = tls_handshake(strict, kExcluded, target(imposter->port()));
  const auto support = tls_accepts(strict, kExcluded, target(imposter->port()), TlsVersion::tls12);

  ASSERT_FALSE(handshake || support);
  EXPECT_EQ(handshake.error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(support.error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(imposter->connections(), 0);
}

TEST_F(TlsProbeTest, SendsTheNameButNeverAnAddressAsServerName) {
  const auto imposter = HttpImposter::with_tls();

  ASSERT_TRUE(tls_handshake(policy_, kExcluded, target(imposter->port(), "named.example")));
  ASSERT_TRUE(tls_handshake(policy_, kExcluded, target(imposter->port(), "127.0.0.1")));

  EXPECT_THAT(imposter->server_names(), ElementsAre("named.example", ""));
}

}  // namespace
}  // namespace weir::egress
