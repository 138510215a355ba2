// A stream of a session that outlives the connections it is read through (MCP 2025-03-26 to 2025-11-25 "Resumability and
// Redelivery"): its newest messages are kept for a reader that comes back. In memory; what must outlive a restart is in
// store/session_streams_store.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "server/http/exchange.h"

namespace weir::mcp {

// Where a reader left a stream: "<stream>-<number>", the id of an event. Not thread-safe: a value.
struct StreamPosition {
  std::string stream_id;
  std::int64_t seq = 0;
};
std::string event_id(const StreamPosition& position);
// Nothing if it was not made by event_id().
std::optional<StreamPosition> stream_position_from(std::string_view text);

// Whether a reader gets an event with an id and no message first, so that it can resume before there is a message
// (MCP 2025-11-25; earlier clients do not expect a message without data).
enum class Priming : std::uint8_t { none, first_event };

// Thread-safe. Shared by whoever sends and by the session; the session lets go last.
class ResumableStream : public std::enable_shared_from_this<ResumableStream> {
 public:
  // A reader that has missed more gets the newest ones: progress and changes, which later ones replace.
  static constexpr std::size_t kKeptMax = 64;
  // The number of the last message, so that an id tells whether its reader has it.
  static constexpr std::int64_t kLastSeq = 1'000'000'000;
  // Told to readers: how long to wait before coming back.
  static constexpr std::chrono::milliseconds kRetry{1'000};

  // Messages are numbered from `seq` + 1, the last one kLastSeq. `clock` must outlive the stream.
  ResumableStream(std::string id, const Clock& clock, std::int64_t seq = 0);

  [[nodiscard]] const std::string& id() const { return id_; }

  // Never block. Nothing follows finish().
  void send(const Json& message);
  void finish(const Json& last_message);
  void finish();

  // From now on messages after `seq` go to `reader`, the kept ones at once; an earlier reader's connection ends.
  void attach(std::shared_ptr<http::SseStream> reader, std::int64_t seq, Priming priming);
  // Ends the connection of the reader, who is expected to come back.
  void drop_reader();

  [[nodiscard]] bool has_reader() const;
  // True for the first who asks: the stream is theirs to attach a reader to.
  bool claim();
  [[nodiscard]] bool is_finished() const;
  // How long nobody has read it, or since when it has been finished.
  [[nodiscard]] std::chrono::milliseconds idle() const;

  // Called once by give_up(); replaces an earlier one. Nobody will read what is still to come.
  void on_given_up(std::function<void()> callback);
  void give_up();

 private:
  struct Entry {
    std::int64_t seq = 0;
    std::shared_ptr<const std::string> frame;
  };
  void add(const Json* message, bool is_last);
  void pump();

  const std::string id_;
  const Clock& clock_;

  mutable std::mutex mutex_;  // guards what follows
  std::deque<Entry> kept_;
  std::int64_t last_seq_ = 0;
  bool is_finished_ = false;
  std::shared_ptr<http::SseStream> reader_;
  std::int64_t position_ = 0;  // what the reader has
  bool is_claimed_ = false;
  bool is_pumping_ = false;  // whose turn it is to send
  std::chrono::steady_clock::time_point idle_since_;
  std::function<void()> given_up_;
};

}  // namespace weir::mcp
