#include "streaming/event_stream.h"

#include <random>

#include "tests/support/eventually.h"
#include "tests/unit/streaming/recording_sink.h"
#include "tests/unit/streaming/streaming_fixture.h"

namespace weir::streaming {
namespace {

using testing::eventually;

class EventStreamTest : public StreamingTest {
 protected:
  struct Reader {
    std::shared_ptr<RecordingSink> sink;
    std::shared_ptr<EventStream> stream;
  };
  Reader open(std::optional<std::string> position = std::nullopt, std::optional<StreamSnapshot> snapshot = std::nullopt,
              std::size_t room = 1'000'000) {
    Reader reader{std::make_shared<RecordingSink>(room), nullptr};
    auto opened =
        EventStream::open(*log_, *hub_, executor_,
                          {{Feed::Kind::resource, "scn_1"}, std::move(position), std::move(snapshot)}, reader.sink);
    if (!opened) throw std::runtime_error(opened.error().message);
    reader.stream = std::move(*opened);
    return reader;
  }
  void append_many(int count) {
    for (int i = 0; i < count; ++i) append("scn_1");
  }
  static std::string numbers(std::int64_t first, std::int64_t last) {
    std::string text;
    for (std::int64_t i = first; i <= last; ++i) text += (text.empty() ? "" : " ") + std::to_string(i);
    return text;
  }
  static bool sees(const Reader& reader, const std::string& expected) {
    const bool is_seen = eventually([&] { return reader.sink->seen() == expected; });
    if (!is_seen) ADD_FAILURE() << "saw " << reader.sink->seen();
    return is_seen;
  }

  PoolExecutor executor_;
};

TEST_F(EventStreamTest, HistoryIsFollowedByWhatHappensNow) {
  append_many(250);
  const Reader reader = open();
  ASSERT_TRUE(sees(reader, numbers(1, 250)));

  append_many(3);

  EXPECT_TRUE(sees(reader, numbers(1, 253)));
  EXPECT_FALSE(reader.stream->is_closed());
}

TEST_F(EventStreamTest, TheStreamEndsAfterTheTerminalEvent) {
  append_many(2);
  const Reader reader = open();
  ASSERT_TRUE(sees(reader, "1 2"));

  append("scn_1", "scan.completed");

  EXPECT_TRUE(sees(reader, "1 2 3"));
  EXPECT_TRUE(eventually([&] { return reader.sink->closes() == 1; }));
  EXPECT_EQ(hub_->subscriptions(), 0U);
}

TEST_F(EventStreamTest, HistoryThatHoldsTheTerminalEventEndsTheStream) {
  append_many(2);
  append("scn_1", "scan.failed");

  const Reader reader = open();

  EXPECT_TRUE(sees(reader, "1 2 3"));
  EXPECT_TRUE(eventually([&] { return reader.sink->closes() == 1; }));
}

TEST_F(EventStreamTest, AReaderResumesAfterItsLastId) {
  append_many(5);

  const Reader by_id = open(log_->id_of(3));
  const Reader by_number = open("4");
  const Reader at_the_end = open(log_->id_of(5));
  append_many(1);

  EXPECT_TRUE(sees(by_id, "4 5 6"));
  EXPECT_TRUE(sees(by_number, "5 6"));
  EXPECT_TRUE(sees(at_the_end, "6"));
}

TEST_F(EventStreamTest, AReaderThatHasSeenTheEndIsClosed) {
  append_many(2);
  append("scn_1", "scan.cancelled");

  const Reader reader = open(log_->id_of(3));

  EXPECT_TRUE(eventually([&] { return reader.sink->closes() == 1; }));
  EXPECT_EQ(reader.sink->seen(), "");
}

TEST_F(EventStreamTest, TheSnapshotComesFirstUnlessResuming) {
  append_many(3);
  const StreamSnapshot snapshot{std::make_shared<const std::string>("event: snapshot\ndata: {}\n\n"), 2};

  const Reader fresh = open(std::nullopt, snapshot);
  const Reader resuming = open("1", snapshot);

  EXPECT_TRUE(sees(fresh, "snapshot 3"));
  EXPECT_TRUE(sees(resuming, "2 3"));
}

TEST_F(EventStreamTest, ASnapshotOfAnEndedResourceIsFollowedByTheEnd) {
  append("scn_1", "scan.completed");

  const Reader reader =
      open(std::nullopt, StreamSnapshot{std::make_shared<const std::string>("event: snapshot\ndata: {}\n\n"), 1});

  EXPECT_TRUE(sees(reader, "snapshot"));
  EXPECT_TRUE(eventually([&] { return reader.sink->closes() == 1; }));
}

TEST_F(EventStreamTest, APositionThatTheLogCannotContinueIsAnsweredWithAGap) {
  append_many(5);
  trim("scn_1", 2);

  const Reader trimmed = open(log_->id_of(1));
  const Reader just_enough = open(log_->id_of(2));
  const Reader other_epoch = open("elsewhere-4");
  const Reader beyond = open(log_->id_of(99));
  const Reader nonsense = open("<script>\n");

  EXPECT_TRUE(sees(trimmed, "gap 3 4 5"));
  EXPECT_TRUE(sees(just_enough, "3 4 5"));
  EXPECT_TRUE(sees(other_epoch, "gap 3 4 5"));
  EXPECT_TRUE(sees(beyond, "gap 3 4 5"));
  EXPECT_TRUE(sees(nonsense, "gap 3 4 5"));
  EXPECT_EQ(*parse_json(other_epoch.sink->events()[0].data),
            Json({{"requested", "elsewhere-4"}, {"first_available", log_->id_of(3)}}));
}

TEST_F(EventStreamTest, WhoeverIsGoneIsSentNothingMore) {
  append_many(3);
  const Reader slow = open(std::nullopt, std::nullopt, 2);
  Reader leaving = open();
  ASSERT_TRUE(sees(leaving, "1 2 3"));

  leaving.stream->close();
  leaving.stream->close();
  append_many(1);

  EXPECT_TRUE(eventually([&] { return slow.stream->is_closed(); }));
  EXPECT_EQ(slow.sink->seen(), "1 2");
  EXPECT_EQ(leaving.sink->seen(), "1 2 3");
  EXPECT_EQ(leaving.sink->closes(), 1);
  EXPECT_EQ(hub_->subscriptions(), 0U);
}

TEST_F(EventStreamTest, ADroppedStreamLeavesTheHub) {
  Reader reader = open();
  append_many(1);
  ASSERT_TRUE(sees(reader, "1"));

  reader.stream.reset();

  EXPECT_TRUE(eventually([&] { return hub_->subscriptions() == 0; }));
  append_many(1);
  EXPECT_EQ(reader.sink->seen(), "1");
}

TEST_F(EventStreamTest, AnExecutorThatStopsEndsTheStream) {
  executor_.is_refusing = true;

  const Reader reader = open();

  EXPECT_TRUE(reader.stream->is_closed());
  EXPECT_EQ(reader.sink->closes(), 1);
}

// More live events than the queue holds arrive before history is read: they come from the log.
TEST_F(EventStreamTest, AnOverflowOfTheQueueLosesNothing) {
  class LaterExecutor final : public Executor {
   public:
    bool post(std::function<void()> work) override {
      works.push_back(std::move(work));
      return true;
    }
    void run() {
      while (!works.empty()) {
        auto work = std::move(works.front());
        works.pop_front();
        work();
      }
    }
    std::deque<std::function<void()>> works;
  } later;
  const auto sink = std::make_shared<RecordingSink>();
  const auto stream =
      EventStream::open(*log_, *hub_, later, {{Feed::Kind::resource, "scn_1"}, std::nullopt, std::nullopt}, sink);
  ASSERT_TRUE(stream);
  const int count = static_cast<int>(EventStream::kQueueMax) + 50;
  append_many(count);

  later.run();
  append_many(2);

  EXPECT_EQ(sink->seen(), numbers(1, count + 2));
}

// Readers that come and go at random positions while events are published see exactly the log.
TEST_F(EventStreamTest, EveryReaderSeesExactlyTheLogWhateverTheSchedule) {
  constexpr int kEvents = 300;
  constexpr int kReaders = 8;
  append_many(120);
  std::atomic<std::int64_t> last = 120;
  std::vector<std::string> failures(kReaders);
  {
    std::jthread publisher([&] {
      for (int i = 0; i < kEvents; ++i) {
        append("scn_1");
        ++last;
      }
      append("scn_1", "scan.completed");
    });
    std::vector<std::jthread> readers;
    for (int n = 0; n < kReaders; ++n) {
      readers.emplace_back([&, n] {
        std::minstd_rand random(static_cast<unsigned>(n) + 1);
        std::int64_t position = n % 2 == 0 ? 0 : static_cast<std::int64_t>(random() % 120);
        bool has_ended = false;
        for (int round = 0; round < 1'000 && !has_ended; ++round) {
          // Some leave after a few frames, as a dropped connection does.
          const std::size_t room = random() % 4 == 0 ? 1'000'000 : 1 + random() % 60;
          const Reader reader = open(log_->id_of(position), std::nullopt, room);
          eventually([&] { return reader.stream->is_closed(); });
          reader.stream->close();
          for (const SseEvent& event : reader.sink->events()) {
            const auto seq = log_->seq_of(event.id);
            if (!seq || *seq != position + 1) {
              failures[static_cast<std::size_t>(n)] +=
                  event.type + " " + event.id + " after " + std::to_string(position) + "; ";
            }
            position = seq.value_or(position);
            has_ended = has_ended || is_terminal_event(event.type);
          }
        }
        if (!has_ended) failures[static_cast<std::size_t>(n)] += "never saw the end";
      });
    }
  }

  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

}  // namespace
}  // namespace weir::streaming
