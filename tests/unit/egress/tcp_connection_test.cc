#include "egress/tcp_connection.h"

#include "tests/support/http_imposter.h"

namespace weir::egress {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::HttpImposter;
using Failure = testing::ImposterAnswer::Failure;

class TcpConnectionTest : public ::testing::Test {
 protected:
  Result<TcpConnection> connect(std::chrono::milliseconds timeout = 10s, std::stop_token stop = {}) const {
    return TcpConnection::connect(policy_, AddressPolicy::Self::excluded,
                                  {.address = *IpAddress::parse("127.0.0.1"), .port = imposter_.port()},
                                  steady_clock::now() + timeout, std::move(stop));
  }

  HttpImposter imposter_;
  AddressPolicy policy_{PolicySettings{.allow_loopback = true}};
};

TEST_F(TcpConnectionTest, SendsAndReceives) {
  imposter_.answer("/", {.raw = "hello"});
  auto connection = connect();
  ASSERT_TRUE(connection);

  ASSERT_TRUE(connection->send("GET / HTTP/1.1\r\n\r\n"));

  std::array<char, 64> buffer{};
  const auto size = connection->receive(buffer);
  ASSERT_TRUE(size);
  EXPECT_EQ(std::string_view(buffer.data(), *size), "hello");
  const auto end = connection->receive(buffer);
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, 0U);
}

TEST_F(TcpConnectionTest, AsksThePolicyFirst) {
  const AddressPolicy strict({});

  const auto connection = TcpConnection::connect(strict, AddressPolicy::Self::excluded,
                                                 {.address = *IpAddress::parse("127.0.0.1"), .port = imposter_.port()},
                                                 steady_clock::now() + 1s);

  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(imposter_.connections(), 0);
}

TEST_F(TcpConnectionTest, EndsAWaitAtTheDeadline) {
  auto connection = connect(50ms);
  ASSERT_TRUE(connection);

  std::array<char, 64> buffer{};
  const auto size = connection->receive(buffer);

  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::timed_out);
}

TEST_F(TcpConnectionTest, EndsAWaitWithAStop) {
  imposter_.answer("/", {.failure = Failure::hang});
  std::stop_source stop;
  auto connection = connect(60s, stop.get_token());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->send("GET / HTTP/1.1\r\n\r\n"));
  std::jthread stopper([&] {
    EXPECT_TRUE(imposter_.wait_for_requests(1));
    stop.request_stop();
  });

  std::array<char, 64> buffer{};
  const auto start = steady_clock::now();
  const auto size = connection->receive(buffer);

  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::cancelled);
  EXPECT_LT(steady_clock::now() - start, 5s);
}

TEST_F(TcpConnectionTest, SaysThatItWasReset) {
  imposter_.answer("/", {.failure = Failure::reset});
  auto connection = connect();
  ASSERT_TRUE(connection);
  ASSERT_TRUE(connection->send("GET / HTTP/1.1\r\n\r\n"));

  std::array<char, 64> buffer{};
  const auto size = connection->receive(buffer);

  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace weir::egress
