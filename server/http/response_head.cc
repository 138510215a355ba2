#include "server/http/response_head.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "server/http/head_rules.h"

namespace weir::http {
namespace {

constexpr std::size_t kHeadBytesTypical = 512;

bool belongs_to_connection(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames{"Content-Length", "Transfer-Encoding", "Connection", "Date"};
  return std::ranges::any_of(kNames, [&](std::string_view known) { return equal_without_case(known, name); });
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  const std::size_t start = head.size();
  head.append(value);
  std::replace_if(
      head.begin() + static_cast<std::ptrdiff_t>(start), head.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  head.append("\r\n");
}

}  // namespace

bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string_view http_date() {
  thread_local std::time_t made_for = 0;
  thread_local std::array<char, 32> text{};
  thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made_for) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    // The C locale's names: the program never sets another.
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made_for = now;
  }
  return {text.data(), size};
}

std::string response_head(const Response& response, const HeadPlan& plan) {
  std::string head;
  head.reserve(kHeadBytesTypical);
  // RFC 9112 §2.3: the version says what we speak, also to an HTTP/1.0 client.
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(1, ' ');
  head.append(reason_phrase(response.status)).append("\r\nDate: ").append(http_date()).append("\r\n");
  if (!response.content_type.empty()) append_field(head, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers.fields()) {
    if (!is_token(name) || belongs_to_connection(name)) continue;
    append_field(head, name, value);
  }
  if (plan.framing == BodyFraming::chunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  } else if (plan.framing == BodyFraming::sized && status_has_body(response.status)) {
    head.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  }
  if (!plan.keeps_alive) {
    head.append("Connection: close\r\n");
  } else if (plan.minor_version == 0) {
    head.append("Connection: keep-alive\r\n");
  }
  head.append("\r\n");
  return head;
}

}  // namespace weir::http
