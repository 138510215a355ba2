// The framer: what is accepted, what is refused, and that neither depends on how the bytes arrive.
#include "server/http/framer.h"

#include <gtest/gtest.h>

#include <chrono>

namespace weir::http {
namespace {

using Progress = RequestFramer::Progress;

const std::string kGet = "GET /health HTTP/1.1\r\nHost: weir.test\r\n\r\n";
const std::string kPost = "POST /v1/scans?x=1 HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked =
    "POST /v1/scans HTTP/1.1\r\nHost: weir.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n";

// What came out of a sequence of bytes, as text, so that two ways of feeding can be compared.
std::string outcome(RequestFramer& framer) {
  std::string text;
  while (framer.progress() == Progress::complete) {
    const FramedRequest request = framer.take();
    text += request.head.method + ' ' + request.head.target + " 1." + std::to_string(request.head.minor_version);
    for (const auto& [name, value] : request.head.headers.fields()) text += '|' + name + '=' + value;
    text += '|' + request.body + '\n';
  }
  if (framer.progress() == Progress::refused) {
    text += std::to_string(framer.refusal().status) + ' ' + framer.refusal().message;
  }
  return text;
}

std::string framed_whole(std::string_view bytes) {
  RequestFramer framer{FramerLimits{}};
  framer.feed(bytes);
  return outcome(framer);
}

int refusal_status(std::string_view bytes, FramerLimits limits = {}) {
  RequestFramer framer{limits};
  return framer.feed(bytes) == Progress::refused ? framer.refusal().status : 0;
}

std::string with_head(std::string_view lines) {
  return "POST /mcp HTTP/1.1\r\nHost: weir.test\r\n" + std::string(lines) + "\r\n";
}

TEST(RequestFramerTest, FramesARequestWithoutABody) {
  EXPECT_EQ(framed_whole(kGet), "GET /health 1.1|Host=weir.test|\n");
}

TEST(RequestFramerTest, FramesASizedBody) {
  EXPECT_EQ(framed_whole(kPost), "POST /v1/scans?x=1 1.1|Host=weir.test|Content-Length=5|hello\n");
}

TEST(RequestFramerTest, DecodesAChunkedBodyAndDropsTrailers) {
  EXPECT_EQ(framed_whole(kChunked), "POST /v1/scans 1.1|Host=weir.test|Transfer-Encoding=chunked|hello world\n");
}

TEST(RequestFramerTest, KeepsPipelinedRequestsInOrder) {
  EXPECT_EQ(framed_whole(kGet + kPost + kChunked + kGet),
            framed_whole(kGet) + framed_whole(kPost) + framed_whole(kChunked) + framed_whole(kGet));
}

TEST(RequestFramerTest, SaysHowFarARequestHasCome) {
  RequestFramer framer{FramerLimits{}};

  EXPECT_EQ(framer.progress(), Progress::empty);
  EXPECT_EQ(framer.feed("\r\n"), Progress::empty);  // RFC 9112 §2.2
  EXPECT_EQ(framer.feed("P"), Progress::head);
  EXPECT_EQ(framer.feed("OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"), Progress::body);
  EXPECT_EQ(framer.feed("ab"), Progress::complete);
  framer.take();
  EXPECT_EQ(framer.progress(), Progress::empty);
}

TEST(RequestFramerTest, GivesTheSameResultCutAtEachByte) {
  const std::vector<std::string> inputs{kGet,
                                        kPost,
                                        kChunked,
                                        kPost + kChunked + kGet,
                                        "\r\n" + kGet,
                                        with_head("Content-Length: 1\r\nContent-Length: 1\r\n"),
                                        with_head("Transfer-Encoding: chunked\r\n") + "3\r\nabcd\r\n0\r\n\r\n",
                                        with_head("A: b\nC: d\r\n"),
                                        with_head("X: " + std::string(20'000, 'x') + "\r\n"),
                                        kGet + "BROKEN\r\n\r\n"};
  for (const std::string& input : inputs) {
    const std::string whole = framed_whole(input);
    ASSERT_FALSE(whole.empty());
    const std::size_t step = input.size() > 1'000 ? 97 : 1;
    for (std::size_t cut = 0; cut <= input.size(); cut += step) {
      RequestFramer framer{FramerLimits{}};
      framer.feed(std::string_view(input).substr(0, cut));
      std::string text = outcome(framer);
      if (framer.progress() != Progress::refused) {
        framer.feed(std::string_view(input).substr(cut));
        text += outcome(framer);
      }
      ASSERT_EQ(text, whole) << "cut at " << cut << " of " << input.substr(0, 200);
    }
  }
}

TEST(RequestFramerTest, GivesTheSameResultByteByByte) {
  const std::string input = kPost + kChunked + kGet;
  RequestFramer framer{FramerLimits{}};
  std::string text;

  for (const char byte : input) {
    framer.feed({&byte, 1});
    text += outcome(framer);
  }

  EXPECT_EQ(text, framed_whole(input));
}

TEST(RequestFramerTest, StaysLinearByteByByte) {
  const std::string body(1'000'000, 'b');
  const std::string input = with_head("X: " + std::string(15'000, 'x') + "\r\nContent-Length: 1000000\r\n") + body;
  RequestFramer framer{FramerLimits{}};

  const auto start = std::chrono::steady_clock::now();
  for (const char byte : input) framer.feed({&byte, 1});

  // Quadratic work would be 10^12 steps: hours, not seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{20});
  EXPECT_EQ(framer.take().body, body);
}

TEST(RequestFramerTest, AsksForContinueOnceAndOnlyIfTheBodyIsAwaited) {
  const std::string head = with_head("Expect: 100-continue\r\nContent-Length: 5\r\n");
  RequestFramer waiting{FramerLimits{}};
  waiting.feed(head);
  EXPECT_TRUE(waiting.takes_continue());
  EXPECT_FALSE(waiting.takes_continue());

  RequestFramer eager{FramerLimits{}};
  eager.feed(head + "he");
  EXPECT_FALSE(eager.takes_continue());
}

TEST(RequestFramerTest, ReadsWhetherTheConnectionIsKept) {
  const auto keeps_alive = [](const std::string& bytes) {
    RequestFramer framer{FramerLimits{}};
    framer.feed(bytes);
    return framer.take().meaning.keeps_alive;
  };
  EXPECT_TRUE(keeps_alive(kGet));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: Foo, Close\r\n\r\n"));
  EXPECT_FALSE(keeps_alive("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST(RequestFramerTest, RefusesALongHeadBeforeItEnds) {
  EXPECT_EQ(refusal_status("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1'000'000, 'x')), 431);
  EXPECT_EQ(refusal_status(std::string(20'000, 'A')), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 101; ++i) many += "A: b\r\n";
  EXPECT_EQ(refusal_status(many), 431);
}

TEST(RequestFramerTest, RefusesABodyOverTheCapAsSoonAsItsLengthIsKnown) {
  EXPECT_EQ(refusal_status(with_head("Content-Length: 1048577\r\n")), 413);
  EXPECT_EQ(refusal_status(with_head("Content-Length: 99999999999999999999999\r\n")), 413);
  EXPECT_EQ(refusal_status(with_head("Transfer-Encoding: chunked\r\n") + "100001\r\n"), 413);
  EXPECT_EQ(refusal_status(with_head("Transfer-Encoding: chunked\r\n") + "fffffffffffffffff\r\n"), 413);
  EXPECT_EQ(refusal_status(with_head("Transfer-Encoding: chunked\r\n") + "4\r\nabcd\r\n3\r\n",
                           {.head_bytes_max = 1'000, .body_bytes_max = 6}),
            413);
}

TEST(RequestFramerTest, AcceptsABodyOfExactlyTheCap) {
  const std::string body(1024 * 1024, 'x');
  RequestFramer framer{FramerLimits{}};
  EXPECT_EQ(framer.feed(with_head("Content-Length: 1048576\r\n") + body), Progress::complete);
}

struct Refused {
  const char* name;
  std::string bytes;
  int status;
};

class RefusedRequestTest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedRequestTest, IsRefusedWithOneSentence) {
  RequestFramer framer{FramerLimits{}};

  ASSERT_EQ(framer.feed(GetParam().bytes), Progress::refused);

  EXPECT_EQ(framer.refusal().status, GetParam().status) << framer.refusal().message;
  EXPECT_TRUE(framer.refusal().message.ends_with('.')) << framer.refusal().message;
  EXPECT_EQ(framer.feed(kGet), Progress::refused);
}

std::string get(std::string_view target) { return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

std::string chunks(std::string_view text) { return with_head("Transfer-Encoding: chunked\r\n") + std::string(text); }

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(
    All, RefusedRequestTest,
    ::testing::Values(
        Refused{"TwoContentLengths", with_head("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
        Refused{"RepeatedContentLength", with_head("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
        Refused{"ListOfContentLengths", with_head("Content-Length: 1, 1\r\n"), 400},
        Refused{"NegativeContentLength", with_head("Content-Length: -1\r\n"), 400},
        Refused{"SignedContentLength", with_head("Content-Length: +1\r\n"), 400},
        Refused{"EmptyContentLength", with_head("Content-Length: \r\n"), 400},
        Refused{"LengthAndChunked", with_head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
        Refused{"UnknownCoding", with_head("Transfer-Encoding: gzip\r\n"), 501},
        Refused{"ChunkedTwice", with_head("Transfer-Encoding: chunked, chunked\r\n"), 501},
        Refused{"RepeatedCoding", with_head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        Refused{"CodingInOldVersion", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Refused{"BadChunkSize", chunks("xyz\r\n"), 400}, Refused{"EmptyChunkSize", chunks("\r\n"), 400},
        Refused{"SpaceBeforeChunkSize", chunks(" 5\r\n"), 400}, Refused{"ChunkPrefix", chunks("0x5\r\n"), 400},
        Refused{"ChunkLongerThanItsSize", chunks("3\r\nabcd\r\n"), 400},
        Refused{"ChunkLineWithBareLf", chunks("3\nabc\r\n"), 400},
        Refused{"LongChunkExtension", chunks("3;" + std::string(300, 'e')), 400},
        Refused{"ControlInChunkExtension", chunks("3;a\x01\r\n"), 400},
        Refused{"LongTrailers", chunks("0\r\nX: " + std::string(5'000, 'x')), 431},
        Refused{"BadTrailer", chunks("0\r\nnot a field\r\n"), 400},
        Refused{"FoldedHeader", with_head("A: b\r\n c\r\n"), 400}, Refused{"BareLf", with_head("A: b\nC: d\r\n"), 400},
        Refused{"BareCr", with_head("A: b\rC: d\r\n"), 400}, Refused{"NulInAValue", with_head("A: b\0c\r\n"s), 400},
        Refused{"ControlInAValue", with_head("A: \x1b[31m\r\n"), 400},
        Refused{"SpaceBeforeColon", with_head("A : b\r\n"), 400}, Refused{"NoColon", with_head("Ab\r\n"), 400},
        Refused{"EmptyName", with_head(": b\r\n"), 400}, Refused{"NonTokenName", with_head("A(b): c\r\n"), 400},
        Refused{"NoHost", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
        Refused{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        Refused{"EmptyHost", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        Refused{"HostWithAPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Refused{"NulInThePath", get("/a\0b"s), 400}, Refused{"EncodedNulInThePath", get("/a%00b"), 400},
        Refused{"EncodedNulInTheQuery", get("/a?b=%00"), 400},
        Refused{"EncodedLineEndInThePath", get("/a%0d%0ab"), 400}, Refused{"BadPercent", get("/a%zz"), 400},
        Refused{"CutPercent", get("/a%2"), 400}, Refused{"WidePercent", get("/a%u0000"), 400},
        Refused{"SpaceInThePath", get("/a b"), 400}, Refused{"RawUtf8InThePath", get("/\xC3\xA9"), 400},
        Refused{"Fragment", get("/a#b"), 400}, Refused{"TargetWithoutSlash", get("health"), 400},
        Refused{"StarWithGet", get("*"), 400}, Refused{"OtherScheme", get("ftp://a/"), 400},
        Refused{"UrlWithoutHost", get("http:///a"), 400},
        Refused{"LongTarget", get("/" + std::string(9'000, 'a')), 414}, Refused{"BadMethod", "G@T / HTTP/1.1\r\n", 400},
        Refused{"NoMethod", " / HTTP/1.1\r\n", 400}, Refused{"NoTarget", "GET HTTP/1.1\r\n", 400},
        Refused{"EmptyTarget", "GET  HTTP/1.1\r\n", 400}, Refused{"NoVersion", "GET /\r\n", 400},
        Refused{"SmallVersion", "GET / http/1.1\r\n", 400}, Refused{"Http2", "PRI * HTTP/2.0\r\n", 505},
        Refused{"Http12", "GET / HTTP/1.2\r\n", 505}, Refused{"Http09", "GET / HTTP/0.9\r\n", 505},
        Refused{"TlsHello", "\x16\x03\x01\x02\0\x01\r\n"s, 400},
        Refused{"UnknownExpectation", with_head("Expect: 200-ok\r\n"), 417}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(OriginFormTest, DropsTheAuthority) {
  EXPECT_EQ(origin_form("/a?b"), "/a?b");
  EXPECT_EQ(origin_form("http://host:80/a?b"), "/a?b");
  EXPECT_EQ(origin_form("HTTP://host"), "/");
  EXPECT_EQ(origin_form("http://host?x=1"), "/?x=1");
  EXPECT_EQ(origin_form("*"), "/");
}

}  // namespace
}  // namespace weir::http
