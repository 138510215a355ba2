#include "server/mcp/sessions/resumable_stream.h"

#include <algorithm>
#include <charconv>

#include "streaming/sse.h"

namespace weir::mcp {

std::string event_id(const StreamPosition& position) { return position.stream_id + "-" + std::to_string(position.seq); }

std::optional<StreamPosition> stream_position_from(std::string_view text) {
  constexpr std::size_t kTextMax = 100;
  const std::size_t dash = text.rfind('-');
  if (text.size() > kTextMax || dash == std::string_view::npos || dash == 0) return std::nullopt;
  StreamPosition position{std::string(text.substr(0, dash)), 0};
  const std::string_view number = text.substr(dash + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), position.seq);
  if (number.empty() || error != std::errc() || end != number.data() + number.size() || position.seq < 0)
    return std::nullopt;
  return position;
}

ResumableStream::ResumableStream(std::string id, const Clock& clock, std::int64_t seq)
    : id_(std::move(id)), clock_(clock), last_seq_(seq), idle_since_(clock.steady_now()) {}

void ResumableStream::send(const Json& message) { add(&message, false); }
void ResumableStream::finish(const Json& last_message) { add(&last_message, true); }
void ResumableStream::finish() { add(nullptr, true); }

void ResumableStream::add(const Json* message, bool is_last) {
  {
    const std::lock_guard lock(mutex_);
    if (is_finished_) return;
    if (message != nullptr) {
      const std::int64_t seq = is_last ? std::max(last_seq_ + 1, kLastSeq) : last_seq_ + 1;
      last_seq_ = seq;
      kept_.push_back({seq, std::make_shared<const std::string>(streaming::encode_sse(
                                {event_id(StreamPosition{id_, seq}), "message", to_text(*message), std::nullopt}))});
      if (kept_.size() > kKeptMax) kept_.pop_front();
    }
    is_finished_ = is_last;
    if (is_last) idle_since_ = clock_.steady_now();
  }
  pump();
}

void ResumableStream::attach(std::shared_ptr<http::SseStream> reader, std::int64_t seq, Priming priming) {
  if (priming == Priming::first_event) {
    reader->send(std::make_shared<const std::string>(
        streaming::encode_sse({event_id(StreamPosition{id_, seq}), "", "", kRetry})));
  }
  std::shared_ptr<http::SseStream> earlier;
  {
    const std::lock_guard lock(mutex_);
    earlier = std::exchange(reader_, reader);
    position_ = seq;
  }
  if (earlier) earlier->close();
  // Keeps no reader: that would be a circle.
  reader->on_closed([weak = weak_from_this(), raw = reader.get()] {
    const auto self = weak.lock();
    if (!self) return;
    std::shared_ptr<http::SseStream> left;  // destroyed outside the lock
    const std::lock_guard lock(self->mutex_);
    if (self->reader_.get() != raw) return;
    left = std::move(self->reader_);
    self->reader_.reset();
    self->idle_since_ = self->clock_.steady_now();
  });
  pump();
}

void ResumableStream::drop_reader() {
  std::shared_ptr<http::SseStream> reader;
  {
    const std::lock_guard lock(mutex_);
    reader = std::exchange(reader_, nullptr);
    idle_since_ = clock_.steady_now();
  }
  if (reader) reader->close();
}

// Frames are sent outside the lock and by one thread at a time, so that they keep their order.
void ResumableStream::pump() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_pumping_, true)) return;
  }
  for (;;) {
    std::shared_ptr<http::SseStream> reader;
    std::shared_ptr<const std::string> frame;
    {
      const std::lock_guard lock(mutex_);
      const auto next = std::ranges::find_if(kept_, [this](const Entry& entry) { return entry.seq > position_; });
      if (reader_ == nullptr || (next == kept_.end() && !is_finished_)) {
        is_pumping_ = false;
        return;
      }
      if (next != kept_.end()) {
        position_ = next->seq;
        frame = next->frame;
        reader = reader_;
      } else {
        reader = std::exchange(reader_, nullptr);
        idle_since_ = clock_.steady_now();
      }
    }
    if (frame) {
      reader->send(std::move(frame));
    } else {
      reader->close();
    }
  }
}

bool ResumableStream::has_reader() const {
  const std::lock_guard lock(mutex_);
  return reader_ != nullptr;
}

bool ResumableStream::claim() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(is_claimed_, true);
}

bool ResumableStream::is_finished() const {
  const std::lock_guard lock(mutex_);
  return is_finished_;
}

std::chrono::milliseconds ResumableStream::idle() const {
  const std::lock_guard lock(mutex_);
  if (reader_ != nullptr) return std::chrono::milliseconds{0};
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - idle_since_);
}

void ResumableStream::on_given_up(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  std::swap(given_up_, callback);
}

void ResumableStream::give_up() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    callback = std::exchange(given_up_, nullptr);
  }
  if (callback) callback();
}

}  // namespace weir::mcp
