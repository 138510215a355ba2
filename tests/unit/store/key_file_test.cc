#include "store/key_file.h"

#include <sys/stat.h>

#include <fstream>

#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"

namespace weir::store {
namespace {

class KeyFileTest : public ::testing::Test {
 protected:
  testing::TempDir folder_;
  testing::FakeRandom random_;
  std::filesystem::path path_ = folder_.path() / "secrets.key";
};

TEST_F(KeyFileTest, IsMadeOnceAndForItsOwnerOnly) {
  const auto first = open_key_file(path_, random_);
  const auto second = open_key_file(path_, random_);

  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->size(), 32U);
  EXPECT_EQ(*first, *second);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(KeyFileTest, IsNeverReplaced) {
  std::ofstream(path_) << "not a key\n";

  const auto key = open_key_file(path_, random_);

  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::unavailable);
  EXPECT_NE(key.error().message.find(path_.string()), std::string::npos);
}

TEST_F(KeyFileTest, SaysWhichFolderCannotBeWritten) {
  const auto key = open_key_file(folder_.path() / "missing" / "secrets.key", random_);

  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("missing"), std::string::npos);
}

}  // namespace
}  // namespace weir::store
