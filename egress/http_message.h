// One outgoing HTTP request and its answer, as values. Knows nothing of libcurl.
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "egress/address_policy.h"

namespace weir::egress {

// Not thread-safe: a value.
struct HttpRequest {
  std::string method = "GET";
  Url url{};
  // Sent as given, in order, besides Host and User-Agent; one of those two given here replaces the client's.
  // Content-Length, Transfer-Encoding and Expect are the client's own and are refused.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{15'000};
  std::size_t body_bytes_max = 256 * 1024;  // what comes beyond is not read; `body_truncated` says so
  std::size_t head_bytes_max = 64 * 1024;   // beyond: the request fails
  // False also admits what a scanner must reach and a client must not use: TLS 1.0, weak ciphers and keys.
  bool verify_certificate = true;
  std::string ca_file{};  // PEM file of roots in place of the system's; empty: the system's
  // If set, the body of a 2xx answer goes here piece by piece as it arrives, unbounded, and not into the response; false
  // ends the transfer, which then counts as complete. For event streams.
  std::function<bool(std::string_view piece)> on_body{};
  AddressPolicy::Self self = AddressPolicy::Self::excluded;
  // If set, only these addresses may be dialled (a scan pins what it resolved at its start).
  std::vector<IpAddress> pinned{};
};

// Not thread-safe: a value.
struct HttpResponse {
  int status = 0;
  std::string http_version;  // "1.1", "2"
  // Raw, in the order of the wire; duplicates are kept because they matter to checks.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool body_truncated = false;
  std::string remote_address;  // the address that was dialled
  std::chrono::milliseconds elapsed{0};

  // The first value of that name, without case; nothing if absent.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> header_values(std::string_view name) const;
};

// Returns validation_failed if the method or a header would not arrive as given, or would say something about the
// framing, which is the client's.
Result<void> check_request(const HttpRequest& request);

// Field names are compared without case (RFC 9110 §5.1).
bool is_same_field(std::string_view left, std::string_view right);

}  // namespace weir::egress
