#include "egress/http_transfers.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include "tests/support/fake_clock.h"
#include "tests/support/http_imposter.h"

namespace weir::egress {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::HttpImposter;
using Failure = testing::ImposterAnswer::Failure;

// Names that a test sets and changes; a name in `stuck` is not answered until release(). Thread-safe.
class NamesInHand final : public Resolver {
 public:
  void set(const std::string& host, const std::string& address) {
    const std::lock_guard lock(mutex_);
    names_.insert_or_assign(host, *IpAddress::parse(address));
  }
  void make_stuck(const std::string& host) {
    const std::lock_guard lock(mutex_);
    stuck_ = host;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    stuck_.clear();
    changed_.notify_all();
  }
  [[nodiscard]] int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  Result<std::vector<IpAddress>> resolve(const std::string& host) override {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.wait(lock, [&] { return stuck_ != host; });
    const auto found = names_.find(host);
    if (found == names_.end()) return Error(ErrorCode::unavailable, "no such name");
    return std::vector{found->second};
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, IpAddress> names_;
  std::string stuck_;
  int asked_ = 0;
};

class HttpTransfersTest : public ::testing::Test {
 protected:
  ~HttpTransfersTest() override { names_.release(); }

  HttpRequest post(std::string_view path, std::string_view host = "127.0.0.1") const {
    HttpRequest request;
    request.method = "POST";
    request.url = *Url::parse(imposter_.url(path, host));
    request.body = "{}";
    request.timeout = 10s;
    return request;
  }

  // Results by tag; fails the test if `count` have not come within ten seconds.
  std::map<std::uint64_t, Result<HttpResponse>> results(std::size_t count) {
    std::map<std::uint64_t, Result<HttpResponse>> all;
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (all.size() < count && std::chrono::steady_clock::now() < end) {
      for (auto& finished : transfers_.poll(100ms)) all.emplace(finished.tag, std::move(finished.response));
    }
    EXPECT_EQ(all.size(), count);
    return all;
  }

  HttpImposter imposter_;
  testing::FakeClock clock_;
  AddressPolicy policy_{PolicySettings{.allow_loopback = true}};
  NamesInHand names_;
  HttpTransfers transfers_{policy_, names_, clock_, {.user_agent = "Weir/test"}};
};

TEST_F(HttpTransfersTest, SendsManyAtOnceOverConnectionsThatItKeeps) {
  imposter_.answer("/", {.status = 200});

  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t tag = 1; tag <= 4; ++tag) transfers_.start(tag, post("/"));
    for (const auto& [tag, response] : results(4)) EXPECT_EQ(response->status, 200);
  }

  EXPECT_EQ(imposter_.requests().size(), 20U);
  EXPECT_LE(imposter_.connections(), 4);
  EXPECT_EQ(transfers_.running(), 0U);
}

TEST_F(HttpTransfersTest, AHostThatHangsDoesNotHoldUpTheOthers) {
  imposter_.answer("/hang", {.failure = Failure::hang});
  imposter_.answer("/", {.status = 204});
  HttpRequest hanging = post("/hang");
  hanging.timeout = 1s;

  transfers_.start(1, std::move(hanging));
  transfers_.start(2, post("/"));
  const auto first = results(1);

  ASSERT_TRUE(first.contains(2));
  EXPECT_EQ(results(1).at(1).error().code, ErrorCode::timed_out);
}

TEST_F(HttpTransfersTest, ANameWhoseDnsHangsDoesNotHoldUpTheOthers) {
  imposter_.answer("/", {.status = 200});
  names_.set("slow.example", "127.0.0.1");
  names_.make_stuck("slow.example");
  HttpRequest slow = post("/", "slow.example");
  slow.timeout = 300ms;

  transfers_.start(1, std::move(slow));
  transfers_.start(2, post("/"));

  EXPECT_TRUE(results(1).contains(2));
  const auto late = results(1);
  EXPECT_EQ(late.at(1).error().code, ErrorCode::timed_out);
  EXPECT_THAT(late.at(1).error().message, HasSubstr("being resolved"));
}

TEST_F(HttpTransfersTest, AsksOnceForANameThatManyWaitFor) {
  imposter_.answer("/", {.status = 200});
  names_.set("busy.example", "127.0.0.1");

  for (std::uint64_t tag = 1; tag <= 8; ++tag) transfers_.start(tag, post("/", "busy.example"));
  results(8);

  EXPECT_EQ(names_.asked(), 1);
}

TEST_F(HttpTransfersTest, RefusesANameThatMeanwhileResolvesToAForbiddenAddress) {
  imposter_.answer("/", {.status = 200});
  names_.set("turncoat.example", "127.0.0.1");
  transfers_.start(1, post("/", "turncoat.example"));
  EXPECT_TRUE(results(1).at(1));
  names_.set("turncoat.example", "169.254.169.254");
  clock_.advance(6s);

  transfers_.start(2, post("/", "turncoat.example"));
  const auto second = results(1);

  EXPECT_EQ(second.at(2).error().code, ErrorCode::address_not_allowed);
  EXPECT_EQ(imposter_.requests().size(), 1U);
}

TEST_F(HttpTransfersTest, StopsReadingABodyThatDoesNotEnd) {
  imposter_.answer("/", {.status = 200, .failure = Failure::endless_body});
  HttpRequest request = post("/");
  request.body_bytes_max = 16 * 1024;

  transfers_.start(1, std::move(request));
  const auto all = results(1);

  ASSERT_TRUE(all.at(1));
  EXPECT_TRUE(all.at(1)->body_truncated);
  EXPECT_EQ(all.at(1)->body.size(), 16U * 1024);
}

TEST_F(HttpTransfersTest, WhatCannotBeSentFailsWithoutATransfer) {
  HttpRequest bad = post("/");
  bad.headers.emplace_back("X", "a\r\nb: c");
  transfers_.start(1, std::move(bad));
  transfers_.start(2, post("/", "unknown.example"));
  transfers_.start(3, post("/", "metadata.google.internal"));

  const auto all = results(3);

  EXPECT_EQ(all.at(1).error().code, ErrorCode::validation_failed);
  EXPECT_EQ(all.at(2).error().code, ErrorCode::unavailable);
  EXPECT_EQ(all.at(3).error().code, ErrorCode::address_not_allowed);
}

}  // namespace
}  // namespace weir::egress
