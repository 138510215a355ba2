// From the bytes of an answer's body to the turn, however they are cut. Finds out by itself whether the server streams, as it
// was asked to, or answers in one piece. Pure: knows no clock and no socket.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "streaming/sse.h"
#include "tools/models/wire_format.h"

namespace weir::tools::models {

// Bounds of a stream that never ends: a long answer has some thousand events and a megabyte.
inline constexpr std::size_t kStreamBytesMax = 32 * 1024 * 1024;
inline constexpr std::size_t kStreamEventsMax = 200'000;
inline constexpr std::size_t kDocumentBytesMax = 8 * 1024 * 1024;

// Not thread-safe: owned by one try.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::unique_ptr<TurnAssembler> assembler) : assembler_(std::move(assembler)) {}

  // False once nothing more is wanted: the turn is complete, or has failed.
  bool feed(std::string_view bytes);
  // After the last byte: the turn, or what was wrong with it. Called once.
  Result<ModelTurn> finish();
  // True once the provider has said that nothing more comes.
  [[nodiscard]] bool is_complete() const { return assembler_->is_complete(); }
  [[nodiscard]] bool has_streamed() const { return form_ == Form::stream; }

 private:
  enum class Form : std::uint8_t { unknown, stream, document, page };

  bool feed_stream(std::string_view bytes);
  void take_unended();
  void fail(Error error) { failure_ = std::move(error); }

  const std::unique_ptr<TurnAssembler> assembler_;
  streaming::SseDecoder sse_;
  Form form_ = Form::unknown;
  std::string document_;
  std::size_t bytes_ = 0;
  std::size_t events_ = 0;
  std::optional<Error> failure_;
};

}  // namespace weir::tools::models
