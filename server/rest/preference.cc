#include "server/rest/preference.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace weir::rest {
namespace {

// More is cut to what the server grants anyway.
constexpr std::int64_t kWaitMax = 86'400;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool is_same_token(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

// Nothing if the preference is another one.
std::optional<std::chrono::seconds> wait_of(std::string_view preference) {
  preference = trimmed(preference.substr(0, preference.find(';')));  // parameters mean nothing to `wait`
  const std::size_t equals = preference.find('=');
  if (!is_same_token(trimmed(preference.substr(0, equals)), "wait")) return std::nullopt;
  if (equals == std::string_view::npos) return std::chrono::seconds{0};
  std::string_view value = trimmed(preference.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc::result_out_of_range)
    seconds = value.starts_with('-') ? 0 : kWaitMax;
  else if (error != std::errc() || end != value.data() + value.size())
    seconds = 0;
  return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, kWaitMax)};
}

}  // namespace

std::chrono::seconds preferred_wait(const http::Headers& headers) {
  for (const auto& [name, value] : headers.fields()) {
    if (!is_same_token(name, "prefer")) continue;
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = rest.find(',');
      // The first one counts (RFC 7240 section 2).
      if (const auto wait = wait_of(rest.substr(0, comma))) return *wait;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return std::chrono::seconds{0};
}

}  // namespace weir::rest
