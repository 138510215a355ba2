// How one provider is reached: what an operator writes under [providers.NAME] (docs/providers.md). Values only; a key is
// never among them, only where it is to be found.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "egress/url.h"

namespace weir::tools::models {

enum class ProviderKind : std::uint8_t { openai_chat, anthropic_messages };
std::string_view to_string(ProviderKind kind);

// Of one model, in millionths of a US dollar for a million tokens: 150000 is 0.15 USD. Not thread-safe: a value.
struct ModelPrice {
  std::optional<std::int64_t> input;
  std::optional<std::int64_t> output;
  std::optional<std::int64_t> cached_input;  // nothing: as input
};

// Not thread-safe: a value.
struct ProviderSettings {
  ProviderKind kind = ProviderKind::openai_chat;
  egress::Url base_url{};        // its path has no trailing slash
  std::string model{};           // the default; "" if none
  std::string api_key_env{};     // the name of a variable, or
  std::string api_key_file{};    // a file; both "": no key is sent
  std::string api_key_header{};  // "": as the kind has it
  // What of the request differs: openai says max_completion_tokens and developer, generic max_tokens and system. automatic:
  // openai for api.openai.com.
  enum class Compat : std::uint8_t { automatic, generic, openai } compat = Compat::automatic;
  bool asks_for_usage = true;  // stream_options, which a few gateways refuse
  std::vector<std::pair<std::string, std::string>> headers{};
  std::chrono::milliseconds timeout{300'000};  // of one try, to the end of its stream
  std::int64_t max_output_tokens = 0;          // at most this many are asked for; 0: as many as the run may have
  std::string ca_file{};                       // PEM; "": the system's
  std::map<std::string, ModelPrice, std::less<>> prices{};  // by model; "*": every other

  // base_url and `path`, which starts with a slash.
  [[nodiscard]] egress::Url endpoint(std::string_view path) const;
};

// The price of `model`, else that of "*", else null.
const ModelPrice* price_of(const ProviderSettings& settings, std::string_view model);

}  // namespace weir::tools::models
