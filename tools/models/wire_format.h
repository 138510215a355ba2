// What differs between the HTTP APIs that models are behind: the request's body, the answer's assembly, paths and headers.
// Adapters are openai_chat and anthropic_messages. Pure: bytes and values, no I/O.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "streaming/sse.h"
#include "tools/models/model_provider.h"
#include "tools/models/provider_settings.h"

namespace weir::tools::models {

// Bounds of one answer, whatever the provider sends.
inline constexpr std::size_t kAnswerBytesMax = 4 * 1024 * 1024;  // of text, of reasoning, of all arguments
// What is stored of it nests deeper by some levels, and still below kJsonDepthMax.
inline constexpr std::size_t kAnswerDepthMax = 48;
inline constexpr std::size_t kCallsMax = 128;  // OpenAI's own bound of parallel calls

// What an assembler gives out and asks for while it reads.
struct AssemblerHooks {
  std::function<void(std::string_view piece)> on_text;       // may be empty
  std::function<void(std::string_view piece)> on_reasoning;  // may be empty
  std::function<std::string()> mint_call_id;                 // for calls that came without one
};

// Puts the pieces of one answer together. Not thread-safe: owned by one decoder.
class TurnAssembler {
 public:
  virtual ~TurnAssembler() = default;
  // One event of the stream. Returns what the provider says is wrong, or unavailable for what is none of the format.
  virtual Result<void> take(const streaming::SseEvent& event) = 0;
  // A whole answer, from a server that does not stream although it was asked to.
  virtual Result<void> take_document(const Json& document) = 0;
  // True once nothing more can come: the rest of the stream is not read.
  [[nodiscard]] virtual bool is_complete() const = 0;
  // What came to be. Called once, after the last byte. Returns unavailable if the answer broke off.
  virtual Result<ModelTurn> finish() = 0;
};

// Immutable.
class WireFormat {
 public:
  virtual ~WireFormat() = default;
  [[nodiscard]] virtual std::string_view completion_path() const = 0;  // after the base URL
  [[nodiscard]] virtual std::string_view models_path() const = 0;
  // Besides those of the settings; `key` is "" if there is none.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> headers(const std::string& key) const = 0;
  [[nodiscard]] virtual Json body(const ModelRequest& request) const = 0;
  [[nodiscard]] virtual std::unique_ptr<TurnAssembler> assembler(AssemblerHooks hooks) const = 0;
};

// `settings` must outlive the format.
std::unique_ptr<WireFormat> wire_format(const ProviderSettings& settings);

// A call's name as providers take it back: models invent others, and the whole request would be refused for one.
std::string sendable_name(std::string_view name);
// The arguments of a call as an object, for formats that send it back as JSON; {} if the model did not write one.
Json arguments_object(const std::string& arguments_text);
// A tool's schema as every provider takes it: an object with a type and properties.
Json tool_schema(const Json& input_schema);
// JSON of one event or document. Bytes that are not UTF-8 (models cut characters into tokens) become U+FFFD. Returns
// unavailable if it is not JSON.
Result<Json> parse_answer(std::string_view text);
// A non-negative count; nothing for anything else.
std::optional<std::int64_t> token_count(const Json& object, std::string_view name);
// unavailable, for an answer that is larger than kAnswerBytesMax or kCallsMax.
Error too_large_answer(std::string_view what);

}  // namespace weir::tools::models
