// A reader that keeps what it is sent. Thread-safe.
#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "streaming/event_stream.h"
#include "streaming/sse.h"

namespace weir::streaming {

// Refuses after `room` frames; if it is `busy`, it has drained only when the test says so.
class RecordingSink final : public FrameSink {
 public:
  explicit RecordingSink(std::size_t room = 1'000'000) : room_(room) {}

  bool send(Frame frame) override {
    const std::lock_guard lock(mutex_);
    if (frames_.size() >= room_ || closes_ > 0) return false;
    frames_.push_back(std::move(frame));
    return true;
  }
  void when_drained(std::function<void()> callback) override {
    if (!is_busy) return callback();
    const std::lock_guard lock(mutex_);
    drained_ = std::move(callback);
  }
  // Runs what waits for the reader; false if nothing does.
  bool drain() {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      callback.swap(drained_);
    }
    if (callback) callback();
    return callback != nullptr;
  }
  void close() override {
    const std::lock_guard lock(mutex_);
    ++closes_;
  }
  [[nodiscard]] int closes() const {
    const std::lock_guard lock(mutex_);
    return closes_;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return frames_.size();
  }
  // "1 2 3", and the type instead of the number for what has none.
  [[nodiscard]] std::string seen() const {
    std::string text;
    for (const SseEvent& event : events()) {
      const std::string number = event.id.empty() ? event.type : event.id.substr(event.id.find('-') + 1);
      text += (text.empty() ? "" : " ") + number;
    }
    return text;
  }
  [[nodiscard]] std::vector<SseEvent> events() const {
    const std::lock_guard lock(mutex_);
    SseDecoder decoder;
    std::vector<SseEvent> events;
    for (const auto& frame : frames_) {
      for (SseEvent& event : decoder.feed(*frame)) events.push_back(std::move(event));
    }
    return events;
  }
  // The position that a reconnecting reader would send.
  [[nodiscard]] std::string last_id() const {
    const std::lock_guard lock(mutex_);
    SseDecoder decoder;
    for (const auto& frame : frames_) decoder.feed(*frame);
    return decoder.last_id();
  }

  std::atomic<bool> is_busy = false;

 private:
  const std::size_t room_;
  mutable std::mutex mutex_;
  std::vector<Frame> frames_;
  std::function<void()> drained_;
  int closes_ = 0;
};

}  // namespace weir::streaming
