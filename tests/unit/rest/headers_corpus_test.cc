// Replays the fuzzer's corpus in every run, with g++ and without libFuzzer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::rest {
namespace {

TEST(HeadersFuzzTest, TheCorpusHoldsItsLaws) {
  const char* root = std::getenv("WEIR_SOURCE_DIR");
  if (root == nullptr) GTEST_SKIP() << "WEIR_SOURCE_DIR is not set; run by CTest";
  int replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(root) / "tests/fuzz/corpus/headers")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());

    EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
    ++replayed;
  }
  EXPECT_GT(replayed, 10);
}

}  // namespace
}  // namespace weir::rest
