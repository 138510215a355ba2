#include "server/http/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace weir::http {
namespace {

constexpr std::size_t kAddressesMax = 8;  // of one host name

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

std::string place(const ListenAddress& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return (is_ipv6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

Error cannot_listen(const ListenAddress& address, int error) {
  std::string advice = "; choose another host or port.";
  if (error == EADDRINUSE) advice = ": another program is listening there. Stop it or choose another port.";
  if (error == EACCES) advice = ": ports below 1024 need a privilege (CAP_NET_BIND_SERVICE). Choose a higher port.";
  if (error == EADDRNOTAVAIL) advice = ": this machine does not have that address. Use one of its own, or 0.0.0.0.";
  return Error(ErrorCode::unavailable, "Cannot listen on " + place(address) + advice)
      .because(std::generic_category().message(error));
}

void set_port(sockaddr_storage& address, std::uint16_t port) {
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

// 0 or the error number.
int open_listener(const addrinfo& entry, std::uint16_t port, FileDescriptor& listener) {
  listener = FileDescriptor(socket(entry.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.is_open()) return errno;
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address{};
  std::memcpy(&address, entry.ai_addr, entry.ai_addrlen);
  set_port(address, port);
  if (entry.ai_family == AF_INET6) {
    // "::" means every address of the machine, as people expect of "0.0.0.0".
    const int only_ipv6 = IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<sockaddr_in6&>(address).sin6_addr) ? 0 : 1;
    setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof only_ipv6);
  }
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), entry.ai_addrlen) != 0) return errno;
  return listen(listener.get(), SOMAXCONN) == 0 ? 0 : errno;
}

std::string numeric_address(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
    return text.data();
  }
  const in6_addr& ipv6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
    inet_ntop(AF_INET, ipv6.s6_addr + 12, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &ipv6, text.data(), text.size());
  }
  return text.data();
}

}  // namespace

Result<Listeners> listen_on(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0) {
    return Error(ErrorCode::unavailable,
                 "Cannot listen on " + place(address) + ": the host is neither an address nor a name of this machine.")
        .because(gai_strerror(error));
  }
  const AddressList addresses(found, &freeaddrinfo);

  Listeners listeners;
  listeners.port = address.port;
  int last_error = EADDRNOTAVAIL;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (listeners.sockets.size() >= kAddressesMax) break;
    FileDescriptor listener;
    last_error = open_listener(*entry, listeners.port, listener);
    // A name may have an address of a family that this machine does not speak.
    if (last_error == EADDRNOTAVAIL || last_error == EAFNOSUPPORT) continue;
    // /etc/hosts may give one address twice.
    if (last_error == EADDRINUSE && !listeners.sockets.empty()) continue;
    if (last_error != 0) return cannot_listen(address, last_error);
    listeners.port = bound_port(listener.get());
    listeners.sockets.push_back(std::move(listener));
  }
  if (listeners.sockets.empty()) return cannot_listen(address, last_error);
  return listeners;
}

AcceptResult accept_from(int listener) {
  AcceptResult result;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int descriptor = accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) {
    result.error = errno;
    return result;
  }
  result.accepted.socket = FileDescriptor(descriptor);
  result.accepted.peer_address = numeric_address(address);
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return result;
}

}  // namespace weir::http
