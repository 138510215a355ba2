#include "store/migrations.h"

#include "store/events_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class MigrationsTest : public StoreTest {
 protected:
  Result<void> migrate_with(const std::vector<Migration>& more) {
    std::vector<Migration> all(embedded_migrations().begin(), embedded_migrations().end());
    all.insert(all.end(), more.begin(), more.end());
    return database_->write([&](Transaction& t) { return migrate(t, all, at_ms(0)); });
  }
  std::int64_t next_version() { return std::int64_t(embedded_migrations().size()) + 1; }
};

TEST_F(MigrationsTest, AnEmptyDatabaseGetsAllOfThem) {
  const auto rows = read([](Transaction& t) {
    return t.query("SELECT version, name, applied_at, checksum FROM schema_migrations ORDER BY version");
  });

  ASSERT_EQ(rows.size(), embedded_migrations().size());
  EXPECT_EQ(rows[0].integer(0), 1);
  EXPECT_EQ(rows[0].text(1), "foundation");
  EXPECT_GT(rows[0].integer(2), 0);
  EXPECT_EQ(rows[0].text(3).size(), 64U);
}

TEST_F(MigrationsTest, OnlyWhatIsMissingIsApplied) {
  const std::string sql =
      "-- a comment; with a semicolon\nCREATE TABLE later (\n  a TEXT\n);\nINSERT INTO later VALUES ('x;y');\n";

  must(migrate_with({{next_version(), "later", sql}}));
  must(migrate_with({{next_version(), "later", sql}}));

  EXPECT_EQ(read([](Transaction& t) { return t.query("SELECT a FROM later"); }).size(), 1U);
}

TEST_F(MigrationsTest, AFailingMigrationLeavesNothingBehind) {
  const auto done = migrate_with({{next_version(), "broken", "CREATE TABLE half (a TEXT);\nCREATE NONSENSE;\n"}});

  EXPECT_FALSE(done);
  EXPECT_FALSE(database_->read([](Transaction& t) -> Result<void> {
    auto rows = t.query("SELECT a FROM half");
    if (!rows) return std::move(rows).error();
    return {};
  }));
}

TEST_F(MigrationsTest, ADatabaseOfANewerVersionIsRefused) {
  must(migrate_with({{next_version(), "later", "CREATE TABLE later (a TEXT);\n"}}));
  database_.reset();

  const auto opened = open({.path = path()});

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr(testing::on_backend({.path = path()}).shown()));
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("newer version"));
}

TEST_F(MigrationsTest, AChangedMigrationIsRefused) {
  write([](Transaction& t) { return t.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1"); });
  database_.reset();

  const auto opened = open({.path = path()});

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("another build"));
}

TEST_F(MigrationsTest, TheEpochIsMadeOnceAndDiffersBetweenDatabases) {
  const std::string first = read(event_epoch);
  reopen();
  testing::TempDir elsewhere;
  auto other = must(open({.path = (elsewhere.path() / "weir.db").string()}));

  EXPECT_EQ(read(event_epoch), first);
  EXPECT_EQ(first.size(), 8U);
  EXPECT_EQ(first.find('-'), std::string::npos);
  EXPECT_NE(must(other->read_for(event_epoch)), first);
}

}  // namespace
}  // namespace weir::store
