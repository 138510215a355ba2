#include "streaming/event_stream.h"

#include <utility>

#include "base/log.h"
#include "streaming/sse.h"

namespace weir::streaming {

Result<std::shared_ptr<EventStream>> EventStream::open(EventLog& log, EventHub& hub, Executor& executor,
                                                       StreamStart start, std::shared_ptr<FrameSink> sink) {
  auto stream = std::make_shared<EventStream>(Private{}, log, executor, std::move(start), std::move(sink));
  // Subscribed before history is read, so that an event is in the log's answer, or in the queue, or in both.
  auto subscription = hub.join(stream->feed_, stream->weak_from_this());
  if (subscription == nullptr) {
    return Error(ErrorCode::unavailable, "too many event streams are open: close some, or try again later");
  }
  {
    const std::lock_guard lock(stream->mutex_);
    stream->subscription_ = std::move(subscription);
  }
  stream->post_page();
  return stream;
}

EventStream::EventStream(Private, EventLog& log, Executor& executor, StreamStart start, std::shared_ptr<FrameSink> sink)
    : log_(log),
      executor_(executor),
      feed_(std::move(start.feed)),
      filter_(start.filter.is_empty() ? nullptr : std::make_unique<const EventFilter>(std::move(start.filter))),
      opening_(std::make_unique<Opening>(std::move(start.position), std::move(start.snapshot))),
      sink_(std::move(sink)) {}

void EventStream::close() {
  std::shared_ptr<FrameSink> sink;
  std::shared_ptr<Subscription> subscription;
  std::vector<Published> queue;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_closed_, true)) return;
    sink.swap(sink_);
    subscription.swap(subscription_);
    queue.swap(queue_);
  }
  if (sink != nullptr) sink->close();
}

bool EventStream::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

std::shared_ptr<FrameSink> EventStream::sink() const {
  const std::lock_guard lock(mutex_);
  return sink_;
}

// Live events: passed on at once by whoever has the turn, else queued for it.
void EventStream::receive(const std::vector<Published>& batch) {
  std::shared_ptr<FrameSink> sink;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    if (is_sending_) {
      has_overflowed_ = has_overflowed_ || queue_.size() + batch.size() > kQueueMax;
      if (!has_overflowed_) queue_.insert(queue_.end(), batch.begin(), batch.end());
      return;
    }
    is_sending_ = true;
    sink = sink_;
  }
  if (pass_on(*sink, batch) == Turn::kept) drain();
}

void EventStream::post_page() {
  if (!executor_.post([self = shared_from_this()] { self->read_page(); })) close();
}

void EventStream::read_page() {
  const std::shared_ptr<FrameSink> sink = this->sink();
  if (sink == nullptr) return;
  std::optional<std::string> requested;
  auto page = opening_ != nullptr ? begin(*sink, requested) : log_.read(feed_, position_, kPageEvents);
  if (!page) {
    log::warning("event_stream.unreadable", {{"feed", feed_.id}, {"cause", page.error().cause}});
    return close();
  }
  if (send_history(*sink, *page, std::move(requested)) == Turn::kept) drain();
}

// The first page, from where the reader left off; `requested` is what it asked for if the log cannot continue that. Starts
// with the event that the reader already has, to see whether that was the end.
Result<EventPage> EventStream::begin(FrameSink& sink, std::optional<std::string>& requested) {
  const std::unique_ptr<Opening> opening = std::move(opening_);
  if (opening->position) {
    const auto seq = log_.seq_at(feed_.kind, *opening->position);
    position_ = seq.value_or(0);
    requested = printable(*opening->position);
    if (!seq) told_through_ = -1;
  } else if (opening->snapshot) {
    position_ = opening->snapshot->seq;
    sink.send(opening->snapshot->frame);
  }
  auto page = log_.read(feed_, std::max<std::int64_t>(position_ - 1, 0), kPageEvents);
  if (!page) return page;
  if (!opening->position) {
    // Nothing was asked for, so nothing is missing.
    told_through_ = page->trimmed_through;
    return page;
  }
  if (position_ > page->last) {
    // Of another history: a database that was restored has given fewer numbers.
    told_through_ = -1;
    position_ = 0;
    page = log_.read(feed_, 0, kPageEvents);
    if (!page) return page;
  }
  if (told_through_ >= 0) return page;
  const std::int64_t first = page->events.empty() ? page->last + 1 : feed_.seq_of(page->events.front());
  send_gap(sink, {.requested = *std::exchange(requested, std::nullopt),
                  .first_available = first,
                  .trimmed_through = page->trimmed_through});
  return page;
}

EventStream::Turn EventStream::send_history(FrameSink& sink, const EventPage& page,
                                            std::optional<std::string> requested) {
  std::size_t bytes = 0;
  for (const Event& event : page.events) {
    const std::int64_t seq = feed_.seq_of(event);
    if (seq <= position_) {
      if (feed_.kind == Feed::Kind::resource && is_terminal_event(event.type)) {
        close();
        return Turn::passed;
      }
      continue;
    }
    if (seq != position_ + 1) {
      // Retention has been here.
      const bool is_told = seq - 1 <= told_through_;
      if (!is_told && !send_gap(sink, {.requested = requested.value_or(log_.position_text(feed_.kind, position_)),
                                       .first_available = seq,
                                       .trimmed_through = page.trimmed_through})) {
        close();
        return Turn::passed;
      }
      position_ = seq - 1;
    }
    requested.reset();
    std::vector<Frame> frames;
    const bool is_wanted = filter_ == nullptr || filter_->takes(event);
    const Step step = take(event, is_wanted ? log_.frame_of(event, feed_.kind) : nullptr, frames);
    for (const Frame& frame : frames) bytes += frame->size();
    if ((!frames.empty() && !sink.send_all(frames)) || step == Step::last) {
      close();
      return Turn::passed;
    }
    if (bytes >= kPageBytesMax) break;
  }
  if (page.events.empty() || position_ >= page.last) return Turn::kept;
  // The reader sets the pace, so that a long history does not make it a slow one.
  sink.when_drained([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->post_page();
  });
  return Turn::passed;
}

bool EventStream::send_gap(FrameSink& sink, const EventGap& gap) {
  position_ = gap.first_available - 1;
  told_through_ = std::max(position_, gap.trimmed_through);
  return sink.send(std::make_shared<const std::string>(
      encode_sse({.id = "", .type = "gap", .data = to_text(log_.to_json(feed_.kind, gap)), .retry = std::nullopt})));
}

// Adds to `frames` what the reader is to see of `event`.
EventStream::Step EventStream::take(const Event& event, Frame frame, std::vector<Frame>& frames) {
  const std::int64_t seq = feed_.seq_of(event);
  if (seq <= position_) return Step::taken;
  if (seq != position_ + 1) return Step::hole;
  position_ = seq;
  if (filter_ == nullptr || filter_->takes(event)) {
    frames.push_back(std::move(frame));
    passed_over_ = 0;
  } else if (++passed_over_ >= kPassedOverMax) {
    frames.push_back(std::make_shared<const std::string>("id: " + log_.position_text(feed_.kind, seq) + "\n\n"));
    passed_over_ = 0;
  }
  return feed_.kind == Feed::Kind::resource && is_terminal_event(event.type) ? Step::last : Step::taken;
}

EventStream::Turn EventStream::pass_on(FrameSink& sink, const std::vector<Published>& batch) {
  std::vector<Frame> frames;
  frames.reserve(batch.size());
  Step step = Step::taken;
  for (const Published& published : batch) {
    step = take(*published.event, frame_of(published), frames);
    if (step != Step::taken) break;
  }
  if ((!frames.empty() && !sink.send_all(frames)) || step == Step::last) {
    close();
    return Turn::passed;
  }
  if (step == Step::taken) return Turn::kept;
  // What is missing was committed before what is here, so the log has it.
  post_page();
  return Turn::passed;
}

Frame EventStream::frame_of(const Published& published) const {
  const Frame& encoded = feed_.kind == Feed::Kind::resource ? published.frame : published.account_frame;
  return encoded != nullptr ? encoded : log_.frame_of(*published.event, feed_.kind);
}

// Sends what is queued. Whoever calls it has the turn to send and gives it back here, or to the next page.
void EventStream::drain() {
  while (true) {
    std::vector<Published> batch;
    std::shared_ptr<FrameSink> sink;
    {
      std::unique_lock lock(mutex_);
      if (is_closed_) return;
      if (queue_.empty() && !has_overflowed_) {
        is_sending_ = false;
        return;
      }
      batch.swap(queue_);
      sink = sink_;
      if (std::exchange(has_overflowed_, false)) {
        lock.unlock();
        return post_page();
      }
    }
    if (pass_on(*sink, batch) == Turn::passed) return;
  }
}

}  // namespace weir::streaming
