#include "tools/scans/checks/evidence.h"
#include "base/json.h"
#include "tests/unit/scan_engine/sites.h"

namespace weir::tools::scans {
namespace {

TEST(EvidenceTest, IsShortPrintableAndMarked) {
  const Evidence proof = evidence("header", "X", std::string("a\r\n\x1b[31m") + std::string(2'000, 'b'));

  EXPECT_LE(proof.value.size(), kEvidenceBytesMax);
  EXPECT_TRUE(proof.value.starts_with("a\\x0D\\x0A\\x1B[31mb")) << proof.value;
  EXPECT_TRUE(proof.is_truncated);
  EXPECT_TRUE(proof.is_untrusted);
  EXPECT_FALSE(evidence("header", "X", "short").is_truncated);
}

TEST(EvidenceTest, IsNeverCutInsideACharacter) {
  for (std::size_t size = 500; size < 520; ++size) {
    const Evidence proof = evidence("header", "X", std::string(size, 'a') + "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC");

    EXPECT_EQ(parse_json(to_text(Json(proof.value))).value(), Json(proof.value));
    EXPECT_LE(proof.value.size(), kEvidenceBytesMax);
  }
}

TEST(EvidenceTest, MasksCookieValuesAndBearerTokens) {
  EXPECT_EQ(cookie_evidence("sid=abc; Path=/").value, "sid=[redacted]; Path=/");
  EXPECT_EQ(cookie_evidence("abc").value, "[redacted]");
  EXPECT_TRUE(cookie_evidence("sid=abc").is_redacted);
  EXPECT_EQ(header_evidence("X", "Bearer abcdefghijkl").value.find("abcdefghijkl"), std::string::npos);
}

TEST(EvidenceTest, UrlsLoseQueriesAndParameterValues) {
  EXPECT_EQ(shown_url(url_of("https://a.example:8443/x?token=1")), "https://a.example:8443/x");
  EXPECT_EQ(shown_url(url_of("https://a.example/x;jsessionid=1/y")), "https://a.example/x;jsessionid=/y");
  EXPECT_EQ(shown_reference("/x;jsessionid=1?a=b#c"), "/x;jsessionid=");
  EXPECT_EQ(shown_reference("https://b.example/?sid=1"), "https://b.example/");
  EXPECT_EQ(shown_reference("?sid=1"), "");
}

}  // namespace
}  // namespace weir::tools::scans
