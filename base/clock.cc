#include "base/clock.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "base/log.h"

namespace weir {

UnixMillis SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::chrono::steady_clock::time_point SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }

std::string to_rfc3339(UnixMillis time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 48> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                    unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                    int(clock.minutes().count()), int(clock.seconds().count()), int(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

namespace {

// Reads exactly `digits` digits at `at` and moves on; -1 if they are not there.
int read_number(std::string_view text, std::size_t& at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  at += digits;
  return value;
}

bool read_char(std::string_view text, std::size_t& at, char expected) {
  if (at >= text.size() || text[at] != expected) return false;
  ++at;
  return true;
}

}  // namespace

Result<UnixMillis> parse_rfc3339(std::string_view text) {
  using std::chrono::minutes;
  const auto bad = [&] {
    return Error(ErrorCode::bad_request,
                 "\"" + printable(text) + "\" is not a time. Use RFC 3339, for example 2026-11-22T04:03:00Z.");
  };
  std::size_t at = 0;
  const int year = read_number(text, at, 4);
  if (year < 0 || !read_char(text, at, '-')) return bad();
  const int month = read_number(text, at, 2);
  if (month < 0 || !read_char(text, at, '-')) return bad();
  const int day = read_number(text, at, 2);
  if (day < 0 || at >= text.size() || (text[at] != 'T' && text[at] != 't' && text[at] != ' ')) return bad();
  ++at;
  const int hour = read_number(text, at, 2);
  if (hour < 0 || !read_char(text, at, ':')) return bad();
  const int minute = read_number(text, at, 2);
  if (minute < 0 || !read_char(text, at, ':')) return bad();
  const int second = read_number(text, at, 2);
  if (second < 0) return bad();
  int milliseconds = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int scale = 100;
    const std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      milliseconds += (text[at] - '0') * scale;
    }
    if (at == first) return bad();
  }
  minutes offset{0};
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const int sign = text[at++] == '-' ? -1 : 1;
    const int hours = read_number(text, at, 2);
    if (hours < 0 || hours > 23 || !read_char(text, at, ':')) return bad();
    const int rest = read_number(text, at, 2);
    if (rest < 0 || rest > 59) return bad();
    offset = minutes{sign * (hours * 60 + rest)};
  } else {
    return bad();
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{unsigned(month)},
                                         std::chrono::day{unsigned(day)}};
  if (at != text.size() || !date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  return UnixMillis{std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{hour} + minutes{minute} +
                    std::chrono::seconds{second} + std::chrono::milliseconds{milliseconds} - offset};
}

}  // namespace weir
