// The answer of a chat completion, from its chunks or in one piece. Chunks differ: what identifies a call may come once or
// each time, usage in a chunk of its own, with the last one or never.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/models/wire_format.h"

namespace weir::tools::models {

// Not thread-safe: owned by one decoder.
class OpenAiAnswer final : public TurnAssembler {
 public:
  explicit OpenAiAnswer(AssemblerHooks hooks) : hooks_(std::move(hooks)) {}

  Result<void> take(const streaming::SseEvent& event) override;
  Result<void> take_document(const Json& document) override;
  [[nodiscard]] bool is_complete() const override { return is_done_; }
  Result<ModelTurn> finish() override;

 private:
  struct Call {
    std::int64_t index = 0;
    std::string id;
    std::string name;
    std::string arguments;
  };

  Result<void> take_chunk(const Json& chunk);
  Result<void> take_message(const Json& message);
  Result<void> take_content(const Json& content);
  Result<void> take_call(const Json& fragment);
  void take_usage(const Json& usage);
  Result<void> add_text(std::string_view piece);
  Result<void> add_reasoning(std::string_view piece);
  Call* call_of(const Json& fragment);
  std::vector<ModelCall> take_calls();

  const AssemblerHooks hooks_;
  std::string text_;
  std::string reasoning_;
  std::string refusal_;
  std::vector<Call> calls_;
  std::size_t argument_bytes_ = 0;
  std::string finish_reason_;
  ModelUsage usage_;
  bool is_done_ = false;
};

}  // namespace weir::tools::models
