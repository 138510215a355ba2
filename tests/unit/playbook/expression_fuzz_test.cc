#include <random>

#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::tools::runs {
namespace {

TEST(ExpressionFuzzTest, TheCorpusKeepsTheLaws) {
  EXPECT_GE(testing::replay_corpus("expression", LLVMFuzzerTestOneInput), 20);
}

TEST(ExpressionFuzzTest, RandomMixturesOfTheWordsKeepTheLaws) {
  const unsigned seed = 20261122;
  std::minstd_rand random(seed);
  const std::vector<std::string> words{"inputs",
                                       "steps",
                                       ".a",
                                       ".b.",
                                       ".result",
                                       ".id",
                                       "[0]",
                                       "[",
                                       "]",
                                       "(",
                                       ")",
                                       ",",
                                       " in ",
                                       "==",
                                       "!=",
                                       "<",
                                       ">=",
                                       "&&",
                                       "||",
                                       "!",
                                       "\"x\"",
                                       "'id'",
                                       "1",
                                       "-2.5",
                                       "true",
                                       "null",
                                       "default(",
                                       "len(",
                                       "pluck(",
                                       "rows(",
                                       "zip(",
                                       "item",
                                       "index",
                                       "${",
                                       "}",
                                       "$${",
                                       "\\",
                                       "\"",
                                       "steps.c.results",
                                       "inputs.list",
                                       "steps.a.result.data",
                                       "filter(",
                                       "join(",
                                       "flatten(",
                                       "\xC3"};
  for (int round = 0; round < 4'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) text += words[random() % words.size()];
    ASSERT_EQ(testing::run_input(LLVMFuzzerTestOneInput, text), 0) << text;
  }
}

}  // namespace
}  // namespace weir::tools::runs
