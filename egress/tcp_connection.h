// One TCP connection to one vetted address, for probes that look at what listens there. Every wait ends at a
// deadline or with a stop. For HTTP use HttpClient.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string_view>

#include "base/result.h"
#include "egress/address_policy.h"

namespace weir::egress {

// Closes its socket. Not thread-safe: owned by one probe.
class TcpConnection {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Peer {
    IpAddress address;
    std::uint16_t port = 0;
  };

  // Returns address_not_allowed if the policy refuses the peer, unavailable if nothing listens or nothing leads
  // there, timed_out, or cancelled. Blocks up to `deadline`; so do the other two.
  static Result<TcpConnection> connect(const AddressPolicy& policy, AddressPolicy::Self self, const Peer& peer,
                                       TimePoint deadline, std::stop_token stop = {});
  TcpConnection(TcpConnection&& other) noexcept;
  TcpConnection& operator=(TcpConnection&&) = delete;
  ~TcpConnection();

  // Sends all of `bytes`. Returns unavailable if the peer has closed or reset the connection, timed_out, or
  // cancelled.
  Result<void> send(std::string_view bytes);
  // The number of bytes that came, at least 1; 0 once the peer has closed. Errors as send().
  Result<std::size_t> receive(std::span<char> buffer);

 private:
  TcpConnection(int socket, TimePoint deadline, std::stop_token stop);
  Result<void> wait_for(short events);

  int socket_;
  TimePoint deadline_;
  std::stop_token stop_;
};

}  // namespace weir::egress
