// The Messages API of Anthropic, version 2023-06-01, which Ollama and LM Studio speak as well.
#pragma once
#include "tools/models/wire_format.h"

namespace weir::tools::models {

// What ModelMessage::opaque says it is: blocks of another format are not sent back.
inline constexpr std::string_view kAnthropicFormat = "anthropic_messages";

// Immutable.
class AnthropicMessages final : public WireFormat {
 public:
  explicit AnthropicMessages(const ProviderSettings& settings) : settings_(settings) {}

  [[nodiscard]] std::string_view completion_path() const override { return "/v1/messages"; }
  [[nodiscard]] std::string_view models_path() const override { return "/v1/models?limit=1000"; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> headers(const std::string& key) const override;
  [[nodiscard]] Json body(const ModelRequest& request) const override;
  [[nodiscard]] std::unique_ptr<TurnAssembler> assembler(AssemblerHooks hooks) const override;

 private:
  const ProviderSettings& settings_;
};

}  // namespace weir::tools::models
