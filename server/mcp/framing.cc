#include "server/mcp/framing.h"

#include <algorithm>
#include <string>

namespace weir::mcp {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Cuts `rest` at the first `separator` and gives what stood before it.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return trimmed(part);
}

// "q=0" and "q=0.000" say "not this" (RFC 9110 §12.4.2).
bool is_refused(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string parameter = lower(next_part(parameters, ';'));
    if (parameter.starts_with("q=") && parameter.find_first_not_of("0.", 2) == std::string::npos) return true;
  }
  return false;
}

}  // namespace

bool is_json_content(const http::Headers& headers) {
  auto value = headers.find("Content-Type");
  if (!value || headers.count("Content-Type") != 1) return false;
  return lower(next_part(*value, ';')) == "application/json";
}

Accepts accepts(const http::Headers& headers) {
  Accepts found;
  bool is_present = false;
  for (const auto& [name, field] : headers.fields()) {
    if (lower(name) != "accept") continue;
    is_present = true;
    std::string_view rest = field;
    while (!rest.empty()) {
      std::string_view range = next_part(rest, ',');
      const std::string type = lower(next_part(range, ';'));
      if (type.empty() || is_refused(range)) continue;
      const bool is_any = type == "*/*";
      found.json = found.json || is_any || type == "application/json" || type == "application/*";
      found.event_stream = found.event_stream || is_any || type == "text/event-stream" || type == "text/*";
    }
  }
  return is_present ? found : Accepts{true, true};
}

}  // namespace weir::mcp
