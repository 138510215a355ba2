// Replays the fuzzers' corpora in every run, with g++ and without libFuzzer.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

extern "C" int fuzz_csp_once(const std::uint8_t* data, std::size_t size);
extern "C" int fuzz_html_once(const std::uint8_t* data, std::size_t size);

namespace weir::tools::scans {
namespace {

using OneInput = int (*)(const std::uint8_t* data, std::size_t size);

// Each file, and each prefix of it: most accidents happen where the input ends.
int replay(const std::string& name, OneInput one_input) {
  const char* root = std::getenv("WEIR_SOURCE_DIR");
  if (root == nullptr) return -1;
  int replayed = 0;
  const auto folder = std::filesystem::path(root) / "tests/fuzz/corpus" / name;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      EXPECT_EQ(one_input(reinterpret_cast<const std::uint8_t*>(bytes.data()), size), 0);
    }
    ++replayed;
  }
  return replayed;
}

TEST(FuzzReplayTest, TheHtmlCorpusHoldsItsLaws) {
  const int replayed = replay("html", fuzz_html_once);
  if (replayed < 0) GTEST_SKIP() << "WEIR_SOURCE_DIR is not set; run by CTest";
  EXPECT_GT(replayed, 4);
}

TEST(FuzzReplayTest, TheCspCorpusHoldsItsLaws) {
  const int replayed = replay("csp", fuzz_csp_once);
  if (replayed < 0) GTEST_SKIP() << "WEIR_SOURCE_DIR is not set; run by CTest";
  EXPECT_GT(replayed, 4);
}

}  // namespace
}  // namespace weir::tools::scans
