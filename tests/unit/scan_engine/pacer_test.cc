#include "tools/scans/pacer.h"
#include "tests/support/fake_clock.h"

namespace weir::tools::scans {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(PacerTest, SpacesTurns) {
  const SystemClock clock;
  Pacer pacer(clock, 20, {});
  const auto begin = steady_clock::now();

  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pacer.wait_turn());

  EXPECT_GE(steady_clock::now() - begin, milliseconds{140});
}

TEST(PacerTest, DoesNotSaveUpTurns) {
  testing::FakeClock clock;
  Pacer pacer(clock, 20, {});
  clock.advance(milliseconds{10'000});
  ASSERT_TRUE(pacer.wait_turn());
  const auto begin = steady_clock::now();

  ASSERT_TRUE(pacer.wait_turn());

  EXPECT_GE(steady_clock::now() - begin, milliseconds{45});
}

TEST(PacerTest, AStopEndsAWait) {
  const SystemClock clock;
  std::stop_source source;
  Pacer pacer(clock, 1, source.get_token());
  std::jthread stopper([&] { source.request_stop(); });

  EXPECT_FALSE(pacer.wait(std::chrono::hours{1}));
  EXPECT_FALSE(pacer.wait_turn());
}

}  // namespace
}  // namespace weir::tools::scans
