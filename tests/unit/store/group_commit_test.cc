#include "store/group_commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "tests/support/eventually.h"

namespace weir::store {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

// What a session was asked for, in order. Used by one thread at a time, which is what is tested.
struct Asked {
  std::vector<std::string> what;
  bool does_commit_fail = false;
  bool is_lost = false;  // the server has rolled back
};

template <Dialect kKind>
class FakeSession {
 public:
  static constexpr Dialect kDialect = kKind;

  explicit FakeSession(Asked& asked) : asked_(asked) {}
  Result<void> begin(Access) {
    is_open_ = true;
    return note("begin");
  }
  Result<void> commit() {
    asked_.what.emplace_back("commit");
    if (asked_.does_commit_fail) return Error(ErrorCode::unavailable, "the disk is full");
    is_open_ = false;
    return {};
  }
  void rollback() {
    asked_.what.emplace_back("rollback");
    is_open_ = false;
  }
  Result<void> save() { return note("save"); }
  Result<void> release() { return note("release"); }
  Result<void> restore() { return note("restore"); }
  Result<Answer> run(std::string_view sql, std::vector<Value>, Wanted) {
    asked_.what.emplace_back(sql);
    return Answer{};
  }
  [[nodiscard]] bool is_in_transaction() const { return is_open_ && !asked_.is_lost; }

 private:
  Result<void> note(std::string what) {
    asked_.what.push_back(std::move(what));
    return {};
  }

  Asked& asked_;
  bool is_open_ = false;
};

class GroupCommitTest : public ::testing::Test {
 protected:
  using Session = FakeSession<Dialect::sqlite>;
  using Body = std::function<Result<void>(Transaction&)>;

  static Body says(const std::string& name) {
    return [name](Transaction& transaction) -> Result<void> {
      if (auto done = transaction.execute(name); !done) return std::move(done).error();
      return {};
    };
  }

  // Writes `first`, and while its body runs, all of `others`, which wait in this order. What each came to.
  std::vector<Result<void>> write_together(const Body& first, const std::vector<Body>& others) {
    std::vector<Result<void>> outcomes(others.size() + 1);
    std::latch has_begun(1);
    std::latch may_end(1);
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      outcomes[0] = writer_.write([&](Transaction& transaction) {
        has_begun.count_down();
        may_end.wait();
        return first(transaction);
      });
    });
    has_begun.wait();
    for (std::size_t i = 0; i < others.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          outcomes[i + 1] = writer_.write(others[i]);
        } catch (const std::runtime_error& error) {
          outcomes[i + 1] = Error(ErrorCode::internal, error.what());
        }
      });
      EXPECT_TRUE(testing::eventually([&] { return writer_.waiting() == i + 1; }));
    }
    may_end.count_down();
    threads.clear();
    return outcomes;
  }

  Asked asked_;
  std::vector<std::jthread> pauses_;
  GroupCommit<Session> writer_{std::make_unique<Session>(asked_), milliseconds{5'000}};
};

TEST_F(GroupCommitTest, AloneAWriterHasATransactionOfItsOwn) {
  EXPECT_TRUE(writer_.write(says("a")));
  EXPECT_TRUE(writer_.write(says("b")));

  EXPECT_THAT(asked_.what, ElementsAre("begin", "a", "commit", "begin", "b", "commit"));
}

TEST_F(GroupCommitTest, ThoseWhoComeMeanwhileShareItsCommitInTheirOrder) {
  for (const auto& outcome : write_together(says("a"), {says("b"), says("c")})) EXPECT_TRUE(outcome);

  EXPECT_THAT(asked_.what, ElementsAre("begin", "a", "save", "b", "release", "save", "c", "release", "commit"));
}

TEST_F(GroupCommitTest, AGroupHasABound) {
  const std::vector<Body> others(GroupCommit<Session>::kGroupMax + 2, says("x"));

  for (const auto& outcome : write_together(says("a"), others)) EXPECT_TRUE(outcome);

  EXPECT_EQ(std::ranges::count(asked_.what, "commit"), 2);
  EXPECT_EQ(std::ranges::count(asked_.what, "x"), std::ssize(others));
}

TEST_F(GroupCommitTest, WhoFailsUndoesOnlyItsOwnChanges) {
  const Body fails = [](Transaction& transaction) -> Result<void> {
    if (auto done = transaction.execute("b"); !done) return std::move(done).error();
    return Error(ErrorCode::conflict, "no");
  };

  const auto outcomes = write_together(says("a"), {fails, says("c")});

  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::conflict);
  EXPECT_TRUE(outcomes[2]);
  EXPECT_THAT(asked_.what, ElementsAre("begin", "a", "save", "b", "restore", "save", "c", "release", "commit"));
}

TEST_F(GroupCommitTest, IfTheFirstFailsTheOthersAreMadeWithoutIt) {
  const auto outcomes = write_together([](Transaction&) { return Error(ErrorCode::conflict, "no"); }, {says("b")});

  EXPECT_EQ(outcomes[0].error().code, ErrorCode::conflict);
  EXPECT_TRUE(outcomes[1]);
  EXPECT_THAT(asked_.what, ElementsAre("begin", "rollback", "begin", "b", "commit"));
}

TEST_F(GroupCommitTest, AnExceptionReachesItsOwnWriterOnly) {
  const auto outcomes =
      write_together(says("a"), {[](Transaction&) -> Result<void> { throw std::runtime_error("oops"); }, says("c")});

  EXPECT_TRUE(outcomes[0]);
  EXPECT_EQ(outcomes[1].error().message, "oops");
  EXPECT_TRUE(outcomes[2]);
}

TEST_F(GroupCommitTest, ACommitThatFailsIsToldToAllOfItsGroup) {
  asked_.does_commit_fail = true;
  std::atomic<int> told = 0;
  const Body tells = [&](Transaction& transaction) -> Result<void> {
    transaction.on_commit([&] { ++told; });
    return {};
  };

  const auto outcomes = write_together(tells, {tells});

  EXPECT_EQ(outcomes[0].error().message, "the disk is full");
  EXPECT_EQ(outcomes[1].error().message, "the disk is full");
  EXPECT_EQ(told, 0);
  EXPECT_EQ(asked_.what.back(), "rollback");
}

TEST_F(GroupCommitTest, ATransactionThatIsLostInTheMiddleIsToldToAllOfItsGroup) {
  const Body loses = [this](Transaction&) -> Result<void> {
    asked_.is_lost = true;
    return {};
  };

  const auto outcomes = write_together(says("a"), {loses});

  EXPECT_EQ(outcomes[0].error().code, ErrorCode::unavailable);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::unavailable);
  EXPECT_EQ(std::ranges::count(asked_.what, "commit"), 0);
}

TEST_F(GroupCommitTest, CallbacksRunAfterTheCommitInTheOrderOfTheWriters) {
  const auto tells = [this](const std::string& name) {
    return [this, name](Transaction& transaction) -> Result<void> {
      transaction.on_commit([this, name] { asked_.what.push_back(name); });
      return {};
    };
  };

  for (const auto& outcome : write_together(tells("a"), {tells("b"), tells("c")})) EXPECT_TRUE(outcome);

  EXPECT_THAT(asked_.what, ElementsAre("begin", "save", "release", "save", "release", "commit", "a", "b", "c"));
}

TEST_F(GroupCommitTest, AConflictWithWhatWasNeverStoredIsToldAsTheFailureOfTheCommit) {
  asked_.does_commit_fail = true;

  const auto outcomes = write_together(says("a"), {[](Transaction&) { return Error(ErrorCode::conflict, "exists"); }});

  EXPECT_EQ(outcomes[0].error().message, "the disk is full");
  EXPECT_EQ(outcomes[1].error().message, "the disk is full");
}

TEST_F(GroupCommitTest, ACallbackThatFailsTakesNothingFromTheOthers) {
  const Body fails = [](Transaction& transaction) -> Result<void> {
    transaction.on_commit([] { throw std::runtime_error("oops"); });
    return {};
  };
  const Body tells = [this](Transaction& transaction) -> Result<void> {
    transaction.on_commit([this] { asked_.what.push_back("told"); });
    return {};
  };

  for (const auto& outcome : write_together(says("a"), {fails, tells})) EXPECT_TRUE(outcome);

  EXPECT_EQ(asked_.what.back(), "told");
}

TEST_F(GroupCommitTest, APauseIsATurnWithoutATransaction) {
  const auto outcomes = write_together(
      [this](Transaction&) -> Result<void> {
        pauses_.emplace_back([this] { writer_.pause([this] { asked_.what.push_back("pause"); }); });
        EXPECT_TRUE(testing::eventually([this] { return writer_.waiting() > 0; }));
        return {};
      },
      {});
  pauses_.clear();

  EXPECT_TRUE(outcomes[0]);
  EXPECT_THAT(asked_.what, ElementsAre("begin", "commit", "pause"));
}

TEST(GroupCommitOfAServerTest, WhoWaitsTooLongIsRefusedAndChangesNothing) {
  using Session = FakeSession<Dialect::postgres>;
  Asked asked;
  GroupCommit<Session> writer(std::make_unique<Session>(asked), milliseconds{20});
  std::latch has_begun(1);
  std::latch may_end(1);
  std::jthread first([&] {
    EXPECT_TRUE(writer.write([&](Transaction&) -> Result<void> {
      has_begun.count_down();
      may_end.wait();
      return {};
    }));
  });
  has_begun.wait();

  const auto refused = writer.write([&](Transaction& transaction) -> Result<void> {
    if (auto done = transaction.execute("late"); !done) return std::move(done).error();
    return {};
  });

  may_end.count_down();
  first.join();
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(asked.what, ElementsAre("begin", "commit"));
}

}  // namespace
}  // namespace weir::store
