#include "egress/http_message.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace weir::egress {
namespace {

// The longest registered method has 17 letters.
constexpr std::size_t kMethodBytesMax = 32;

// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
  });
}

}  // namespace

bool is_same_field(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [lower](char a, char b) { return lower(a) == lower(b); });
}

Result<void> check_request(const HttpRequest& request) {
  const auto refuse = [](std::string message) { return Error{ErrorCode::validation_failed, std::move(message)}; };
  if (!is_token(request.method) || request.method.size() > kMethodBytesMax) {
    return refuse("\"" + printable(request.method, 40) + "\" is not an HTTP method");
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return refuse("\"" + printable(name, 80) + "\" is not a header name");
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return refuse("the value of the header \"" + name + "\" holds a line break or NUL; leave that out");
    }
    for (const std::string_view own : {"Content-Length", "Transfer-Encoding", "Expect"}) {
      if (is_same_field(name, own)) return refuse("the header \"" + name + "\" is set by the client; leave it out");
    }
  }
  return {};
}

std::optional<std::string_view> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (is_same_field(key, name)) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> HttpResponse::header_values(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : headers) {
    if (is_same_field(key, name)) values.push_back(value);
  }
  return values;
}

}  // namespace weir::egress
