// An HTTP request as handlers see it and the response that they give back. Independent of the parser, so that
// nothing outside this folder names httplib.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::http {

// In the order of the wire; names keep the sender's spelling and are compared without case (RFC 9110 §5.1).
// Not thread-safe: a value.
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // Replaces every field of that name.
  void set(std::string_view name, std::string value);
  // The first value of that name, with optional white space removed from both ends; nothing if absent.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Not thread-safe: a value.
struct Request {
  std::string method;                                      // as sent: "GET", "POST"
  std::string target;                                      // as sent, at most the head limit
  std::string path;                                        // percent-decoded, starts with '/', holds no NUL
  std::vector<std::pair<std::string, std::string>> query;  // decoded; values of one name in order
  Headers headers;
  std::string body;
  std::string peer_address;  // numeric, without port: "127.0.0.1", "::1"

  [[nodiscard]] std::optional<std::string_view> query_value(std::string_view name) const;
};

// Content-Length, Date, Connection and the framing are added by the connection. Not thread-safe: a value.
struct Response {
  int status = 200;
  Headers headers;
  std::string content_type;  // empty: no Content-Type
  std::string body;
};

// "Not Found" for 404; "" if unknown.
std::string_view reason_phrase(int status);

}  // namespace weir::http
