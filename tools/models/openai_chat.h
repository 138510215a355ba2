// Chat completions as OpenAI defined them and as Ollama, llama-server, vLLM, LM Studio and most gateways speak them, with
// what they do differently (agents-and-runs.md section 3).
#pragma once
#include "tools/models/wire_format.h"

namespace weir::tools::models {

// Immutable.
class OpenAiChat final : public WireFormat {
 public:
  explicit OpenAiChat(const ProviderSettings& settings) : settings_(settings) {}

  [[nodiscard]] std::string_view completion_path() const override { return "/chat/completions"; }
  [[nodiscard]] std::string_view models_path() const override { return "/models"; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> headers(const std::string& key) const override;
  [[nodiscard]] Json body(const ModelRequest& request) const override;
  [[nodiscard]] std::unique_ptr<TurnAssembler> assembler(AssemblerHooks hooks) const override;

 private:
  const ProviderSettings& settings_;
};

}  // namespace weir::tools::models
