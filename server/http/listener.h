// The sockets that are listened on: binding with an error that says what to do, and accepting.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/http/file_descriptor.h"

namespace weir::http {

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;  // 0: the kernel chooses
};

// Non-blocking sockets for every address of a host ("localhost" may have two), all on one port.
// Not thread-safe: owned by the server.
struct Listeners {
  std::vector<FileDescriptor> sockets;
  std::uint16_t port = 0;
};

// Returns unavailable, naming host and port, if the host is unknown or the port is taken or not permitted.
// Blocks while a host name is resolved.
Result<Listeners> listen_on(const ListenAddress& address);

struct Accepted {
  FileDescriptor socket;
  std::string peer_address;  // numeric; an IPv4 peer of an IPv6 socket in IPv4 form
};

// A connection that is waiting on `listener`; an error number (EAGAIN: none waits) otherwise. Never blocks.
struct AcceptResult {
  Accepted accepted;
  int error = 0;
};
AcceptResult accept_from(int listener);

}  // namespace weir::http
