// The letters of header grammars (RFC 9110 §5.6): ASCII case, optional white space, lists. Bytes above 127 are left
// alone, whatever the locale. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir::tools::scans::ascii {

inline constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
inline constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline constexpr bool is_alpha(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
// White space of HTML and of CSP: tab, line feed, form feed, carriage return, space.
inline constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

std::string lowered(std::string_view text);
bool equal(std::string_view left, std::string_view right);
bool starts_with(std::string_view text, std::string_view prefix);
bool contains(std::string_view text, std::string_view part);
std::string_view trimmed(std::string_view text);
// Every part between separators, trimmed; empty parts are kept, so that "a,,b" has three.
std::vector<std::string_view> split(std::string_view text, char separator);
// The words between white space; none is empty.
std::vector<std::string_view> words(std::string_view text);
std::string joined(const std::vector<std::string_view>& parts, std::string_view separator);

}  // namespace weir::tools::scans::ascii
