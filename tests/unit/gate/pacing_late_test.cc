// Decisions that come later, from a limiter across a network: who is answered where, and who waits.
#include <functional>
#include <utility>

#include "tests/unit/gate/pacing_fixture.h"

namespace weir::server::testing {
namespace {

// Decides when the test says so, as a limiter across a network does. Not thread-safe: owned by a test.
class LateLimiter final : public limits::RateLimiter {
 public:
  explicit LateLimiter(limits::RateLimiter& inner) : inner_(inner) {}
  std::shared_ptr<limits::KeyBudget> budget(std::string_view key_id) override { return inner_.budget(key_id); }
  Result<limits::Decision> acquire(limits::KeyBudget& budget, const limits::Quota& quota, std::uint32_t cost) override {
    return inner_.acquire(budget, quota, cost);
  }
  std::optional<Result<limits::Decision>> acquire_or_call(const std::shared_ptr<limits::KeyBudget>& budget,
                                                          const limits::Quota& quota, std::uint32_t cost,
                                                          Decided decided) override {
    under_way_.push_back([this, budget, quota, cost, decided] { decided(inner_.acquire(*budget, quota, cost)); });
    return std::nullopt;
  }
  void refund(limits::KeyBudget& budget, const limits::Quota& quota, const limits::Decision& decision,
              std::uint32_t cost) override {
    inner_.refund(budget, quota, decision, cost);
  }
  void answer_all() {
    for (auto& answer : std::exchange(under_way_, {})) answer();
  }

 private:
  limits::RateLimiter& inner_;
  std::vector<std::function<void()>> under_way_;
};

class LatePacingTest : public PacingTest {
 protected:
  std::shared_ptr<Asked> ask_late(const std::shared_ptr<const tools::Caller>& caller, milliseconds wait) {
    auto asked = std::make_shared<Asked>();
    asked->place = pacing_late_->admit({.caller = caller}, wait,
                                       [answer = answers_.emplace_back(asked)](Result<limits::Decision> decision) {
                                         EXPECT_FALSE(answer->answer.has_value()) << "answered twice";
                                         answer->answer = std::move(decision);
                                       },
                                       {});
    return asked;
  }
  void answer() {
    late_.answer_all();
    executor_.run_all();
  }

  LateLimiter late_{limiter_};
  std::vector<std::shared_ptr<Asked>> answers_;  // until the end, whoever waits for them
  std::optional<Pacing> pacing_late_{
      std::in_place, PacingSettings{.held_per_key_max = 4, .held_max = 6}, late_, clock_, timers_, executor_};
};

TEST_F(LatePacingTest, AnswersOnTheExecutorOnceTheLimiterHasDecided) {
  const auto caller = caller_with(1);
  const auto admitted = ask_late(caller, seconds{0});
  const auto refused = ask_late(caller, seconds{0});
  EXPECT_NE(admitted->place, nullptr);
  EXPECT_FALSE(admitted->answer.has_value());

  late_.answer_all();
  EXPECT_FALSE(admitted->answer.has_value()) << "the limiter's thread must not serve calls";
  executor_.run_all();

  EXPECT_TRUE(admitted->is_admitted());
  EXPECT_TRUE(refused->is_refused());
}

TEST_F(LatePacingTest, HoldsARefusedCallThatWouldRatherWait) {
  const auto caller = caller_with(1);
  ask_late(caller, seconds{0});
  const auto held = ask_late(caller, seconds{20});
  answer();
  ASSERT_FALSE(held->answer.has_value());
  EXPECT_EQ(pacing_late_->held(), 1U);

  clock_.advance(seconds{10});
  pacing_late_->proceed();
  executor_.run_all();

  EXPECT_TRUE(held->is_admitted());
}

TEST_F(LatePacingTest, ACallThatLeavesWhileItIsDecidedTakesNoPlace) {
  const auto caller = caller_with(1);
  ask_late(caller, seconds{0});
  const auto left = ask_late(caller, seconds{20});

  left->place.reset();
  answer();

  EXPECT_EQ(pacing_late_->held(), 0U);
}

TEST_F(LatePacingTest, ADecisionThatNobodyCanServeHasCostNothing) {
  const auto caller = caller_with(1);
  const auto asked = ask_late(caller, seconds{0});

  executor_.is_full = true;
  answer();

  ASSERT_TRUE(asked->answer.has_value());
  EXPECT_EQ(asked->answer->error().code, ErrorCode::unavailable);
  EXPECT_TRUE(ask(caller, seconds{0})->is_admitted());
}

TEST_F(LatePacingTest, ADecisionAfterTheEndFindsNobody) {
  const auto asked = ask_late(caller_with(1), seconds{0});

  pacing_late_.reset();
  answer();

  EXPECT_FALSE(asked->answer.has_value());
}

}  // namespace
}  // namespace weir::server::testing
