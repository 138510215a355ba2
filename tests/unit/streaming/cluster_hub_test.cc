#include "streaming/cluster_hub.h"

#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace weir::streaming {
namespace {

using std::chrono::milliseconds;

// A node of a cluster: its own sessions on a database that others have open, too.
class Node {
 public:
  Node(const std::string& path, ClusterHub::Hinter hinter, milliseconds sweep)
      : database_(std::move(*store::Database::open({.path = path}))),
        hub_(EventHub::create(), *database_, std::move(hinter), sweep),
        log_(std::move(*EventLog::open(*database_, hub_, clock_))) {
    hub_.start(*log_);
  }
  ~Node() { hub_.stop(); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void append(const std::string& resource) {
    const auto done = database_->write([&](store::Transaction& transaction) -> Result<void> {
      auto event = log_->append(
          transaction,
          {.account_id = "acc", .resource_type = "scan", .resource_id = resource, .type = "scan.progress"});
      if (!event) return event.error();
      return {};
    });
    ASSERT_TRUE(done) << done.error().cause;
  }
  std::shared_ptr<Subscription> note(const std::string& resource) {
    return hub_.subscribe(resource, [this](const Published& published) {
      const std::lock_guard lock(mutex_);
      heard_.push_back(published.event->seq);
    });
  }
  std::vector<std::int64_t> heard() {
    const std::lock_guard lock(mutex_);
    return heard_;
  }
  ClusterHub& hub() { return hub_; }

 private:
  SystemClock clock_;
  std::unique_ptr<store::Database> database_;
  std::mutex mutex_;
  std::vector<std::int64_t> heard_;
  ClusterHub hub_;
  std::unique_ptr<EventLog> log_;
};

constexpr milliseconds kNever{3'600'000};
constexpr milliseconds kOften{20};

class ClusterHubTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return (folder_.path() / "weir.db").string(); }
  testing::TempDir folder_;
};

TEST_F(ClusterHubTest, AHintBringsWhatAnotherNodeCommitted) {
  Node here(
      path(), [](const EventHint&) {}, kNever);
  Node there(
      path(), [&](const EventHint& hint) { here.hub().heard(hint); }, kNever);
  const auto subscription = here.note("scn_1");

  // Of a feed that is new to it a hub tells the newest event only, so it gets to know it first.
  there.append("scn_1");
  ASSERT_TRUE(testing::eventually([&] { return here.heard().size() == 1; }));
  for (int i = 1; i < 20; ++i) there.append(i % 2 == 0 ? "scn_1" : "scn_2");

  EXPECT_TRUE(testing::eventually([&] { return here.heard().size() == 10; }));
  EXPECT_THAT(here.heard(), ::testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(ClusterHubTest, AHintThatIsLostIsMadeUpForByTheNextOne) {
  Node here(
      path(), [](const EventHint&) {}, kNever);
  int hints = 0;
  Node there(
      path(),
      [&](const EventHint& hint) {
        if (++hints != 2) here.hub().heard(hint);
      },
      kNever);
  const auto subscription = here.note("scn_1");

  there.append("scn_1");
  ASSERT_TRUE(testing::eventually([&] { return here.heard().size() == 1; }));
  there.append("scn_1");
  there.append("scn_1");

  EXPECT_TRUE(testing::eventually([&] { return here.heard().size() == 3; }));
  EXPECT_THAT(here.heard(), ::testing::ElementsAre(1, 2, 3));
}

TEST_F(ClusterHubTest, WithoutHintsTheCountersAreLookedAt) {
  Node here(
      path(), [](const EventHint&) {}, kOften);
  Node there(
      path(), [](const EventHint&) {}, kOften);
  there.append("scn_1");
  const auto subscription = here.note("scn_1");
  ASSERT_TRUE(testing::eventually([&] { return here.heard().size() == 1; }));

  for (int i = 0; i < 5; ++i) there.append("scn_1");

  EXPECT_TRUE(testing::eventually([&] { return here.heard().size() == 6; }));
  EXPECT_THAT(here.heard(), ::testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(ClusterHubTest, AnEventOfThisNodeIsToldOnce) {
  Node here(
      path(), [](const EventHint&) {}, kOften);
  Node there(
      path(), [](const EventHint&) {}, kOften);
  const auto of_resource = here.note("scn_1");
  const auto of_account = here.hub().subscribe_account("acc", [](const Published&) {});

  for (int i = 0; i < 3; ++i) here.append("scn_1");
  there.append("scn_1");

  EXPECT_TRUE(testing::eventually([&] { return here.heard().size() == 4; }));
  EXPECT_THAT(here.heard(), ::testing::ElementsAre(1, 2, 3, 4));
}

TEST(EventHintTest, ItsTextIsReadBackAndNothingElseIs) {
  const EventHint hint{.account_id = "acc_1", .resource_id = "scn_2", .seq = 17, .account_seq = 230};

  const auto read = EventHint::parse(hint.to_text());

  ASSERT_TRUE(read);
  EXPECT_EQ(read->to_text(), "acc_1 scn_2 17 230");
  for (const char* text : {"", "a b 1", "a b 1 2 3", "a b x 2", "a b 0 1", "a  1 2", "a b 1 2x"}) {
    EXPECT_FALSE(EventHint::parse(text)) << text;
  }
}

}  // namespace
}  // namespace weir::streaming
