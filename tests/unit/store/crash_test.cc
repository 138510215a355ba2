#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "store/events_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class CrashTest : public StoreTest {};

// Writes events for ever and acknowledges each commit with its number.
[[noreturn]] void write_until_killed(const std::string& path, int acknowledgements) {
  auto opened = Database::open({.path = path});
  while (opened) {
    std::int64_t seq = 0;
    const auto done = (*opened)->write([&](Transaction& t) -> Result<void> {
      EventRow event{.account_id = "acc",
                     .resource_type = "scan",
                     .resource_id = "scn",
                     .type = "scan.progress",
                     .data = {{"text", std::string(2'000, 'x')}}};
      auto appended = append_events(t, {&event, 1});
      seq = event.seq;
      return appended;
    });
    if (!done || ::write(acknowledgements, &seq, sizeof seq) != sizeof seq) break;
  }
  ::_exit(1);
}

TEST_F(CrashTest, KillingAWriterLosesNothingThatWasAcknowledged) {
  if (testing::is_postgres_backend()) GTEST_SKIP() << "of the file; PostgreSQL's log is PostgreSQL's";
  std::int64_t acknowledged_before = 0;
  for (const std::int64_t kill_after : {1, 37, 150}) {
    database_.reset();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(path(), ends[1]);
    ::close(ends[1]);

    std::int64_t acknowledged = 0;
    while (acknowledged < acknowledged_before + kill_after &&
           ::read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {}
    ::kill(child, SIGKILL);
    // What it acknowledged between our last look and its death.
    while (::read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {}
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    reopen();

    EXPECT_GE(acknowledged, acknowledged_before + kill_after);
    const std::int64_t last = read([](Transaction& t) { return last_event_seq(t, "scn"); });
    EXPECT_GE(last, acknowledged);
    const auto rows = read([](Transaction& t) { return t.query("SELECT COUNT(*), MAX(seq) FROM events"); });
    EXPECT_EQ(rows.front().integer(0), last);
    EXPECT_EQ(rows.front().integer(1), last);
    EXPECT_EQ(read([](Transaction& t) { return t.query("PRAGMA integrity_check"); }).front().text(0), "ok");
    acknowledged_before = last;
  }
}

}  // namespace
}  // namespace weir::store
