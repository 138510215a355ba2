// Whatever a target sends, the checks end, stay within their bounds and say the same twice.
#include <iterator>

#include "tests/support/fake_random.h"
#include "tests/unit/scan_engine/sites.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/scoring.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kNames[] = {"Content-Security-Policy",
                                       "Content-Security-Policy-Report-Only",
                                       "X-Frame-Options",
                                       "X-Content-Type-Options",
                                       "Strict-Transport-Security",
                                       "Referrer-Policy",
                                       "Permissions-Policy",
                                       "Cross-Origin-Opener-Policy",
                                       "Cross-Origin-Resource-Policy",
                                       "Content-Type",
                                       "Cache-Control",
                                       "Set-Cookie",
                                       "Server",
                                       "Location",
                                       "X-Debug-Token"};
constexpr std::string_view kPieces[] = {"max-age=",
                                        "; ",
                                        ", ",
                                        "'unsafe-inline'",
                                        "script-src ",
                                        "default-src ",
                                        "'nonce-",
                                        "\"",
                                        "=",
                                        "__Host-a=",
                                        "Domain=",
                                        "SameSite=",
                                        "text/html",
                                        "charset=",
                                        "<meta http-equiv=content-security-policy content=",
                                        "<a href=",
                                        ">",
                                        "</",
                                        "&#",
                                        "\xC3",
                                        "\xE2\x82",
                                        std::string_view("\0", 1),
                                        "\r\n",
                                        "999999999999999999999",
                                        ";jsessionid=",
                                        "<input type=password>"};

std::string random_text(Random& random) {
  std::string text;
  const std::uint64_t parts = random.below(12);
  for (std::uint64_t i = 0; i < parts; ++i) {
    if (random.below(4) == 0) {
      text += static_cast<char>(random.below(256));
    } else {
      text += kPieces[random.below(std::size(kPieces))];
    }
  }
  return text;
}

TEST(RandomInputTest, NoAnswerBreaksACheck) {
  testing::FakeRandom random(20'261'122);
  for (int round = 0; round < 400; ++round) {
    Observations seen = hardened_site();
    for (std::uint64_t i = random.below(8); i > 0; --i) {
      const std::string_view name = kNames[random.below(std::size(kNames))];
      random.below(2) == 0 ? add_header(seen, name, random_text(random)) : set_header(seen, name, random_text(random));
    }
    set_body(seen, random_text(random) + random_text(random));
    seen.security_txt.hops.back().answer.value().body = random_text(random);
    find_pages(seen);
    for (const Check& check : catalogue()) {
      const CheckResult result = check.run(check.rule, seen);
      const CheckResult again = check.run(check.rule, seen);

      ASSERT_EQ(result.detections.size(), again.detections.size()) << check.rule.id << ", round " << round;
      for (const Detection& detection : result.detections) {
        ASSERT_EQ(fingerprint_of(detection).size(), 64U);
        for (const Evidence& proof : detection.evidence) {
          ASSERT_LE(proof.value.size(), kEvidenceBytesMax);
          ASSERT_EQ(proof.value.find_first_of(std::string_view("\0\r\n\x1b", 4)), std::string::npos);
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir::tools::scans
