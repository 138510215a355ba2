#include "store/wal_checkpointer.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "store/session_transaction.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace weir::store {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
  return *std::move(result);
}

void must(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
}

class WalCheckpointerTest : public ::testing::Test {
 protected:
  WalCheckpointerTest() {
    must(transact(*writer_, Access::write, [](Transaction& t) -> Result<void> {
      if (auto made = t.execute("CREATE TABLE things (text TEXT)"); !made) return std::move(made).error();
      return {};
    }));
  }

  std::unique_ptr<SqliteSession> open() { return must(SqliteSession::open({.path = path_}, Access::write)); }
  void write_some() {
    const std::lock_guard lock(writing_);
    must(transact(*writer_, Access::write, [](Transaction& t) -> Result<void> {
      if (auto added = t.execute("INSERT INTO things VALUES (:1)", {std::string(20'000, 'x')}); !added) {
        return std::move(added).error();
      }
      return {};
    }));
  }
  [[nodiscard]] std::uintmax_t file_bytes() const { return std::filesystem::file_size(path_); }

  testing::TempDir folder_;
  const std::string path_ = (folder_.path() / "weir.db").string();
  std::mutex writing_;
  std::unique_ptr<SqliteSession> writer_ = open();
  const std::function<void(const std::function<void()>&)> paused_ = [this](const std::function<void()>& body) {
    const std::lock_guard lock(writing_);
    body();
  };
};

TEST_F(WalCheckpointerTest, TheWritersCommitLeavesTheLogAsItIs) {
  int pages = 0;
  writer_->leave_log([&](int now) { pages = now; });
  const auto before = file_bytes();

  for (int i = 0; i < 300; ++i) write_some();

  EXPECT_GT(pages, 1'500);
  EXPECT_EQ(file_bytes(), before);
}

TEST_F(WalCheckpointerTest, WhatGathersIsMovedIntoTheFile) {
  WalCheckpointer checkpointer(open(), paused_, {.gathered = 20, .log_max = 1'000'000});
  writer_->leave_log([&](int pages) { checkpointer.note(pages); });

  for (int i = 0; i < 100; ++i) write_some();

  EXPECT_TRUE(testing::eventually([&] { return file_bytes() > 1'000'000; }));
}

TEST_F(WalCheckpointerTest, ALogThatIsWrittenWithoutPauseBeginsAnewAllTheSame) {
  int most = 0;
  bool has_begun_anew = false;
  WalCheckpointer checkpointer(open(), paused_, {.gathered = 20, .log_max = 100});
  writer_->leave_log([&](int pages) {
    checkpointer.note(pages);
    has_begun_anew = has_begun_anew || pages < most;
    most = std::max(most, pages);
  });

  for (int i = 0; i < 5'000 && !has_begun_anew; ++i) write_some();

  EXPECT_TRUE(has_begun_anew);
}

}  // namespace
}  // namespace weir::store
