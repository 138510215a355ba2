// Replays the fuzzer's corpus in every run, with g++ and without libFuzzer.
#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::auth {
namespace {

TEST(TokenFuzzTest, TheCorpusHoldsItsLaws) {
  EXPECT_GT(weir::testing::replay_corpus("token", LLVMFuzzerTestOneInput), 10);
}

}  // namespace
}  // namespace weir::auth
