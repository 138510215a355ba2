#include "tools/scans/checks/html.h"

namespace weir::tools::scans {
namespace {

using ::testing::ElementsAre;

TEST(HtmlTest, ReadsMetaPoliciesInTheHead) {
  const HtmlFacts facts = read_html(
      "\xEF\xBB\xBF<!doctype html>\n<!-- <meta http-equiv=Content-Security-Policy content=no> -->"
      "<html><head><script>'<meta http-equiv=Content-Security-Policy content=no>'</script>"
      "<meta HTTP-EQUIV=\"Content-Security-Policy\" content=\"script-src &#39;self&#39; &quot;&#x2a;\"></head>"
      "<body><meta http-equiv=Content-Security-Policy content=late>");

  EXPECT_THAT(facts.csp_metas, ElementsAre("script-src 'self' \"*"));
}

TEST(HtmlTest, TextEndsTheHead) {
  EXPECT_TRUE(read_html("<head>hello<meta http-equiv=content-security-policy content=x>").csp_metas.empty());
}

TEST(HtmlTest, TheFirstAttributeOfANameCounts) {
  EXPECT_TRUE(read_html("<input type=password type=text>").has_password_field);
  EXPECT_FALSE(read_html("<input type=text type=password>").has_password_field);
}

TEST(HtmlTest, FindsPasswordFieldsHoweverTheyAreWritten) {
  EXPECT_TRUE(read_html("<INPUT name=p TYPE=' Password '/>").has_password_field);
  EXPECT_TRUE(read_html("<input\ntype\n=\npassword\n>").has_password_field);
  EXPECT_FALSE(read_html("<!-- <input type=password> -->").has_password_field);
  EXPECT_FALSE(read_html("<textarea><input type=password></textarea>").has_password_field);
  EXPECT_FALSE(read_html("<input type=password").has_password_field) << "a tag that never ends is dropped";
}

TEST(HtmlTest, CollectsLinksAsWritten) {
  const HtmlFacts facts = read_html(
      "<base href=/app/><a href='?a=1&amp;b=2'>x</a><img src=i.png><form action=\"/go\"></form><a href=''>empty</a>");

  EXPECT_EQ(facts.base_href, "/app/");
  EXPECT_THAT(facts.links, ElementsAre("/app/", "?a=1&b=2", "i.png", "/go"));
}

TEST(HtmlTest, KeepsABoundedNumberOfLinks) {
  std::string page;
  for (int i = 0; i < 3'000; ++i) page += "<a href=x>";

  EXPECT_EQ(read_html(page).links.size(), kHtmlLinksMax);
}

TEST(HtmlTest, SurvivesWhatIsNotHtml) {
  for (const std::string_view text :
       {"", "<", "</", "<!", "<!--", "<!-->", "<a", "<a =", "<a b='", "&#", "<a b=&#x", "<script>", "<script></scrip",
        "</>", "<a/b/c", "<?php", "<a b=&#99999999999;>"}) {
    static_cast<void>(read_html(text));
  }
  EXPECT_TRUE(read_html("<>").links.empty());
}

}  // namespace
}  // namespace weir::tools::scans
