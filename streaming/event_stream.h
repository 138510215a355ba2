// What one SSE reader of one feed sees: history first, while live events queue behind it, then both joined without a gap
// or a repeat, and for a resource the end after its terminal event (streaming.md section 2).
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/event_types.h"

namespace weir::streaming {

using Frame = std::shared_ptr<const std::string>;

// Where frames go. Thread-safe.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // False once the reader is gone or too slow. Never blocks.
  virtual bool send(Frame frame) = 0;
  // The same for several, in order.
  virtual bool send_all(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
      if (!send(frame)) return false;
    }
    return true;
  }
  // Calls `callback` once, from any thread, when nothing of what was sent waits any more: at once if nothing does, never
  // if the reader goes first. Never blocks.
  virtual void when_drained(std::function<void()> callback) { callback(); }
  // Called once, after the last frame. Never blocks.
  virtual void close() = 0;
};

// The feed as it was when `seq` was its newest event (both read in one transaction), as a ready frame.
struct StreamSnapshot {
  Frame frame;
  std::int64_t seq = 0;
};

struct StreamStart {
  Feed feed;
  // What the reader had last: EventLog::position_text() (Last-Event-ID) or a number (?after=). Nothing: from the snapshot
  // on, or from the start of the log if there is none. Where the log has a hole behind the position, a `gap` event
  // {requested, first_available} says so, and then comes everything that there is.
  std::optional<std::string> position;
  std::optional<StreamSnapshot> snapshot;  // sent first, unless there is a position
  EventFilter filter{};                    // what it leaves out is passed over in silence
};

// Held by whoever holds the reader's connection, and weakly by the hub: it must be dropped or close()d when the reader is
// gone. Lets go of the sink when it closes. Thread-safe.
class EventStream : public BatchReceiver, public std::enable_shared_from_this<EventStream> {
  struct Private {};

 public:
  // Live events kept while history is read; if more come, they are read from the log instead.
  static constexpr std::size_t kQueueMax = 256;
  static constexpr std::int64_t kPageEvents = 100;
  // History goes on when the reader has taken what was sent: so much at a time, far below what a slow reader may owe.
  static constexpr std::size_t kPageBytesMax = 64 * 1024;
  // So many events that the filter left out move the reader's position, by a frame that holds nothing else.
  static constexpr std::uint16_t kPassedOverMax = 100;

  // Starts at once; history is read on `executor`, page by page. The log, the hub and the executor must outlive the
  // stream. Returns unavailable if the hub takes no more subscriptions. Never blocks.
  static Result<std::shared_ptr<EventStream>> open(EventLog& log, EventHub& hub, Executor& executor, StreamStart start,
                                                   std::shared_ptr<FrameSink> sink);
  EventStream(Private, EventLog& log, Executor& executor, StreamStart start, std::shared_ptr<FrameSink> sink);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // The reader is gone, or the server stops. Closes the sink if it is still open.
  void close();
  [[nodiscard]] bool is_closed() const;

  void receive(const std::vector<Published>& batch) override;

 private:
  // Needed until the first page is read; a stream that only waits has given it back.
  struct Opening {
    std::optional<std::string> position;
    std::optional<StreamSnapshot> snapshot;
  };
  enum class Step : std::uint8_t { taken, hole, last };
  enum class Turn : std::uint8_t { kept, passed };  // may the caller go on sending?

  void post_page();
  void read_page();
  Result<EventPage> begin(FrameSink& sink, std::optional<std::string>& requested);
  Turn send_history(FrameSink& sink, const EventPage& page, std::optional<std::string> requested);
  bool send_gap(FrameSink& sink, const EventGap& gap);
  Step take(const Event& event, Frame frame, std::vector<Frame>& frames);
  Turn pass_on(FrameSink& sink, const std::vector<Published>& batch);
  void drain();
  [[nodiscard]] Frame frame_of(const Published& published) const;
  [[nodiscard]] std::shared_ptr<FrameSink> sink() const;

  EventLog& log_;
  Executor& executor_;
  const Feed feed_;
  const std::unique_ptr<const EventFilter> filter_;  // null: takes everything

  // Of whoever has the turn to send: is_sending_ hands it on.
  std::unique_ptr<Opening> opening_;
  std::int64_t position_ = 0;      // the last one sent or passed over
  std::int64_t told_through_ = 0;  // holes up to here were told by a gap
  std::uint16_t passed_over_ = 0;

  bool has_overflowed_ = false;  // this and the next two: guarded, like what follows
  bool is_sending_ = true;       // open() begins with history
  bool is_closed_ = false;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<FrameSink> sink_;
  std::shared_ptr<Subscription> subscription_;
  std::vector<Published> queue_;
};

}  // namespace weir::streaming
