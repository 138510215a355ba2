// Replays the fuzzers' corpora in every run, with g++ and without libFuzzer.
#include "tests/support/corpus.h"

extern "C" int fuzz_csp_once(const std::uint8_t* data, std::size_t size);
extern "C" int fuzz_html_once(const std::uint8_t* data, std::size_t size);

namespace weir::tools::scans {
namespace {

// Each file, and each prefix of it: most accidents happen where the input ends.
int replay_prefixes(std::string_view name, weir::testing::OneInput one_input) {
  const std::vector<std::string> inputs = weir::testing::corpus(name);
  for (const std::string_view input : inputs) {
    for (std::size_t size = 0; size <= input.size(); ++size) {
      EXPECT_EQ(weir::testing::run_input(one_input, input.substr(0, size)), 0);
    }
  }
  return static_cast<int>(inputs.size());
}

TEST(FuzzReplayTest, TheHtmlCorpusHoldsItsLaws) { EXPECT_GT(replay_prefixes("html", fuzz_html_once), 4); }

TEST(FuzzReplayTest, TheCspCorpusHoldsItsLaws) { EXPECT_GT(replay_prefixes("csp", fuzz_csp_once), 4); }

}  // namespace
}  // namespace weir::tools::scans
