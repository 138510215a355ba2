// What one SSE reader of one resource sees: history first, while live events queue behind it, then both joined without
// a gap or a repeat, and the end after the terminal event (streaming.md section 2).
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/executor.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"

namespace weir::streaming {

// Where frames go. Thread-safe.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // False once the reader is gone or too slow. Never blocks.
  virtual bool send(std::shared_ptr<const std::string> frame) = 0;
  // Called once, after the last frame. Never blocks.
  virtual void close() = 0;
};

// The resource as it was when `seq` was its newest event (both read in one transaction), as a ready frame.
struct StreamSnapshot {
  std::shared_ptr<const std::string> frame;
  std::int64_t seq = 0;
};

struct StreamStart {
  std::string resource_id;
  // What the reader had last: "<epoch>-<seq>" (Last-Event-ID) or "<seq>" (?after=). Nothing: from the snapshot on, or
  // from the start of the log if there is none. A position that the log cannot continue is answered with a `gap` event
  // {requested, first_available} and then everything that there is.
  std::optional<std::string> position;
  std::optional<StreamSnapshot> snapshot;  // sent first, unless there is a position
};

// Held by whoever holds the reader's connection, and weakly by the hub: it must be dropped or close()d when the reader is
// gone. Lets go of the sink when it closes. Thread-safe.
class EventStream : public std::enable_shared_from_this<EventStream> {
  struct Private {};

 public:
  // Live events kept while history is read; if more come, they are read from the log instead.
  static constexpr std::size_t kQueueMax = 256;
  static constexpr std::int64_t kPageEvents = 100;

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

 private:
  enum class Progress : std::uint8_t { more, ended };

  void receive(const Published& published);
  void post_page();
  void read_page();
  Progress begin(FrameSink& sink, const store::EventRange& range);
  Progress send_gap(FrameSink& sink, std::string_view requested, std::int64_t first_available);
  Progress send_event(FrameSink& sink, const Event& event, std::shared_ptr<const std::string> frame);
  void drain();
  [[nodiscard]] std::shared_ptr<FrameSink> sink() const;

  EventLog& log_;
  Executor& executor_;
  const StreamStart start_;

  // Of whoever has the turn to send: is_sending_ hands it on.
  bool has_begun_ = false;
  std::int64_t position_ = 0;  // the last one sent

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<FrameSink> sink_;
  std::shared_ptr<Subscription> subscription_;
  std::deque<Published> queue_;
  bool has_overflowed_ = false;
  bool is_sending_ = true;  // open() begins with history
  bool is_closed_ = false;
};

}  // namespace weir::streaming
