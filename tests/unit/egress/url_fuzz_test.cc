// Replays the fuzzer's corpus in every run, with g++ and without libFuzzer.
#include "tests/support/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weir::egress {
namespace {

TEST(UrlFuzzTest, TheCorpusHoldsItsLaws) { EXPECT_GT(weir::testing::replay_corpus("url", LLVMFuzzerTestOneInput), 10); }

}  // namespace
}  // namespace weir::egress
