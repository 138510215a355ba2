// What a provider says is wrong, in its own words and with what to do about it. The codes decide whether a request is tried
// again: rate_limit_exceeded and unavailable pass, the others do not. Pure.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "egress/http_message.h"
#include "tools/models/provider_settings.h"

namespace weir::tools::models {

// Longer texts of providers are cut.
inline constexpr std::size_t kProviderWordsMax = 400;

// Of an error object inside an answer ({"error": {...}}, in the middle of a stream or with status 200).
Error stated_error(const Json& document);
// Of an answer whose status is not 2xx. `model` is what was asked for.
Error status_error(const egress::HttpResponse& response, const ProviderSettings& settings, std::string_view model,
                   UnixMillis now);
// True if the provider refused a request because it does not fit the model's context: no error, but a way to stop.
bool is_context_overflow(const egress::HttpResponse& response);
// True if the provider's filter refused what the model was to read: a refusal, as if the model had said so.
bool is_filtered(const egress::HttpResponse& response);
// Retry-After in seconds or as a date (RFC 9110 §10.2.3), or retry-after-ms; nothing if there is none.
std::optional<std::chrono::milliseconds> retry_after(const egress::HttpResponse& response, UnixMillis now);
// The message of an error body in one of the shapes that providers use; the body's beginning if it is in none.
std::string words_of(std::string_view body);
// `text` without the key, should a provider repeat it.
std::string without_key(std::string text, const std::string& key);

}  // namespace weir::tools::models
