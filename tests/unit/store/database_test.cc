#include <sys/stat.h>

#include <fstream>

#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class DatabaseTest : public StoreTest {
 protected:
  DatabaseTest() {
    write([](Transaction& t) -> Result<void> {
      for (const char* sql :
           {"CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, n BIGINT, x DOUBLE PRECISION, body TEXT)",
            "CREATE TABLE parts (thing TEXT NOT NULL REFERENCES things (id))"}) {
        if (auto done = t.execute(sql); !done) return std::move(done).error();
      }
      return {};
    });
  }

  std::int64_t count() {
    return read([](Transaction& t) { return t.query("SELECT COUNT(*) FROM things"); }).front().integer(0);
  }
  Result<void> add(const std::string& id) {
    return database_->write([&](Transaction& t) -> Result<void> {
      auto done = t.execute("INSERT INTO things (id) VALUES (:1)", {id});
      if (!done) return std::move(done).error();
      return {};
    });
  }
};

TEST_F(DatabaseTest, ValuesComeBackAsTheyWentIn) {
  const std::vector<std::string> texts{
      "", "plain", "it's \"quoted\" -- ; :1 %s", "Grüße, 世界, 😀", "line\nbreak\r\n\ttab", std::string(1'000'000, 'x')};
  const std::vector<std::int64_t> integers{0, -1, std::numeric_limits<std::int64_t>::max(),
                                           std::numeric_limits<std::int64_t>::min(), 1'795'000'000'123};
  const std::vector<double> numbers{0.0, -2.5, 0.1, 1e300, 3.141592653589793};

  for (const std::string& text : texts) {
    const auto rows = write([&](Transaction& t) {
      return t.query("INSERT INTO things (id, body) VALUES (:1, :2) RETURNING body, body || ''",
                     {"t" + text.substr(0, 100), text});
    });
    EXPECT_EQ(rows.front().text(0), text);
  }
  for (const std::int64_t integer : integers) {
    const auto rows = write([&](Transaction& t) {
      return t.query("INSERT INTO things (id, n) VALUES (:1, :2) RETURNING n, n + 0",
                     {std::to_string(integer), integer});
    });
    EXPECT_EQ(rows.front().integer(0), integer);
    EXPECT_EQ(rows.front().integer(1), integer);
    EXPECT_EQ(rows.front().text(0), std::to_string(integer));
  }
  for (const double number : numbers) {
    const auto rows = write([&](Transaction& t) {
      return t.query("INSERT INTO things (id, x) VALUES (:1, :2) RETURNING x", {"x" + std::to_string(number), number});
    });
    EXPECT_DOUBLE_EQ(rows.front().number(0), number);
  }
}

TEST_F(DatabaseTest, ValuesAreReadBackByALaterQueryAsTheyWentIn) {
  const std::string text("a tab\t and 😀");
  write([&](Transaction& t) {
    return t.execute("INSERT INTO things (id, n, x, body) VALUES ('a', :1, :2, :3)",
                     {std::int64_t{9'007'199'254'740'993}, 0.1, text});
  });

  const Row row = read([](Transaction& t) { return t.query("SELECT n, x, body FROM things"); }).front();

  EXPECT_EQ(row.integer(0), 9'007'199'254'740'993);
  EXPECT_EQ(row.number(1), 0.1);
  EXPECT_EQ(row.text(2), text);
}

// PostgreSQL's TEXT can hold neither; a file can.
TEST_F(DatabaseTest, NulBytesAndInvalidUtf8DoNotStopAStatement) {
  const std::string text("nul\0byte and \xFF", 14);
  write([&](Transaction& t) { return t.execute("INSERT INTO things (id, body) VALUES ('a', :1)", {text}); });

  const Row row = read([](Transaction& t) { return t.query("SELECT body FROM things"); }).front();

  EXPECT_EQ(row.text(0), testing::is_postgres_backend() ? "nul\xEF\xBF\xBD"
                                                          "byte and \xEF\xBF\xBD"
                                                        : text);
}

TEST_F(DatabaseTest, NullIsToldFromEmptyAndZero) {
  const auto rows = write([](Transaction& t) {
    return t.query("INSERT INTO things (id, n, x, body) VALUES ('a', :1, :1, :1) RETURNING n, x, body, id",
                   {Value(nullptr)});
  });

  for (std::size_t column : {0U, 1U, 2U}) {
    EXPECT_TRUE(rows.front().is_null(column));
    EXPECT_EQ(rows.front().integer(column), 0);
    EXPECT_EQ(rows.front().text(column), "");
    EXPECT_FALSE(rows.front().optional_text(column));
  }
  EXPECT_FALSE(rows.front().is_null(3));
}

TEST_F(DatabaseTest, ParametersAreBoundByNumberWhateverTheirOrder) {
  const auto rows = read([](Transaction& t) {
    return t.query("SELECT :2, :1, :2", {std::string("one"), std::string("two")});
  });

  EXPECT_EQ(rows.front().text(0), "two");
  EXPECT_EQ(rows.front().text(1), "one");
  EXPECT_EQ(rows.front().text(2), "two");
}

TEST_F(DatabaseTest, AStatementIsExecutedOnceEvenIfItReturnsExpressions) {
  ASSERT_TRUE(add("a"));

  const auto rows = write([](Transaction& t) {
    return t.query("UPDATE things SET n = COALESCE(n, 0) + 1 WHERE id = 'a' RETURNING n + 0, n * 2");
  });
  const auto again = write(
      [](Transaction& t) { return t.query("UPDATE things SET n = COALESCE(n, 0) + 1 WHERE id = 'a' RETURNING n"); });

  EXPECT_EQ(rows.front().integer(0), 1);
  EXPECT_EQ(again.front().integer(0), 2);
}

TEST_F(DatabaseTest, ExecuteTellsTheNumberOfChangedRows) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(add(id));

  EXPECT_EQ(write([](Transaction& t) { return t.execute("UPDATE things SET n = 1 WHERE id <> 'a'"); }), 2);
  EXPECT_EQ(write([](Transaction& t) { return t.execute("UPDATE things SET n = 1 WHERE id = 'z'"); }), 0);
  EXPECT_EQ(write([](Transaction& t) { return t.execute("DELETE FROM things"); }), 3);
}

TEST_F(DatabaseTest, AFailedBodyIsRolledBackWithItsCallbacks) {
  bool called = false;

  const auto done = database_->write([&](Transaction& t) -> Result<void> {
    t.on_commit([&] { called = true; });
    if (auto inserted = t.execute("INSERT INTO things (id) VALUES ('a')"); !inserted) return inserted.error();
    return Error(ErrorCode::validation_failed, "no");
  });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::validation_failed);
  EXPECT_FALSE(called);
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(add("a"));
}

TEST_F(DatabaseTest, CallbacksRunInOrderAfterTheCommit) {
  std::vector<std::int64_t> seen;
  auto other = open({.path = path()});
  ASSERT_TRUE(other);
  const auto note = [&] {
    (void)(*other)->read([&](Transaction& t) -> Result<void> {
      seen.push_back(t.query("SELECT COUNT(*) FROM things")->front().integer(0) * 10 +
                     static_cast<std::int64_t>(seen.size()));
      return {};
    });
  };

  write([&](Transaction& t) -> Result<void> {
    t.on_commit(note);
    t.on_commit(note);
    if (auto inserted = t.execute("INSERT INTO things (id) VALUES ('a')"); !inserted) return inserted.error();
    return {};
  });

  EXPECT_EQ(seen, (std::vector<std::int64_t>{10, 11}));
}

TEST_F(DatabaseTest, AnExceptionInABodyRollsBackAndLeavesTheDatabaseUsable) {
  EXPECT_THROW((void)database_->write([](Transaction& t) -> Result<void> {
    (void)t.execute("INSERT INTO things (id) VALUES ('a')").has_value();
    throw std::runtime_error("a mistake");
  }),
               std::runtime_error);

  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(add("a"));
}

TEST_F(DatabaseTest, AStatementThatFailsEndsTheTransaction) {
  ASSERT_TRUE(add("a"));

  const auto done = database_->write([](Transaction& t) -> Result<void> {
    EXPECT_TRUE(t.execute("INSERT INTO things (id) VALUES ('b')"));
    EXPECT_FALSE(t.execute("INSERT INTO things (id) VALUES ('a')"));
    EXPECT_FALSE(t.execute("INSERT INTO things (id) VALUES ('c')"));
    return {};
  });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(add("d"));
}

TEST_F(DatabaseTest, ConstraintsBecomeConflictsWithoutWordsOfSql) {
  ASSERT_TRUE(add("a"));

  const auto unique = add("a");
  const auto foreign = database_->write([](Transaction& t) -> Result<void> {
    auto done = t.execute("INSERT INTO parts (thing) VALUES ('nothing')");
    if (!done) return std::move(done).error();
    return {};
  });

  ASSERT_FALSE(unique);
  EXPECT_EQ(unique.error().code, ErrorCode::conflict);
  EXPECT_THAT(unique.error().message, ::testing::Not(::testing::HasSubstr("things")));
  EXPECT_THAT(unique.error().cause, ::testing::HasSubstr("things"));
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::conflict);
}

TEST_F(DatabaseTest, AMistakeInTheSqlIsInternalAndShowsNoParameters) {
  const auto done = database_->read([](Transaction& t) -> Result<void> {
    return t.query("SELECT nothing FROM things WHERE body = :1", {std::string("secret")}).error();
  });

  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::internal);
  EXPECT_THAT(done.error().cause, ::testing::HasSubstr("nothing"));
  EXPECT_THAT(done.error().cause, ::testing::Not(::testing::HasSubstr("secret")));
}

TEST_F(DatabaseTest, AReadTransactionRefusesToWrite) {
  const auto done = database_->read([](Transaction& t) -> Result<void> {
    auto inserted = t.execute("INSERT INTO things (id) VALUES ('a')");
    if (!inserted) return std::move(inserted).error();
    return {};
  });

  EXPECT_FALSE(done);
  EXPECT_EQ(count(), 0);
}

TEST_F(DatabaseTest, AReadTransactionKeepsItsSnapshot) {
  ASSERT_TRUE(add("a"));
  auto other = open({.path = path()});
  ASSERT_TRUE(other);

  must(database_->read([&](Transaction& t) -> Result<void> {
    EXPECT_EQ(t.query("SELECT COUNT(*) FROM things")->front().integer(0), 1);
    EXPECT_TRUE((*other)->write([](Transaction& w) -> Result<void> {
      if (auto inserted = w.execute("INSERT INTO things (id) VALUES ('b')"); !inserted) return inserted.error();
      return {};
    }));
    EXPECT_EQ(t.query("SELECT COUNT(*) FROM things")->front().integer(0), 1);
    return {};
  }));

  EXPECT_EQ(count(), 2);
}

TEST_F(DatabaseTest, AnotherProcessThatWritesMakesItUnavailableAfterTheTimeout) {
  auto impatient = open({.path = path(), .busy_timeout = std::chrono::milliseconds{20}});
  ASSERT_TRUE(impatient);

  must(database_->write([&](Transaction&) -> Result<void> {
    const auto done = (*impatient)->write([](Transaction&) -> Result<void> { return {}; });
    EXPECT_FALSE(done);
    if (!done) {
      EXPECT_EQ(done.error().code, ErrorCode::unavailable);
      EXPECT_TRUE(done.error().retry_after);
    }
    return {};
  }));

  EXPECT_TRUE((*impatient)->write([](Transaction&) -> Result<void> { return {}; }));
}

TEST_F(DatabaseTest, MoreReadersThanSessionsAreRefusedAfterTheTimeout) {
  auto small = open({.path = path(), .busy_timeout = std::chrono::milliseconds{20}, .readers = 1});
  ASSERT_TRUE(small);

  must((*small)->read([&](Transaction&) -> Result<void> {
    Result<void> second;
    std::jthread([&] { second = (*small)->read([](Transaction&) -> Result<void> { return {}; }); }).join();
    EXPECT_TRUE(!second && second.error().code == ErrorCode::unavailable);
    return {};
  }));
}

TEST_F(DatabaseTest, EnteringItAgainFromABodyIsOurMistake) {
  EXPECT_DEATH((void)database_->write([&](Transaction&) -> Result<void> {
    return database_->read([](Transaction&) -> Result<void> { return {}; });
  }),
               "inside a transaction");
}

TEST_F(DatabaseTest, WhatWasWrittenIsThereAfterReopening) {
  ASSERT_TRUE(add("a"));

  reopen();

  EXPECT_EQ(count(), 1);
}

TEST_F(DatabaseTest, TheFolderAndTheFilesBelongToTheOwnerOnly) {
  if (testing::is_postgres_backend()) GTEST_SKIP() << "of the file";
  const auto deep = folder_.path() / "new" / "folder";
  auto opened = Database::open({.path = (deep / "weir.db").string()});
  ASSERT_TRUE(opened);

  for (const auto& [name, mode] : std::vector<std::pair<std::string, mode_t>>{
           {"", 0700}, {"weir.db", 0600}, {"weir.db-wal", 0600}, {"weir.db-shm", 0600}}) {
    struct stat info {};
    ASSERT_EQ(::stat((deep / name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777U, mode) << name;
  }
}

TEST_F(DatabaseTest, AnUnusablePathIsNamed) {
  if (testing::is_postgres_backend()) GTEST_SKIP() << "of the file";
  std::ofstream(folder_.path() / "file") << "this is text and not a database, long enough to have a header";

  const auto damaged = Database::open({.path = (folder_.path() / "file").string()});
  const auto below_a_file = Database::open({.path = (folder_.path() / "file" / "weir.db").string()});
  const auto quoted = Database::open({.path = (folder_.path() / "a\"b.db").string()});

  for (const auto* opened : {&damaged, &below_a_file, &quoted}) {
    ASSERT_FALSE(*opened);
    EXPECT_EQ(opened->error().code, ErrorCode::unavailable);
    EXPECT_THAT(opened->error().message, ::testing::HasSubstr(folder_.path().string()));
  }
}

TEST_F(DatabaseTest, APathMayHoldSpacesAndUnicode) {
  if (testing::is_postgres_backend()) GTEST_SKIP() << "of the file";
  EXPECT_TRUE(Database::open({.path = (folder_.path() / "a folder = ü" / "my db.sqlite").string()}));
}

TEST(RowTest, ColumnsConvertBetweenTextAndNumbers) {
  const Row row({std::string("42"), std::int64_t{7}, 2.5, std::string("x"), std::string("{\"a\":1}"), nullptr, 1e300});

  EXPECT_EQ(row.integer(0), 42);
  EXPECT_EQ(row.number(0), 42.0);
  EXPECT_EQ(row.text(1), "7");
  EXPECT_EQ(row.integer(2), 2);
  EXPECT_EQ(row.text(2), "2.5");
  EXPECT_EQ(row.integer(3), 0);
  EXPECT_EQ(row.json(4), Json({{"a", 1}}));
  EXPECT_TRUE(row.json(3).is_null());
  EXPECT_FALSE(row.optional_integer(5));
  EXPECT_EQ(row.integer(6), 0);
}

}  // namespace
}  // namespace weir::store
