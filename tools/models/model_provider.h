// A model behind an HTTP API, whatever its wire format: one request is one turn. Adapters absorb what the providers do
// differently (agents-and-runs.md section 3); nothing of a wire format is seen on this side, except the opaque blocks that
// must go back unchanged.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir::tools::models {

// Not thread-safe: a value.
struct ModelTool {
  std::string name;
  std::string description;
  Json input_schema = Json::object();
};

// A call that the model asks for. Not thread-safe: a value.
struct ModelCall {
  std::string id;  // never empty: minted if the provider gave none
  std::string name;
  std::string arguments_text;  // as the model wrote it; may not be JSON
};

// Not thread-safe: a value.
struct ModelMessage {
  enum class Role : std::uint8_t { user, assistant, tool } role = Role::user;
  std::string text{};
  std::vector<ModelCall> calls{};  // of an assistant
  std::string call_id{};           // of a tool's answer
  bool is_error = false;           // of a tool's answer
  Json opaque{};                   // of an assistant: the provider's blocks, sent back as they are; null: none
};
Json message_json(const ModelMessage& message);
Result<ModelMessage> message_from(const Json& json);

// Not thread-safe: a value.
struct ModelRequest {
  std::string model;
  std::string instructions;
  std::vector<ModelMessage> messages;
  std::vector<ModelTool> tools;
  std::int64_t max_output_tokens = 4'096;
  std::optional<double> temperature{};
};

// Not thread-safe: a value.
struct ModelUsage {
  std::optional<std::int64_t> input_tokens{};
  std::optional<std::int64_t> output_tokens{};
  std::optional<std::int64_t> cached_input_tokens{};
  std::optional<std::int64_t> reasoning_tokens{};
};

// Not thread-safe: a value.
struct ModelTurn {
  enum class Stop : std::uint8_t { end, tool_calls, max_tokens, refusal, context_window, paused } stop = Stop::end;
  ModelMessage message;  // of the assistant
  std::string reasoning;
  ModelUsage usage;
};

// Not thread-safe: a value.
struct TurnAttempt {
  std::int64_t n = 1;
  std::string outcome;  // ok, or an error's code
  std::string detail;
};

struct TurnCallbacks {
  std::function<void(std::string_view piece)> on_text;       // may be empty; on the calling thread
  std::function<void(std::string_view piece)> on_reasoning;  // may be empty
  // A try has ended that is followed by another one, after `delay`: false gives up. May be empty.
  std::function<bool(const TurnAttempt&, std::chrono::milliseconds delay)> on_retry;
};

// Not thread-safe: owned by one run's thread.
class ModelProvider {
 public:
  virtual ~ModelProvider() = default;
  // One turn, streamed. Blocks up to `timeout`, tries up to three times on passing failures as long as no piece was given
  // out. Returns validation_failed (the provider refused the request, with its words and what to do), unauthorized (of the
  // provider's key), rate_limit_exceeded, unavailable (cannot be reached, broke off), timed_out, cancelled.
  virtual Result<ModelTurn> complete(const ModelRequest& request, const TurnCallbacks& callbacks,
                                     std::chrono::milliseconds timeout, std::stop_token stop) = 0;
};

// The providers of the configuration. Thread-safe.
class ModelProviders {
 public:
  virtual ~ModelProviders() = default;
  struct Info {
    std::string name;  // "local"
    std::string kind;  // openai_chat, anthropic_messages
    std::string base_url;
    std::string model;  // the default; "" if none
    bool has_key = false;
  };
  [[nodiscard]] virtual std::vector<Info> list() const = 0;
  // A connection of its own. Returns not_found, naming those that there are.
  virtual Result<std::unique_ptr<ModelProvider>> open(std::string_view name) const = 0;
  // What `usage` cost by the operator's price table; nothing without prices for that model.
  [[nodiscard]] virtual std::optional<std::int64_t> cost_microusd(std::string_view name, std::string_view model,
                                                                  const ModelUsage& usage) const = 0;
};

}  // namespace weir::tools::models
