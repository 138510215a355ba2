#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::tools::models {
namespace {

TEST(ModelStreamFuzzTest, EveryInputOfTheCorpusKeepsTheLaws) {
  EXPECT_GE(testing::replay_corpus("model_stream", LLVMFuzzerTestOneInput), 25);
}

// Transcripts with bytes changed, taken out and put in: no answer may come to harm.
TEST(ModelStreamFuzzTest, DamagedAnswersKeepTheLaws) {
  std::uint32_t seed = 7;
  const auto next = [&seed](std::size_t bound) {
    seed = seed * 1664525U + 1013904223U;
    return static_cast<std::size_t>(seed >> 8) % bound;
  };
  constexpr std::string_view kBytes = "{}[]\":,\\\n\r d0-a\xC3\xFF";
  for (const std::string& input : testing::corpus("model_stream")) {
    for (int round = 0; round < 20; ++round) {
      std::string damaged = input;
      for (std::size_t n = 0; n <= next(4); ++n) {
        const std::size_t at = 1 + next(damaged.size() - 1);
        switch (next(3)) {
          case 0: damaged[at] = kBytes[next(kBytes.size())]; break;
          case 1: damaged.erase(at, 1 + next(8)); break;
          default: damaged.insert(at, 1, kBytes[next(kBytes.size())]); break;
        }
        if (damaged.size() < 2) break;
      }
      ASSERT_EQ(testing::run_input(LLVMFuzzerTestOneInput, damaged), 0);
    }
  }
}

}  // namespace
}  // namespace weir::tools::models
