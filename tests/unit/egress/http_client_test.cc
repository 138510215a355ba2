#include "egress/http_client.h"

#include "tests/support/http_imposter.h"

namespace weir::egress {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpImposter;
using ::testing::Pair;
using Failure = testing::ImposterAnswer::Failure;
using std::chrono::steady_clock;

// One entry a lookup; an empty one means that the name does not resolve.
using Answers = std::vector<std::vector<std::string>>;

// Answers what the test says, in turn; the last answer stays. Not thread-safe: owned by a test.
class ScriptedResolver final : public Resolver {
 public:
  explicit ScriptedResolver(Answers answers) : answers_(std::move(answers)) {}

  Result<std::vector<IpAddress>> resolve(const std::string&) override {
    const auto& texts = answers_[std::min(asked_++, answers_.size() - 1)];
    std::vector<IpAddress> addresses;
    for (const std::string& text : texts) addresses.push_back(*IpAddress::parse(text));
    if (addresses.empty()) return Error{ErrorCode::unavailable, "no such name"};
    return addresses;
  }

  [[nodiscard]] std::size_t asked() const { return asked_; }

 private:
  Answers answers_;
  std::size_t asked_ = 0;
};

class HttpClientTest : public ::testing::Test {
 protected:
  HttpRequest get(std::string_view path, std::string_view host = "127.0.0.1") const {
    HttpRequest request;
    request.url = *Url::parse(imposter_.url(path, host));
    request.timeout = 10s;
    return request;
  }

  HttpImposter imposter_;
  AddressPolicy policy_{PolicySettings{.allow_loopback = true}};
  ScriptedResolver resolver_{Answers{{"127.0.0.1"}}};
  HttpClient client_{policy_, resolver_, "Weir/test"};
};

TEST_F(HttpClientTest, KeepsHeaderLinesAsTheyCame) {
  imposter_.answer(
      "/", {.status = 418,
            .headers = {{"Set-Cookie", "a=1"}, {"X-One", "1"}, {"set-cookie", "b=2"}, {"Content-Encoding", "gzip"}},
            .body = "not really gzip"});

  const auto response = client_.send(get("/"));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 418);
  EXPECT_EQ(response->http_version, "1.1");
  EXPECT_THAT(response->headers, ElementsAre(Pair("Set-Cookie", "a=1"), Pair("X-One", "1"), Pair("set-cookie", "b=2"),
                                             Pair("Content-Encoding", "gzip"), Pair("Content-Length", "15")));
  EXPECT_EQ(response->body, "not really gzip");
  EXPECT_FALSE(response->body_truncated);
  EXPECT_EQ(response->remote_address, "127.0.0.1");
  EXPECT_EQ(response->header("x-one"), "1");
  EXPECT_THAT(response->header_values("SET-COOKIE"), ElementsAre("a=1", "b=2"));
  EXPECT_EQ(response->header("absent"), std::nullopt);
}

TEST_F(HttpClientTest, SendsWhatItWasGivenAndNothingElse) {
  HttpRequest request = get("/hook?x=1");
  request.method = "POST";
  request.headers = {{"X-Second", "2"}, {"Content-Type", "application/json"}, {"X-Empty", ""}, {"X-Second", "3"}};
  request.body = std::string(2'000'000, 'b');  // libcurl would announce this much with Expect

  ASSERT_TRUE(client_.send(request));

  const auto seen = imposter_.requests().at(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/hook?x=1");
  EXPECT_EQ(seen.version, "HTTP/1.1");
  EXPECT_EQ(seen.body, request.body);
  EXPECT_THAT(seen.headers, ElementsAre(Pair("Host", "127.0.0.1:" + std::to_string(imposter_.port())),
                                        Pair("User-Agent", "Weir/test"), Pair("X-Second", "2"),
                                        Pair("Content-Type", "application/json"), Pair("X-Empty", ""),
                                        Pair("X-Second", "3"), Pair("Content-Length", "2000000")));
}

TEST_F(HttpClientTest, SendsEveryMethod) {
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}) {
    imposter_.answer("/", {.body = "body"});
    HttpRequest request = get("/");
    request.method = method;

    const auto response = client_.send(request);

    ASSERT_TRUE(response) << method << ": " << response.error().message;
    EXPECT_EQ(imposter_.requests().back().method, method);
    EXPECT_EQ(response->body, std::string_view(method) == "HEAD" ? "" : "body") << method;
  }
  EXPECT_EQ(imposter_.connections(), 1);
}

TEST_F(HttpClientTest, AGivenHostReplacesItsOwn) {
  HttpRequest request = get("/");
  request.headers = {{"Host", "other.example"}, {"User-Agent", "probe"}};

  ASSERT_TRUE(client_.send(request));

  EXPECT_EQ(imposter_.requests().at(0).header("Host"), "other.example");
  EXPECT_EQ(imposter_.requests().at(0).header("User-Agent"), "probe");
}

TEST_F(HttpClientTest, RefusesRequestsThatWouldSmuggle) {
  const auto refused = [&](const std::string& method, const std::string& name, const std::string& value) {
    HttpRequest request = get("/");
    request.method = method;
    request.headers = {{name, value}};
    const auto response = client_.send(request);
    return !response && response.error().code == ErrorCode::validation_failed;
  };

  EXPECT_TRUE(refused("GET /x HTTP/1.1\r\nA:", "X", "1"));
  EXPECT_TRUE(refused("", "X", "1"));
  EXPECT_TRUE(refused("GET", "X\r\nY", "1"));
  EXPECT_TRUE(refused("GET", "", "1"));
  EXPECT_TRUE(refused("GET", "X", "1\r\nY: 2"));
  EXPECT_TRUE(refused("GET", "X", std::string("1\0", 2)));
  EXPECT_TRUE(refused("GET", "content-length", "5"));
  EXPECT_TRUE(refused("GET", "Transfer-Encoding", "chunked"));
  EXPECT_TRUE(imposter_.requests().empty());
}

TEST_F(HttpClientTest, SendsThePathAsItIs) {
  ASSERT_TRUE(client_.send(get("/a/../b/./%2e%2e/c?d='<>'")));

  EXPECT_EQ(imposter_.requests().at(0).target, "/a/../b/./%2e%2e/c?d='<>'");
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  imposter_.answer("/", {.status = 302, .headers = {{"Location", "/elsewhere"}}});

  const auto response = client_.send(get("/"));

  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->header("location"), "/elsewhere");
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(HttpClientTest, KeepsNoCookies) {
  imposter_.answer("/", {.headers = {{"Set-Cookie", "session=1"}}});

  ASSERT_TRUE(client_.send(get("/")));
  ASSERT_TRUE(client_.send(get("/")));

  EXPECT_EQ(imposter_.requests().at(1).header("Cookie"), "");
}

TEST_F(HttpClientTest, UsesNoProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("ALL_PROXY", "http://127.0.0.1:1", 1);

  const auto response = client_.send(get("/"));

  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_TRUE(response);
}

TEST_F(HttpClientTest, CutsTheBodyAtTheLimit) {
  imposter_.answer("/", {.body = std::string(1000, 'x')});
  HttpRequest request = get("/");
  request.body_bytes_max = 999;
  const auto cut = client_.send(request);
  request.body_bytes_max = 1000;
  const auto whole = client_.send(request);
  request.body_bytes_max = 0;
  const auto none = client_.send(request);

  ASSERT_TRUE(cut && whole && none);
  EXPECT_EQ(cut->body.size(), 999U);
  EXPECT_TRUE(cut->body_truncated);
  EXPECT_EQ(whole->body.size(), 1000U);
  EXPECT_FALSE(whole->body_truncated);
  EXPECT_EQ(none->body, "");
  EXPECT_TRUE(none->body_truncated);
}

TEST_F(HttpClientTest, SurvivesAnEndlessBody) {
  imposter_.answer("/", {.failure = Failure::endless_body});

  const auto response = client_.send(get("/"));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(response->body_truncated);
  EXPECT_EQ(response->body.size(), 256U * 1024U);
}

TEST_F(HttpClientTest, TimesOutOnSilence) {
  imposter_.answer("/", {.failure = Failure::hang});
  HttpRequest request = get("/");
  request.timeout = 150ms;

  const auto response = client_.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::timed_out);
  EXPECT_THAT(response.error().message, HasSubstr("while waiting for its answer"));
}

TEST_F(HttpClientTest, TimesOutOnDrippingBytes) {
  imposter_.answer("/", {.body = std::string(1000, 'x'), .failure = Failure::slow_bytes});
  HttpRequest request = get("/");
  request.timeout = 200ms;

  const auto response = client_.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::timed_out);
}

TEST_F(HttpClientTest, StopsWhenAsked) {
  imposter_.answer("/", {.failure = Failure::hang});
  std::stop_source stop;
  std::jthread stopper([&] {
    EXPECT_TRUE(imposter_.wait_for_requests(1));
    stop.request_stop();
  });

  const auto start = steady_clock::now();
  const auto response = client_.send(get("/"), stop.get_token());

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - start, 2s);
}

TEST_F(HttpClientTest, IsUsableAfterAStop) {
  imposter_.answer("/", {.body = "fine"});
  std::stop_source stop;
  stop.request_stop();
  ASSERT_FALSE(client_.send(get("/"), stop.get_token()));

  const auto response = client_.send(get("/"));

  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "fine");
}

TEST_F(HttpClientTest, SaysHowTheConnectionWasLost) {
  imposter_.answer("/reset", {.failure = Failure::reset});
  imposter_.answer("/close", {.failure = Failure::close});
  imposter_.answer("/half", {.body = "0123456789", .failure = Failure::close_halfway});

  const auto reset = client_.send(get("/reset"));
  const auto closed = client_.send(get("/close"));
  const auto half = client_.send(get("/half"));

  ASSERT_FALSE(reset || closed || half);
  EXPECT_EQ(reset.error().code, ErrorCode::unavailable);
  EXPECT_THAT(reset.error().message, HasSubstr("reset the connection"));
  EXPECT_THAT(closed.error().message, HasSubstr("without an answer"));
  EXPECT_THAT(half.error().message, HasSubstr("in the middle of its answer"));
}

TEST_F(HttpClientTest, SaysThatNothingListens) {
  HttpRequest request;
  {
    const HttpImposter gone;
    request.url = *Url::parse(gone.url());
  }

  const auto response = client_.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("nothing listens"));
}

TEST_F(HttpClientTest, LeavesOutInterimAnswers) {
  imposter_.answer("/", {.headers = {{"A", "b"}}, .interim_status = 103});

  const auto response = client_.send(get("/"));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(response->headers, ElementsAre(Pair("A", "b"), Pair("Content-Length", "0")));
}

TEST_F(HttpClientTest, LeavesOutTrailers) {
  imposter_.answer("/",
                   {.headers = {{"Transfer-Encoding", "chunked"}}, .body = "3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n"});

  const auto response = client_.send(get("/"));

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "abc");
  EXPECT_EQ(response->header("X-Trailer"), std::nullopt);
}

TEST_F(HttpClientTest, EndsAnEndlessRowOfInterimAnswers) {
  std::string raw;
  while (raw.size() < 200'000) raw += "HTTP/1.1 100 Continue\r\n\r\n";
  imposter_.answer("/", {.raw = raw});

  const auto response = client_.send(get("/"));

  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("header section of more than 65536 bytes"));
}

TEST_F(HttpClientTest, RefusesAHugeHeader) {
  imposter_.answer("/one", {.headers = {{"X-Huge", std::string(1'000'000, 'h')}}});
  testing::HeaderLines many;
  for (int i = 0; i < 10'000; ++i) many.emplace_back("X-" + std::to_string(i), "v");
  imposter_.answer("/many", {.headers = many});

  const auto one = client_.send(get("/one"));
  const auto several = client_.send(get("/many"));

  ASSERT_FALSE(one || several);
  EXPECT_EQ(one.error().code, ErrorCode::unavailable);
  EXPECT_THAT(one.error().message, HasSubstr("header"));
  EXPECT_THAT(several.error().message, HasSubstr("header section of more than"));
}

TEST_F(HttpClientTest, RefusesWhatIsNotHttp) {
  for (const char* raw : {"SSH-2.0-OpenSSH_9.2\r\n", "garbage without any sense\n\n", "\x16\x03\x01\x02",
                          "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 abc\r\n\r\n"}) {
    imposter_.answer("/", {.raw = raw});

    const auto response = client_.send(get("/"));

    ASSERT_FALSE(response) << raw;
    EXPECT_EQ(response.error().code, ErrorCode::unavailable) << raw;
  }
}

TEST_F(HttpClientTest, UsesAConnectionAgain) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client_.send(get("/", "some.example")));

  EXPECT_EQ(imposter_.connections(), 1);
  EXPECT_EQ(imposter_.requests().size(), 5U);
}

TEST_F(HttpClientTest, ConnectsAnewWhenAKeptConnectionIsClosed) {
  imposter_.answer("/", {.headers = {{"Connection", "close"}}});

  ASSERT_TRUE(client_.send(get("/")));
  ASSERT_TRUE(client_.send(get("/")));

  EXPECT_EQ(imposter_.connections(), 2);
}

TEST_F(HttpClientTest, DialsThePinnedAddressUnderTheName) {
  HttpRequest request = get("/", "pinned.example");
  request.pinned = {*IpAddress::parse("127.0.0.1")};
  ScriptedResolver none(Answers(1));
  HttpClient client(policy_, none, "Weir/test");

  const auto response = client.send(request);

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(none.asked(), 0U);
  EXPECT_EQ(imposter_.requests().at(0).header("Host"), "pinned.example:" + std::to_string(imposter_.port()));
  EXPECT_EQ(response->remote_address, "127.0.0.1");
}

TEST_F(HttpClientTest, DoesNotUseAConnectionToAnAddressThatIsNoLongerPinned) {
  HttpRequest request = get("/", "pinned.example");
  request.pinned = {*IpAddress::parse("127.0.0.1")};
  ASSERT_TRUE(client_.send(request));
  request.pinned = {*IpAddress::parse("127.0.0.2")};

  const auto other = client_.send(request);

  // The imposter listens on 127.0.0.1 only: an answer could only have come over the kept connection.
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("nothing listens"));
  request.pinned = {*IpAddress::parse("127.0.0.1")};
  EXPECT_TRUE(client_.send(request));
  EXPECT_EQ(imposter_.connections(), 1);
}

TEST_F(HttpClientTest, RefusesALiteralThatIsNotPinned) {
  HttpRequest request = get("/");
  request.pinned = {*IpAddress::parse("127.0.0.2")};

  const auto response = client_.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(imposter_.connections(), 0);
}

TEST_F(HttpClientTest, TriesTheNextAddressIfOneRefuses) {
  HttpRequest request = get("/", "two.example");
  request.pinned = {*IpAddress::parse("127.0.0.2"), *IpAddress::parse("127.0.0.1")};

  const auto response = client_.send(request);

  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->remote_address, "127.0.0.1");
}

TEST_F(HttpClientTest, RefusesANameThatIsRebound) {
  const AddressPolicy strict({});
  ScriptedResolver rebinding(
      Answers{{"127.0.0.1"}, {"8.8.8.8", "127.0.0.1"}, {"::ffff:127.0.0.1"}, {"169.254.169.254"}});
  HttpClient client(strict, rebinding, "Weir/test");

  for (int i = 0; i < 4; ++i) {
    const auto response = client.send(get("/", "rebound.example"));

    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::address_not_allowed) << i;
  }
  EXPECT_EQ(imposter_.connections(), 0);
}

TEST_F(HttpClientTest, ChecksTheAddressAgainWhenTheSocketIsOpened) {
  // A host that Url::parse() refuses, as if a caller had made the URL by hand: libcurl reads it as 127.0.0.1,
  // whatever the resolver says.
  HttpRequest request = get("/");
  request.url.host = "0x7f.1";
  ScriptedResolver lying(Answers{{"127.0.0.9"}});
  HttpClient client(policy_, lying, "Weir/test");

  const auto response = client.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::address_not_allowed);
  EXPECT_THAT(response.error().message, AllOf(HasSubstr("127.0.0.1"), HasSubstr("vetted")));
  EXPECT_EQ(imposter_.connections(), 0);
}

TEST_F(HttpClientTest, RefusesItsOwnListenerEvenOverAKeptConnection) {
  const AddressPolicy policy({.allow_loopback = true, .own_port = imposter_.port()});
  HttpClient client(policy, resolver_, "Weir/test");
  HttpRequest request = get("/", "self.example");
  request.self = AddressPolicy::Self::included;
  ASSERT_TRUE(client.send(request));
  request.self = AddressPolicy::Self::excluded;

  const auto response = client.send(request);

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::address_not_allowed);
}

TEST_F(HttpClientTest, RefusesMetadataNamesWithoutAskingDns) {
  const auto response = client_.send(get("/", "metadata.google.internal"));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(resolver_.asked(), 0U);
}

TEST_F(HttpClientTest, PassesOnThatANameDoesNotResolve) {
  ScriptedResolver none(Answers(1));
  HttpClient client(policy_, none, "Weir/test");

  const auto response = client.send(get("/", "nowhere.example"));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace weir::egress
