#include "egress/url.h"

#include "tests/support/fake_random.h"

namespace weir::egress {
namespace {

using ::testing::HasSubstr;

struct ParseRow {
  const char* text;
  const char* expected;  // to_text()
};

constexpr ParseRow kAccepted[] = {
    {"http://example.com", "http://example.com/"},
    {"HTTPS://EXAMPLE.com/Path", "https://example.com/Path"},
    {"https://example.com:443/", "https://example.com/"},
    {"http://example.com:80", "http://example.com/"},
    {"http://example.com:", "http://example.com/"},
    {"http://example.com:443/", "http://example.com:443/"},
    {"https://example.com:08443/", "https://example.com:8443/"},
    {"http://example.com:65535/", "http://example.com:65535/"},
    {"http://example.com./a", "http://example.com/a"},
    {"http://example.com?q=1", "http://example.com/?q=1"},
    {"http://example.com#f", "http://example.com/"},
    {"http://example.com/a#f?g", "http://example.com/a"},
    {"http://example.com/a?b=c/d?e#f", "http://example.com/a?b=c/d?e"},
    {"http://example.com/a/../b", "http://example.com/a/../b"},
    {"http://example.com//a", "http://example.com//a"},
    {"http://example.com/%2e%2E/", "http://example.com/%2e%2E/"},
    {"http://example.com/caf\xC3\xA9", "http://example.com/caf%C3%A9"},
    {"http://example.com/?a@b:c", "http://example.com/?a@b:c"},
    {"http://example.com/a@b", "http://example.com/a@b"},
    {"http://127.0.0.1/", "http://127.0.0.1/"},
    {"http://127.0.0.1.:8080/", "http://127.0.0.1:8080/"},
    {"http://localhost:3000", "http://localhost:3000/"},
    {"http://my_host.example/", "http://my_host.example/"},
    {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"},
    {"http://1e100.net/", "http://1e100.net/"},
    {"http://3com.com/", "http://3com.com/"},
    {"http://0x7f.example/", "http://0x7f.example/"},
    {"http://[::1]/", "http://[::1]/"},
    {"http://[::1]:8080/x", "http://[::1]:8080/x"},
    {"http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"},
    {"http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"},
};

TEST(UrlTest, NormalisesWhatItAccepts) {
  for (const ParseRow& row : kAccepted) {
    const auto url = Url::parse(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().message;

    EXPECT_EQ(url->to_text(), row.expected) << row.text;
    const auto again = Url::parse(url->to_text());
    ASSERT_TRUE(again) << row.text;
    EXPECT_EQ(*again, *url) << row.text;
  }
}

struct RefusalRow {
  const char* text;
  const char* reason;
};

constexpr RefusalRow kRefused[] = {
    {"", "scheme is missing"},
    {"example.com", "scheme is missing"},
    {"//example.com/", "scheme is missing"},
    {"ftp://example.com/", "neither http nor https"},
    {"file:///etc/passwd", "neither http nor https"},
    {"javascript:alert(1)", "neither http nor https"},
    {"gopher://example.com:70/", "neither http nor https"},
    {"http:example.com", "must follow the scheme"},
    {"http:/example.com", "must follow the scheme"},
    {"http://", "host is missing"},
    {"http:///path", "host is missing"},
    {"http://:80/", "host is missing"},
    {"http://./", "host is missing"},
    {"http://user@example.com/", "user name or password"},
    {"http://user:pass@example.com/", "user name or password"},
    {"http://example.com@127.0.0.1/", "user name or password"},
    {"http://@example.com/", "user name or password"},
    {"http://example.com\\@127.0.0.1/", "backslash"},
    {"http:\\\\example.com", "backslash"},
    {"http://example.com/a b", "space"},
    {" http://example.com/", "space"},
    {"http://example.com/\r\nHost: x", "space"},
    {"http://example.com/\x7F", "control"},
    {"http://exa\tmple.com/", "control"},
    {"http://b\xC3\xBC"
     "cher.example/",
     "xn--"},
    {"http://\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1/", "xn--"},
    {"http://%31%32%37.0.0.1/", "percent-encoded"},
    {"http://example%2ecom/", "percent-encoded"},
    {"http://a..b/", "empty label"},
    {"http://.example.com/", "empty label"},
    {"http://example.com../", "empty label"},
    {"http://exa!mple.com/", "letters, digits"},
    {"http://example.com,evil/", "letters, digits"},
    {"http://2130706433/", "write 127.0.0.1"},
    {"http://0x7f000001/", "write 127.0.0.1"},
    {"http://0X7F.1/", "write 127.0.0.1"},
    {"http://0x7f.1/", "write 127.0.0.1"},
    {"http://017700000001/", "write 127.0.0.1"},
    {"http://0177.0.0.1/", "write 127.0.0.1"},
    {"http://127.1/", "write 127.0.0.1"},
    {"http://127.0.1/", "write 127.0.0.1"},
    {"http://0/", "write 0.0.0.0"},
    {"http://127.0.0.01/", "write 127.0.0.1"},
    {"http://127.0.0.256/", "disguised IPv4"},
    {"http://1.2.3.4.5/", "disguised IPv4"},
    {"http://example.0x/", "disguised IPv4"},
    {"http://example.123/", "disguised IPv4"},
    {"http://4294967296/", "disguised IPv4"},
    {"http://[::1/", "not closed"},
    {"http://[::1]x/", "only a port"},
    {"http://[fe80::1%25eth0]/", "zone id"},
    {"http://[fe80::1%eth0]/", "zone id"},
    {"http://[127.0.0.1]/", "not an IPv6"},
    {"http://[]/", "not an IPv6"},
    {"http://[v1.x]/", "not an IPv6"},
    {"http://::1/", "two colons"},
    {"http://example.com:0/", "1 to 65535"},
    {"http://example.com:65536/", "1 to 65535"},
    {"http://example.com:-1/", "1 to 65535"},
    {"http://example.com:+80/", "1 to 65535"},
    {"http://example.com:80x/", "1 to 65535"},
    {"http://example.com:000080/", "1 to 65535"},
};

TEST(UrlTest, RefusesWithTheReason) {
  for (const RefusalRow& row : kRefused) {
    const auto url = Url::parse(row.text);

    ASSERT_FALSE(url) << row.text << " became " << url->to_text();
    EXPECT_EQ(url.error().code, ErrorCode::validation_failed) << row.text;
    EXPECT_THAT(url.error().message, HasSubstr(row.reason)) << row.text;
  }
}

TEST(UrlTest, RefusesWhatIsTooLong) {
  EXPECT_TRUE(Url::parse("http://example.com/" + std::string(2000, 'a')));
  EXPECT_FALSE(Url::parse("http://example.com/" + std::string(2048, 'a')));
  EXPECT_FALSE(Url::parse("http://example.com/" + std::string(1000, '\xE9')));
  EXPECT_FALSE(Url::parse("http://" + std::string(64, 'a') + ".example/"));
  std::string host = "example";
  while (host.size() <= 253) host += ".label";
  EXPECT_FALSE(Url::parse("http://" + host + "/"));
}

TEST(UrlTest, RefusesANulByte) { EXPECT_FALSE(Url::parse(std::string_view("http://example.com\0.evil/", 25))); }

TEST(UrlTest, KnowsItsParts) {
  const auto url = Url::parse("https://[::1]:8443/a?b");

  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a?b");
  EXPECT_EQ(url->authority(), "[::1]:8443");
  EXPECT_EQ(url->origin(), "https://[::1]:8443");
  EXPECT_FALSE(url->has_default_port());
}

struct ResolveRow {
  const char* reference;
  const char* expected;
};

// RFC 3986 §5.4.1 and §5.4.2, without fragments (which are dropped) and with schemes that exist here.
constexpr ResolveRow kResolved[] = {
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g/"},
    {"//host/x", "http://host/x"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"#s", "http://a/b/c/d;p?q"},
    {"g#s", "http://a/b/c/g"},
    {"g?y#s", "http://a/b/c/g?y"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"https://b/x/../y", "https://b/y"},
    {"HTTP://B:8080", "http://b:8080/"},
    {"/a:b", "http://a/a:b"},
    {"./a:b", "http://a/b/c/a:b"},
};

TEST(UrlTest, ResolvesReferencesAsRfc3986Says) {
  const auto base = Url::parse("http://a/b/c/d;p?q");
  ASSERT_TRUE(base);
  for (const ResolveRow& row : kResolved) {
    const auto resolved = base->resolve(row.reference);
    ASSERT_TRUE(resolved) << row.reference << ": " << resolved.error().message;

    EXPECT_EQ(resolved->to_text(), row.expected) << row.reference;
  }
}

TEST(UrlTest, RefusesReferencesThatLeadElsewhere) {
  const auto base = Url::parse("https://example.com:8443/x");
  ASSERT_TRUE(base);
  for (const char* reference : {"g:h", "javascript:alert(1)", "mailto:a@b", "http:g", "//user@host/", "//0x7f.1/",
                                "http://[fe80::1%25lo]/", "a b", "\\\\evil", "//", "data:text/html,x"}) {
    EXPECT_FALSE(base->resolve(reference)) << reference;
  }
}

TEST(UrlTest, KeepsThePortForRelativeReferencesOnly) {
  const auto base = Url::parse("https://example.com:8443/x");
  ASSERT_TRUE(base);

  EXPECT_EQ(base->resolve("/y")->to_text(), "https://example.com:8443/y");
  EXPECT_EQ(base->resolve("//example.com/y")->to_text(), "https://example.com/y");
}

TEST(UrlTest, ParsesItsOwnTextAgain) {
  static constexpr std::string_view kPieces[] = {"http://",   "https://", "a",   "B",    ".",   "-",  "1",
                                                 "127.0.0.1", "[::1]",    ":80", ":443", "/",   "?",  "#",
                                                 "%41",       "\xC3\xA9", "..",  "@",    "x=1", "0x1"};
  testing::FakeRandom random(11);
  int accepted = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string text(kPieces[random.below(2)]);
    for (std::uint64_t n = random.below(8); n > 0; --n) text += kPieces[random.below(std::size(kPieces))];
    const auto url = Url::parse(text);
    if (!url) continue;
    ++accepted;

    const auto again = Url::parse(url->to_text());

    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, *url) << text;
  }
  EXPECT_GT(accepted, 250);
}

}  // namespace
}  // namespace weir::egress
