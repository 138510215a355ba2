#include "tools/models/provider_errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/log.h"

namespace weir::tools::models {
namespace {

using std::chrono::milliseconds;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

// Words that a server uses when something about it has to be changed, and what. Compared without case; the first row of
// which all words occur decides.
struct Hint {
  std::array<std::string_view, 2> words;
  std::string_view advice;
};
constexpr std::array kHints = {
    Hint{{"enable-auto-tool-choice", ""},
         "Start vLLM with --enable-auto-tool-choice --tool-call-parser PARSER, the parser that its documentation names "
         "for "
         "this model (hermes, llama3_json, mistral, ...)."},
    Hint{{"tool-call-parser", ""},
         "Start vLLM with --enable-auto-tool-choice --tool-call-parser PARSER, the parser that its documentation names "
         "for "
         "this model (hermes, llama3_json, mistral, ...)."},
    Hint{{"--jinja", ""}, "Start llama-server with --jinja, and with a model whose chat template has tools."},
    Hint{{"jinja", "tools"}, "Start llama-server with --jinja, and with a model whose chat template has tools."},
    Hint{{"does not support tools", ""},
         "Choose a model that can call tools; `ollama show MODEL` lists `tools` among its capabilities."},
    Hint{{"max_completion_tokens", "max_tokens"},
         "Set compat of this provider: openai sends max_completion_tokens, generic sends max_tokens."},
    Hint{{"developer", "role"}, "Set compat = \"generic\" of this provider: then instructions are sent as system."},
    Hint{{"stream_options", ""}, "Set asks_for_usage = false of this provider; its runs then have no token counts."},
    Hint{{"max_tokens:", ">"}, "Set max_output_tokens of this provider to what the model allows."},
    Hint{{"is too large", "completion tokens"}, "Set max_output_tokens of this provider to what the model allows."},
    Hint{{"temperature", "support"}, "Leave out the agent's temperature: this model has a fixed one."},
    Hint{{"no models loaded", ""}, "Load a model in LM Studio, or switch on loading on demand there."},
    Hint{{"try pulling it", ""}, "Fetch it: ollama pull MODEL."},
};

std::string_view hint_for(std::string_view words) {
  const std::string text = lower(words);
  for (const Hint& hint : kHints) {
    if (std::ranges::all_of(hint.words, [&](std::string_view word) { return text.find(word) != std::string::npos; })) {
      return hint.advice;
    }
  }
  return {};
}

std::string with_hint(const std::string& words) {
  const std::string_view hint = hint_for(words);
  return hint.empty() ? words : words + " " + std::string(hint);
}

// A member that is a text, wherever providers put the message.
std::string message_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) return json.empty() ? "" : message_of(json.front());
  for (const char* name : {"error", "message", "detail", "msg", "errors", "title"}) {
    const Json* member = find_member(json, name);
    if (member == nullptr || member->is_null()) continue;
    if (std::string found = message_of(*member); !found.empty()) return found;
  }
  return "";
}

// The error object's own words for what kind of error it is, in lower case.
std::string kind_of(const Json& document) {
  const Json* error = find_member(document, "error");
  const Json& place = error != nullptr && error->is_object() ? *error : document;
  std::string kind = string_or(place, "type", "") + " " + string_or(place, "code", "");
  if (const auto code = integer_member(place, "code")) kind += std::to_string(*code);
  return lower(kind);
}

bool has(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

bool is_out_of_credit(std::string_view kind, std::string_view words) {
  return has(kind, "insufficient_quota") || has(kind, "billing") || has(lower(words), "credit balance is too low");
}

std::string sentence(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  if (!text.empty() && text.back() != '.' && text.back() != '!' && text.back() != '?') text += '.';
  return text;
}

std::string where_the_key_is(const ProviderSettings& settings) {
  if (!settings.api_key_env.empty()) return "the variable " + settings.api_key_env;
  if (!settings.api_key_file.empty()) return "the file " + settings.api_key_file;
  return "";
}

std::string key_advice(const ProviderSettings& settings) {
  const std::string place = where_the_key_is(settings);
  if (place.empty()) return " No key is configured: set api_key_env or api_key_file of this provider.";
  return " The key comes from " + place + ": is it complete, of this provider, and may it use the model?";
}

std::string path_advice(const ProviderSettings& settings) {
  const std::string base = printable(settings.base_url.to_text());
  return settings.kind == ProviderKind::openai_chat
             ? " Is base_url right? It is " + base + "; most servers want it to end in /v1."
             : " Is base_url right? It is " + base + ", to which /v1/messages is added.";
}

}  // namespace

std::string words_of(std::string_view body) {
  if (auto parsed = parse_json(body)) {
    if (const std::string message = message_of(*parsed); !message.empty()) return printable(message, kProviderWordsMax);
  }
  const std::size_t start = body.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return "";
  if (body[start] == '<') return "a web page, not an API's answer";
  return printable(body.substr(start), 200);
}

Error stated_error(const Json& document) {
  const std::string kind = kind_of(document);
  const std::string words = sentence(printable(message_of(document), kProviderWordsMax));
  const std::string text = "reported an error: " + with_hint(words.empty() ? "no reason was given." : words);
  if (is_out_of_credit(kind, words)) return {ErrorCode::unauthorized, text};
  if (has(kind, "rate_limit") || has(kind, "429")) return {ErrorCode::rate_limit_exceeded, text};
  if (has(kind, "authentication") || has(kind, "permission") || has(kind, "401") || has(kind, "403")) {
    return {ErrorCode::unauthorized, text};
  }
  if (has(kind, "invalid_request") || has(kind, "not_found") || has(kind, "400") || !hint_for(words).empty()) {
    return {ErrorCode::validation_failed, text};
  }
  return {ErrorCode::unavailable, text};  // overloaded_error, api_error, server_error and what is yet to be invented
}

Error status_error(const egress::HttpResponse& response, const ProviderSettings& settings, std::string_view model,
                   UnixMillis now) {
  const int status = response.status;
  const std::string words = words_of(response.body);
  std::string text =
      "answered HTTP " + std::to_string(status) + (words.empty() ? "." : ": " + with_hint(sentence(words)));
  auto parsed = parse_json(response.body);
  const std::string kind = parsed ? kind_of(*parsed) : "";
  const bool has_hint = !hint_for(words).empty();

  if (status >= 300 && status <= 399) {
    const std::string_view location = response.header("Location").value_or("");
    return {ErrorCode::validation_failed,
            "answered HTTP " + std::to_string(status) + ", a redirect" +
                (location.empty() ? "" : " to " + printable(location)) +
                ". Redirects are not followed, so that the key goes nowhere else: write the "
                "final address as base_url."};
  }
  if (status == 402 || is_out_of_credit(kind, words)) {
    return {ErrorCode::unauthorized, text + " The provider's account has to be paid or topped up."};
  }
  if (status == 401 || status == 403) return {ErrorCode::unauthorized, text + key_advice(settings)};
  if (status == 429) {
    Error error(ErrorCode::rate_limit_exceeded, text);
    error.retry_after = retry_after(response, now);
    return error;
  }
  if (status == 404 || status == 405) {
    const bool is_about_model = has(lower(words), "model");
    return {ErrorCode::validation_failed,
            text + (is_about_model ? " The model asked for is \"" + printable(model) + "\"." : path_advice(settings))};
  }
  // llama-server answers 500 to a request that it can never serve.
  if ((status == 408 || status == 409 || status >= 500) && !has_hint) {
    Error error(ErrorCode::unavailable, text);
    error.retry_after = retry_after(response, now);
    return error;
  }
  return {ErrorCode::validation_failed, text};
}

bool is_context_overflow(const egress::HttpResponse& response) {
  if (response.status != 400 && response.status != 413 && response.status != 422 && response.status != 500)
    return false;
  auto parsed = parse_json(response.body);
  if (!parsed) return false;
  const std::string kind = kind_of(*parsed);
  const std::string words = lower(message_of(*parsed));
  return has(kind, "context_length_exceeded") || has(kind, "exceed_context_size") ||
         has(words, "maximum context length") || has(words, "prompt is too long") ||
         has(words, "exceeds the available context size") || has(words, "exceed context limit");
}

bool is_filtered(const egress::HttpResponse& response) {
  if (response.status != 400 && response.status != 403 && response.status != 422) return false;
  auto parsed = parse_json(response.body);
  if (!parsed) return false;
  const std::string kind = kind_of(*parsed);
  return has(kind, "content_filter") || has(kind, "content_policy_violation");
}

std::optional<milliseconds> retry_after(const egress::HttpResponse& response, UnixMillis now) {
  const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
    constexpr std::int64_t kMost = 1'000'000'000;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data() || value < 0 || value > kMost) return std::nullopt;
    // "1.5": some gateways send a fraction; a second more is close enough.
    if (end != text.data() + text.size()) return *end == '.' ? std::optional(value + 1) : std::nullopt;
    return value;
  };
  if (const auto header = response.header("retry-after-ms")) {
    if (const auto value = number(*header)) return milliseconds{*value};
  }
  const auto header = response.header("Retry-After");
  if (!header) return std::nullopt;
  if (const auto value = number(*header)) return std::chrono::seconds{*value};
  std::tm date{};
  if (strptime(std::string(*header).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  const UnixMillis when{std::chrono::seconds{timegm(&date)}};
  return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(when - now));
}

std::string without_key(std::string text, const std::string& key) {
  constexpr std::string_view kRedacted = "[redacted]";
  if (!key.empty()) {
    for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + kRedacted.size())) {
      text.replace(at, key.size(), kRedacted);
    }
  }
  return redacted(text);
}

}  // namespace weir::tools::models
