// What only PostgreSQL does: it is elsewhere, it is asked for a password, it goes away and comes back, other nodes write.
#include "base/log.h"
#include "store/events_store.h"
#include "store/jobs_store.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_process.h"

namespace weir::store {
namespace {

Result<void> add_event(Transaction& t) {
  EventRow event{.account_id = "acc", .resource_type = "scan", .resource_id = "scn", .type = "scan.progress"};
  return append_events(t, {&event, 1});
}

std::int64_t last_seq(Database& database) {
  const auto seq = database.read_for([](Transaction& t) { return last_event_seq(t, "scn"); });
  return seq ? *seq : -1;
}

Result<void> ask(Transaction& t) {
  auto rows = t.query("SELECT 1");
  if (!rows) return std::move(rows).error();
  return {};
}

class PostgresTest : public ::testing::Test {
 protected:
  static DatabaseSettings settings(std::string_view schema) {
    DatabaseSettings made;
    made.postgres = *PostgresSettings::parse(testing::PostgresProcess::shared().url(schema));
    return made;
  }
  static std::unique_ptr<Database> open(const DatabaseSettings& settings) {
    auto opened = Database::open(settings);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
};

TEST_F(PostgresTest, CallsAreUnavailableWhileTheServerIsAwayAndThenWorkAgain) {
  testing::PostgresProcess server;
  DatabaseSettings here;
  here.postgres = *PostgresSettings::parse(server.url("away"));
  const auto database = open(here);
  ASSERT_TRUE(database->write(add_event));

  server.stop();
  for (int i = 0; i < 3; ++i) {
    const auto written = database->write(add_event);
    const auto was_read = database->read(ask);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::unavailable) << written.error().cause;
    EXPECT_TRUE(written.error().retry_after);
    ASSERT_FALSE(was_read);
    EXPECT_EQ(was_read.error().code, ErrorCode::unavailable) << was_read.error().cause;
  }
  server.start();

  std::string cause;
  EXPECT_TRUE(testing::eventually([&] {
    const auto done = database->write(add_event);
    if (!done) cause = done.error().cause;
    return done.has_value();
  })) << cause;
  EXPECT_TRUE(testing::eventually([&] { return last_seq(*database) == 2; }));
}

TEST_F(PostgresTest, ATransactionThatLosesTheServerIsUndoneAndSaysSo) {
  testing::PostgresProcess server;
  DatabaseSettings here;
  here.postgres = *PostgresSettings::parse(server.url("lost"));
  const auto database = open(here);

  const auto done = database->write([&](Transaction& t) -> Result<void> {
    if (auto added = add_event(t); !added) return added;
    server.stop();
    return add_event(t);
  });
  server.start();

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(testing::eventually([&] { return last_seq(*database) == 0; }));
}

TEST_F(PostgresTest, TwoNodesGiveGaplessNumbersInTurns) {
  const DatabaseSettings shared = settings("turns");
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int node = 0; node < 3; ++node) {
      threads.emplace_back([&] {
        const auto database = open(shared);
        for (int i = 0; i < 40; ++i) {
          if (!database->write(add_event)) ++failures;
        }
      });
    }
  }

  const auto events = open(shared)->read_for([](Transaction& t) { return events_after(t, "scn", 0, 500); });

  EXPECT_EQ(failures, 0);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 120U);
  for (std::size_t i = 0; i < events->size(); ++i) EXPECT_EQ((*events)[i].seq, std::int64_t(i) + 1);
}

TEST_F(PostgresTest, NodesThatStartTogetherMigrateOnce) {
  const DatabaseSettings shared = settings("together");
  std::mutex mutex;
  std::vector<std::string> epochs;
  {
    std::vector<std::jthread> threads;
    for (int node = 0; node < 4; ++node) {
      threads.emplace_back([&] {
        auto opened = Database::open(shared);
        auto epoch = opened ? (*opened)->read_for(event_epoch) : Result<std::string>(opened.error());
        const std::lock_guard lock(mutex);
        epochs.push_back(epoch ? *epoch : epoch.error().message);
      });
    }
  }

  EXPECT_THAT(epochs, ::testing::Each(epochs.front()));
  EXPECT_EQ(epochs.front().size(), 8U);
}

TEST_F(PostgresTest, AJobIsClaimedByOneNodeOnly) {
  const DatabaseSettings shared = settings("claims");
  const auto first = open(shared);
  constexpr int kJobs = 30;
  for (int i = 0; i < kJobs; ++i) {
    const auto inserted = first->write([&](Transaction& t) {
      JobRow job;
      job.id = "job_" + std::to_string(i);
      job.kind = "scan";
      return insert_job(t, job);
    });
    ASSERT_TRUE(inserted);
  }
  std::mutex mutex;
  std::vector<std::string> claimed;
  {
    std::vector<std::jthread> threads;
    for (int node = 0; node < 3; ++node) {
      threads.emplace_back([&, node] {
        const auto database = open(shared);
        for (;;) {
          auto job = database->write_for([&](Transaction& t) {
            const std::string owner = "node" + std::to_string(node);
            return claim_job(t, {"scan", owner, from_unix_ms(1'000), from_unix_ms(9'000)});
          });
          if (!job || !*job) return;
          const std::lock_guard lock(mutex);
          claimed.push_back((*job)->id);
        }
      });
    }
  }

  std::sort(claimed.begin(), claimed.end());
  EXPECT_EQ(claimed.size(), std::size_t(kJobs));
  EXPECT_EQ(std::adjacent_find(claimed.begin(), claimed.end()), claimed.end());
}

TEST_F(PostgresTest, TextIsInByteOrderWhateverTheServersLanguage) {
  const auto database = open(settings("order"));

  const auto names = database->write_for([](Transaction& t) -> Result<std::vector<Row>> {
    for (const char* name : {"b", "_", "B", "a", "ä", "Z"}) {
      if (auto done = t.execute("INSERT INTO meta (name, value) VALUES (:1, '')", {std::string(name)}); !done)
        return std::move(done).error();
    }
    return t.query("SELECT name FROM meta WHERE value = '' ORDER BY name");
  });

  ASSERT_TRUE(names);
  std::string order;
  for (const Row& row : *names) order += row.text(0);
  EXPECT_EQ(order, "BZ_abä");
}

TEST_F(PostgresTest, AServerThatIsNotThereIsNamedWithoutThePassword) {
  DatabaseSettings nowhere;
  nowhere.postgres = *PostgresSettings::parse("postgresql://weir:s3cret-Pa55@127.0.0.1:1/weir");

  const auto opened = Database::open(nowhere);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("postgresql://127.0.0.1:1/weir"));
  EXPECT_THAT(opened.error().message + opened.error().cause, ::testing::Not(::testing::HasSubstr("s3cret")));
}

TEST(PostgresSettingsTest, UrlsOfTcpAndOfSocketsAreRead) {
  const auto tcp = PostgresSettings::parse("postgresql://weir:p%40ss%27%5C@db.test:6000/weir?sslmode=require");
  const auto socket = PostgresSettings::parse("postgresql://weir@/weir?host=/run/postgresql");

  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->shown(), "postgresql://db.test:6000/weir");
  EXPECT_THAT(tcp->connection_string(), ::testing::HasSubstr("password='p@ss\\'\\\\'"));
  EXPECT_THAT(tcp->connection_string(), ::testing::HasSubstr("sslmode='require'"));
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->shown(), "postgresql:///run/postgresql/weir");
}

TEST(PostgresSettingsTest, WhatIsNoUrlIsRefusedWithoutItsText) {
  for (const char* url :
       {"", "mysql://root:s3cret@host/db", "postgresql://weir:s3cret%zz@host/db", "postgresql://weir:s3cret@host:port",
        "postgresql://weir:s3cret@host/db?nonsense=1", "postgresql://weir:s3cret@host"}) {
    const auto parsed = PostgresSettings::parse(url);

    ASSERT_FALSE(parsed) << url;
    EXPECT_THAT(parsed.error().message + parsed.error().cause, ::testing::Not(::testing::HasSubstr("s3cret")));
    EXPECT_THAT(parsed.error().message, ::testing::HasSubstr("postgresql://user:password@host:port/database"));
  }
}

}  // namespace
}  // namespace weir::store
