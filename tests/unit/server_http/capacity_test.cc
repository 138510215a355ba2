// Many idle clients: they cost memory, not threads, and little of it.
#include <gmock/gmock.h>
#include <malloc.h>
#include <sys/resource.h>

#include <fstream>

#include "tests/unit/server_http/server_fixture.h"

namespace weir::http {
namespace {

using ::testing::EndsWith;
using testing::eventually;

// Sanitizers pad and quarantine every allocation, so that only the function is checked under them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasuresMemory = false;
#else
constexpr bool kMeasuresMemory = true;
#endif

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

class ServerCapacityTest : public ServerTest {
 protected:
  static constexpr int kClients = 2'000;

  void SetUp() override {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    // Both ends of each connection are in this process.
    if (limit.rlim_cur < 2 * 2 * kClients + 200) GTEST_SKIP() << "too few file descriptors are permitted";
  }

  std::vector<RawClient> connect_clients() const {
    std::vector<RawClient> clients;
    clients.reserve(kClients);
    for (int i = 0; i < kClients; ++i) clients.emplace_back(port());
    return clients;
  }
};

TEST_F(ServerCapacityTest, KeepsThousandsOfIdleConnectionsAndStreamsInLittleMemory) {
  start({.workers = 2});
  {
    const std::lock_guard lock(mutex_);
    streams_.reserve(kClients);
  }
  RawClient warm(port());
  warm.send(post("/warm", std::string(100'000, 'w')));
  warm.read_response();
  const std::string idle_request = post("/idle", std::string(300, 'b'));

  const std::size_t before = resident_bytes();
  std::vector<RawClient> idle = connect_clients();
  std::vector<RawClient> readers = connect_clients();
  ASSERT_TRUE(eventually([&] { return server_->stats().connections == 2 * kClients + 1U; }));
  for (RawClient& client : idle) {
    client.send(idle_request);
    ASSERT_FALSE(client.read_response().empty());
  }
  for (RawClient& client : readers) client.send(get("/stream"));
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    return streams_.size() == static_cast<std::size_t>(kClients);
  }));
  const std::size_t busy = resident_bytes();

  const auto shared = frame("data: to all\n\n");
  for (const auto& stream : streams_) EXPECT_TRUE(stream->send(shared));
  for (RawClient& client : readers) ASSERT_THAT(client.read_until("to all\n\n"), EndsWith("to all\n\n"));
  idle.back().send(get("/again"));
  EXPECT_THAT(idle.back().read_response(), EndsWith("GET /again "));

  if (kMeasuresMemory) {
    const std::size_t grown = busy > before ? busy - before : 0;
    RecordProperty("bytes_per_client", static_cast<int>(grown / (2 * kClients)));
    EXPECT_LT(grown / (2 * kClients), 4'096U);
  }
}

TEST_F(ServerCapacityTest, AnIdleStreamTakesLessThanAKibibyteOfTheHeap) {
  if (!kMeasuresMemory) GTEST_SKIP() << "sanitizers change the size of memory";
  start({.workers = 2});
  std::vector<RawClient> clients;
  clients.reserve(kClients);
  {
    const std::lock_guard lock(mutex_);
    streams_.reserve(kClients + 1);
  }
  RawClient warm(port());
  warm.send(get("/stream"));
  const auto first = opened_stream();
  ASSERT_NE(first, nullptr);
  const std::string request = get("/stream");
  const std::size_t before = mallinfo2().uordblks;

  for (int i = 0; i < kClients; ++i) clients.emplace_back(port());
  for (RawClient& client : clients) client.send(request);
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    return streams_.size() == static_cast<std::size_t>(kClients);
  }));

  const std::size_t grown = mallinfo2().uordblks - before;
  RecordProperty("bytes_per_stream", static_cast<int>(grown / kClients));
  EXPECT_LT(grown / kClients, 1'024U);
}

}  // namespace
}  // namespace weir::http
