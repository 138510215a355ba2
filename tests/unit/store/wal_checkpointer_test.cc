#include "store/wal_checkpointer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/group_commit.h"
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

  std::unique_ptr<SqliteSession> open_writer() {
    auto session = open();
    writer_ = session.get();
    return session;
  }
  std::unique_ptr<SqliteSession> open() { return must(SqliteSession::open({.path = path_}, Access::write)); }
  void write_some() {
    must(group_.write([](Transaction& t) -> Result<void> {
      if (auto added = t.execute("INSERT INTO things VALUES (:1)", {std::string(20'000, 'x')}); !added) {
        return std::move(added).error();
      }
      return {};
    }));
  }
  [[nodiscard]] std::uintmax_t file_bytes() const { return std::filesystem::file_size(path_); }

  testing::TempDir folder_;
  const std::string path_ = (folder_.path() / "weir.db").string();
  SqliteSession* writer_ = nullptr;  // of group_
  GroupCommit<SqliteSession> group_{open_writer(), std::chrono::milliseconds{5'000}};
  const std::function<void(const std::function<void()>&)> paused_ = [this](const std::function<void()>& body) {
    group_.pause(body);
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
  std::atomic<bool> has_begun_anew = false;
  WalCheckpointer checkpointer(open(), paused_, {.gathered = 20, .log_max = 100});
  writer_->leave_log([&](int pages) {
    checkpointer.note(pages);
    if (pages < most) has_begun_anew = true;
    most = std::max(most, pages);
  });

  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&] {
        for (int n = 0; n < 3'000 && !has_begun_anew; ++n) write_some();
      });
    }
  }

  EXPECT_TRUE(has_begun_anew);
}

}  // namespace
}  // namespace weir::store
