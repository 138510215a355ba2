#include "store/events_store.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

class ConcurrencyTest : public StoreTest {};

constexpr int kWriters = 4;
constexpr int kReaders = 4;
constexpr int kEventsPerWriter = 60;

TEST_F(ConcurrencyTest, WritersGiveGaplessNumbersAndPublishInTheirOrder) {
  std::mutex mutex;
  std::map<std::string, std::vector<std::int64_t>> published;
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer] {
        for (int i = 0; i < kEventsPerWriter; ++i) {
          const auto done = database_->write([&](Transaction& t) -> Result<void> {
            EventRow event{.account_id = "acc",
                           .resource_type = "scan",
                           .resource_id = "scn_" + std::to_string(i % 3),
                           .type = "scan.progress"};
            if (auto appended = append_events(t, {&event, 1}); !appended) return appended;
            // Every third is thrown away again: its number must be used by another.
            if (i % 3 == writer % 3) return Error(ErrorCode::cancelled, "thrown away");
            t.on_commit([&mutex, &published, event] {
              const std::lock_guard lock(mutex);
              published[event.resource_id].push_back(event.seq);
              published["account"].push_back(event.account_seq);
            });
            return {};
          });
          if (!done && done.error().code != ErrorCode::cancelled) ++failures;
        }
      });
    }
    for (int reader = 0; reader < kReaders; ++reader) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEventsPerWriter; ++i) {
          const auto done = database_->read([&](Transaction& t) -> Result<void> {
            auto events = events_after(t, "scn_0", 0, 500);
            if (!events) return std::move(events).error();
            for (std::size_t n = 0; n < events->size(); ++n) {
              if ((*events)[n].seq != std::int64_t(n) + 1) ++failures;
            }
            return {};
          });
          if (!done) ++failures;
        }
      });
    }
  }

  EXPECT_EQ(failures, 0);
  EXPECT_EQ(published["account"].size(), std::size_t(kWriters * kEventsPerWriter * 2 / 3));
  for (const auto& [name, numbers] : published) {
    for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], std::int64_t(i) + 1) << name;
  }
}

TEST_F(ConcurrencyTest, TwoDatabasesOnOneFileWriteInTurns) {
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < 2; ++writer) {
      threads.emplace_back([&] {
        auto own = open({.path = path()});
        if (!own) {
          ++failures;
          return;
        }
        for (int i = 0; i < 40; ++i) {
          const auto done = (*own)->write([](Transaction& t) -> Result<void> {
            EventRow event{.account_id = "acc", .resource_type = "scan", .resource_id = "scn", .type = "scan.progress"};
            return append_events(t, {&event, 1});
          });
          if (!done) ++failures;
        }
      });
    }
  }

  EXPECT_EQ(failures, 0);
  EXPECT_EQ(read([](Transaction& t) { return last_event_seq(t, "scn"); }), 80);
}

TEST_F(ConcurrencyTest, ManyMayOpenANewDatabaseAtOnce) {
  const std::string fresh = (folder_.path() / "fresh.db").string();
  std::mutex mutex;
  std::vector<std::string> failures;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        auto opened = open({.path = fresh});
        if (opened) return;
        const std::lock_guard lock(mutex);
        failures.push_back(opened.error().message + " / " + opened.error().cause);
      });
    }
  }

  EXPECT_THAT(failures, ::testing::IsEmpty());
}

}  // namespace
}  // namespace weir::store
