// Replays the corpus of the framer's fuzzer, each input cut at several places.
#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::http {
namespace {

TEST(FramerCorpusTest, HoldsForEachInputHoweverItIsCut) {
  const std::vector<std::string> inputs = weir::testing::corpus("framer");
  for (std::string input : inputs) {
    ASSERT_FALSE(input.empty());
    for (int cut = 0; cut < 256; cut += 5) {
      input[0] = static_cast<char>(cut);
      EXPECT_EQ(weir::testing::run_input(LLVMFuzzerTestOneInput, input), 0);
    }
  }
  EXPECT_GE(inputs.size(), 8U);
}

}  // namespace
}  // namespace weir::http
