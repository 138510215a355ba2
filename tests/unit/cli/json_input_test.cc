#include "server/cli/json_input.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace weir::cli {
namespace {

TEST(JsonInputTest, ReadsAnObjectAsItStandsOrFromAFile) {
  const testing::TempDir folder;
  const std::string path = (folder.path() / "input.json").string();
  std::ofstream(path) << "{\"a\": [1, 2]}\n";

  EXPECT_EQ(*json_object_from("--input", "{\"a\": 1}"), (Json{{"a", 1}}));
  EXPECT_EQ(*json_object_from("--input", "@" + path), (Json{{"a", {1, 2}}}));
}

TEST(JsonInputTest, SaysWhatIsWrongAndWhatIsExpected) {
  const auto message = [](const std::string& text) {
    const auto read = json_object_from("--input", text);
    return read ? "" : read.error().message;
  };

  EXPECT_NE(message("{a: 1}").find("--input is not JSON"), std::string::npos);
  EXPECT_NE(message("[1]").find("is a JSON array; expected an object"), std::string::npos);
  EXPECT_NE(message("@/no/such/file").find("cannot be read from /no/such/file"), std::string::npos);
}

TEST(JsonInputTest, AFileThatIsTooLargeIsRefused) {
  const testing::TempDir folder;
  const std::string path = (folder.path() / "large.json").string();
  std::ofstream(path) << "\"" << std::string(kInputBytesMax, 'x') << "\"";

  const auto read = json_object_from("FILE", "@" + path);

  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("larger than"), std::string::npos);
}

}  // namespace
}  // namespace weir::cli
