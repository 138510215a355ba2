#include "server/client_address.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::server {
namespace {

// More proxies than any honest way has; what a caller writes beyond is not read.
constexpr std::size_t kHopsMax = 32;
constexpr std::string_view kForwardedFor = "X-Forwarded-For";

bool is_named(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return lower(a) == lower(b);
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]" and "[2001:db8::1]:4711": proxies write all of them.
std::optional<egress::IpAddress> address_in(std::string_view entry) {
  entry = trimmed(entry);
  if (entry.starts_with('[')) {
    const std::size_t end = entry.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    entry = entry.substr(1, end - 1);
  } else if (std::ranges::count(entry, ':') == 1) {
    entry = entry.substr(0, entry.find(':'));
  }
  auto address = egress::IpAddress::parse(entry);
  if (!address) return std::nullopt;
  return *std::move(address);
}

bool is_trusted(const egress::IpAddress& address, std::span<const egress::AddressRange> trusted) {
  return std::ranges::any_of(trusted, [&](const egress::AddressRange& range) { return range.contains(address); });
}

// Nearest first: several fields of one name are one list (RFC 9110 section 5.3).
std::vector<std::string_view> hops_of(const http::Headers& headers) {
  std::vector<std::string_view> hops;
  const auto& fields = headers.fields();
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (!is_named(field->first, kForwardedFor)) continue;
    std::string_view rest = field->second;
    while (hops.size() < kHopsMax) {
      const std::size_t comma = rest.rfind(',');
      hops.push_back(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return hops;
}

}  // namespace

std::string client_address(const http::Request& request, std::span<const egress::AddressRange> trusted) {
  if (trusted.empty()) return request.peer_address;
  const std::string_view peer(request.peer_address);
  auto known = egress::IpAddress::parse(peer.substr(0, peer.find('%')));
  if (!known || !is_trusted(*known, trusted)) return request.peer_address;
  egress::IpAddress client = *known;
  for (const std::string_view hop : hops_of(request.headers)) {
    const auto address = address_in(hop);
    if (!address) break;
    client = *address;
    if (!is_trusted(client, trusted)) break;
  }
  return client.to_text();
}

}  // namespace weir::server
