// Replays the fuzzer's corpus in every run, with g++ and without libFuzzer.
#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::rest {
namespace {

TEST(HeadersFuzzTest, TheCorpusHoldsItsLaws) {
  EXPECT_GT(weir::testing::replay_corpus("headers", LLVMFuzzerTestOneInput), 10);
}

}  // namespace
}  // namespace weir::rest
