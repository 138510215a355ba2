// Replays the corpus of the framer's fuzzer, each input cut at several places.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::http {
namespace {

TEST(FramerCorpusTest, HoldsForEachInputHoweverItIsCut) {
  const char* const source = std::getenv("WEIR_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "run by ctest, or set WEIR_SOURCE_DIR to the root of the tree";
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(source) /
                                                               "tests/fuzz/corpus/framer")) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string input{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(input.empty()) << entry.path();
    for (int cut = 0; cut < 256; cut += 5) {
      input[0] = static_cast<char>(cut);
      EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
    }
    ++inputs;
  }
  EXPECT_GE(inputs, 8);
}

}  // namespace
}  // namespace weir::http
