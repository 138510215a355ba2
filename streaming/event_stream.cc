#include "streaming/event_stream.h"

#include <charconv>

#include "base/log.h"
#include "streaming/sse.h"

namespace weir::streaming {
namespace {

// "<epoch>-<seq>" of this log, or a bare number.
std::optional<std::int64_t> seq_in(const EventLog& log, std::string_view position) {
  std::int64_t seq = 0;
  const auto [end, error] = std::from_chars(position.data(), position.data() + position.size(), seq);
  if (error == std::errc{} && end == position.data() + position.size() && seq >= 0) return seq;
  return log.seq_of(position);
}

}  // namespace

Result<std::shared_ptr<EventStream>> EventStream::open(EventLog& log, EventHub& hub, Executor& executor,
                                                       StreamStart start, std::shared_ptr<FrameSink> sink) {
  auto stream = std::make_shared<EventStream>(Private{}, log, executor, std::move(start), std::move(sink));
  // Subscribed before history is read, so that an event is in the log's answer, or in the queue, or in both.
  auto subscription =
      hub.subscribe(stream->start_.resource_id, [weak = stream->weak_from_this()](const Published& published) {
        if (const auto self = weak.lock()) self->receive(published);
      });
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

EventStream::EventStream(Private, EventLog& log, Executor& executor, StreamStart start,
                         std::shared_ptr<FrameSink> sink)
    : log_(log), executor_(executor), start_(std::move(start)), sink_(std::move(sink)) {}

void EventStream::close() {
  std::shared_ptr<FrameSink> sink;
  std::shared_ptr<Subscription> subscription;
  std::deque<Published> queue;
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

// On the publisher's thread.
void EventStream::receive(const Published& published) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    if (has_overflowed_ || queue_.size() >= kQueueMax) {
      has_overflowed_ = true;
    } else {
      queue_.push_back(published);
    }
    if (is_sending_) return;
    is_sending_ = true;
  }
  drain();
}

void EventStream::post_page() {
  if (!executor_.post([self = shared_from_this()] { self->read_page(); })) close();
}

void EventStream::read_page() {
  const std::shared_ptr<FrameSink> sink = this->sink();
  if (sink == nullptr) return;
  auto range = log_.range(start_.resource_id);
  if (!range) {
    log::warning("event_stream.unreadable", {{"resource", start_.resource_id}, {"cause", range.error().cause}});
    return close();
  }
  const bool is_first = !has_begun_;
  if (is_first && begin(*sink, *range) == Progress::ended) return close();
  if (position_ < range->first - 1) {
    // Retention was faster than this reader.
    if (send_gap(*sink, log_.id_of(position_), range->first) == Progress::ended) return close();
  }
  // The first page starts with what the reader already has, to see whether that was the end.
  auto events = log_.read_after(start_.resource_id, is_first ? position_ - 1 : position_, kPageEvents);
  if (!events) {
    log::warning("event_stream.unreadable", {{"resource", start_.resource_id}, {"cause", events.error().cause}});
    return close();
  }
  for (const Event& event : *events) {
    if (event.seq <= position_) {
      if (is_terminal_event(event.type)) return close();
      continue;
    }
    // Trimmed between the two reads: the next page tells the gap.
    if (event.seq != position_ + 1) return post_page();
    if (send_event(*sink, event, log_.frame_of(event)) == Progress::ended) return close();
  }
  if (std::cmp_greater_equal(events->size(), kPageEvents)) return post_page();
  drain();
}

EventStream::Progress EventStream::begin(FrameSink& sink, const store::EventRange& range) {
  has_begun_ = true;
  if (!start_.position) {
    position_ = start_.snapshot ? start_.snapshot->seq : std::max<std::int64_t>(range.first - 1, 0);
    if (!start_.snapshot) return Progress::more;
    return sink.send(start_.snapshot->frame) ? Progress::more : Progress::ended;
  }
  const auto seq = seq_in(log_, *start_.position);
  if (seq && *seq <= range.last && *seq >= range.first - 1) {
    position_ = *seq;
    return Progress::more;
  }
  return send_gap(sink, *start_.position, std::max<std::int64_t>(range.first, 1));
}

EventStream::Progress EventStream::send_gap(FrameSink& sink, std::string_view requested,
                                            std::int64_t first_available) {
  const Json data{{"requested", printable(requested)}, {"first_available", log_.id_of(first_available)}};
  position_ = first_available - 1;
  const bool is_sent = sink.send(std::make_shared<const std::string>(
      encode_sse({.id = "", .type = "gap", .data = to_text(data), .retry = std::nullopt})));
  return is_sent ? Progress::more : Progress::ended;
}

EventStream::Progress EventStream::send_event(FrameSink& sink, const Event& event,
                                              std::shared_ptr<const std::string> frame) {
  position_ = event.seq;
  if (!sink.send(std::move(frame))) return Progress::ended;
  return is_terminal_event(event.type) ? Progress::ended : Progress::more;
}

// Sends what is queued. Whoever calls it has the turn to send and gives it back here, or to the next page.
void EventStream::drain() {
  while (true) {
    Published next;
    std::shared_ptr<FrameSink> sink;
    {
      std::unique_lock lock(mutex_);
      if (is_closed_) return;
      while (!queue_.empty() && queue_.front().event->seq <= position_) queue_.pop_front();
      const bool has_hole = !queue_.empty() && queue_.front().event->seq != position_ + 1;
      if (has_hole || (queue_.empty() && has_overflowed_)) {
        // What is missing was committed before what is here, so the log has it.
        queue_.clear();
        has_overflowed_ = false;
        lock.unlock();
        return post_page();
      }
      if (queue_.empty()) {
        is_sending_ = false;
        return;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
      sink = sink_;
    }
    if (send_event(*sink, *next.event, std::move(next.frame)) == Progress::ended) return close();
  }
}

}  // namespace weir::streaming
