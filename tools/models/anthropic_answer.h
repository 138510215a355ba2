// The answer of the Messages API, from its events or in one piece: blocks by index, each begun, continued and ended. Kinds of
// events, blocks and deltas that are not known are passed over, as the API's versioning asks of clients.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/models/wire_format.h"

namespace weir::tools::models {

// Not thread-safe: owned by one decoder.
class AnthropicAnswer final : public TurnAssembler {
 public:
  explicit AnthropicAnswer(AssemblerHooks hooks) : hooks_(std::move(hooks)) {}

  Result<void> take(const streaming::SseEvent& event) override;
  Result<void> take_document(const Json& document) override;
  [[nodiscard]] bool is_complete() const override { return is_done_; }
  Result<ModelTurn> finish() override;

 private:
  struct Block {
    std::int64_t index = 0;
    Json value = Json::object();  // as it is sent back
    std::string input_text;       // of a tool's input, in pieces
  };

  Result<void> take_event(const Json& event);
  Result<void> start_block(std::int64_t index, const Json& block);
  Result<void> take_delta(std::int64_t index, const Json& delta);
  Result<Block*> block_of(std::int64_t index, const Json& delta);
  Result<void> append(Json& block, const char* member, std::string_view piece);
  void take_usage(const Json& usage);
  ModelTurn::Stop stop() const;
  void end_block(Block& block, ModelTurn& turn, Json& content);

  const AssemblerHooks hooks_;
  std::vector<Block> blocks_;  // as they began; the newest of an index is continued
  std::size_t bytes_ = 0;
  std::optional<std::string> stop_reason_;
  std::optional<std::int64_t> fresh_input_;    // what was not in the cache
  std::optional<std::int64_t> written_input_;  // what went into the cache
  std::optional<std::int64_t> cached_input_;
  std::optional<std::int64_t> output_;
  bool is_done_ = false;
};

}  // namespace weir::tools::models
