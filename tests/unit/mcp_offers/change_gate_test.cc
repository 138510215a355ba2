#include "server/mcp_offers/change_gate.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/eventually.h"

namespace weir::mcp_offers {
namespace {

class ChangeGateTest : public ::testing::Test {
 protected:
  TimerQueue timers_;
  std::atomic<int> told_{0};
  std::shared_ptr<ChangeGate> gate_ = std::make_shared<ChangeGate>(timers_, [this] { ++told_; });
};

TEST_F(ChangeGateTest, LetsTheFirstChangePassAtOnce) {
  gate_->tell();

  EXPECT_EQ(told_, 1);
}

TEST_F(ChangeGateTest, TellsTheRestOfABurstAsOne) {
  for (int i = 0; i < 40; ++i) gate_->tell();
  EXPECT_EQ(told_, 1);

  EXPECT_TRUE(testing::eventually([&] { return timers_.size() == 0; }));
  EXPECT_EQ(told_, 2);
}

TEST_F(ChangeGateTest, LetsAChangePassAgainAfterTheQuiet) {
  gate_->tell();
  ASSERT_TRUE(testing::eventually([&] { return timers_.size() == 0; }));
  EXPECT_EQ(told_, 1) << "nothing more happened";

  gate_->tell();

  EXPECT_EQ(told_, 2);
}

TEST_F(ChangeGateTest, TellsNobodyOnceItIsGone) {
  gate_->tell();
  gate_->tell();
  gate_.reset();

  ASSERT_TRUE(testing::eventually([&] { return timers_.size() == 0; }));
  EXPECT_EQ(told_, 1);
}

}  // namespace
}  // namespace weir::mcp_offers
