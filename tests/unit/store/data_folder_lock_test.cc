#include "store/data_folder_lock.h"

#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace weir::store {
namespace {

TEST(DataFolderLockTest, ASecondHolderIsRefusedAndToldWhoTheFirstIs) {
  const testing::TempDir folder;
  const auto first = DataFolderLock::acquire(folder.path() / "data");
  ASSERT_TRUE(first);

  const auto second = DataFolderLock::acquire(folder.path() / "data");

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr((folder.path() / "data").string()));
  EXPECT_THAT(second.error().message, ::testing::HasSubstr(std::to_string(::getpid())));
}

TEST(DataFolderLockTest, ItIsFreeAgainWhenTheHolderIsGone) {
  const testing::TempDir folder;
  {
    auto first = DataFolderLock::acquire(folder.path());
    ASSERT_TRUE(first);
    const DataFolderLock moved = std::move(*first);
  }

  EXPECT_TRUE(DataFolderLock::acquire(folder.path()));
}

TEST(DataFolderLockTest, AFolderThatCannotBeMadeIsNamed) {
  const auto lock = DataFolderLock::acquire("/proc/weir-data");

  ASSERT_FALSE(lock);
  EXPECT_THAT(lock.error().message, ::testing::HasSubstr("/proc/weir-data"));
}

}  // namespace
}  // namespace weir::store
