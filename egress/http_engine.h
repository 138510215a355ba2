// libcurl behind one door: any number of outgoing requests that one thread moves on together. HttpClient sends one at a
// time through it, HttpTransfers hundreds. The address that libcurl is about to dial is checked in its open-socket
// callback, whatever DNS said a moment before. The only file that knows libcurl. Resolves nothing.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/http_message.h"

namespace weir::egress {

// Keeps connections alive between requests to one host; a kept connection is only used again while its host has the
// same vetted addresses. Speaks HTTP/1.1 only: the header lines of HTTP/2 are not what the server's configuration says,
// but a frame's fields in lower case. Not thread-safe: owned by one thread; only wake() may be called by others.
class HttpEngine {
 public:
  using Id = std::uint64_t;
  struct Finished {
    Id id = 0;
    Result<HttpResponse> response;
  };

  // `policy` must outlive the engine. `user_agent` is sent with every request. `connections_kept_max` idle connections
  // are kept for reuse.
  HttpEngine(const AddressPolicy& policy, std::string user_agent, long connections_kept_max);
  ~HttpEngine();
  HttpEngine(const HttpEngine&) = delete;
  HttpEngine& operator=(const HttpEngine&) = delete;

  // Dials nothing but `vetted`, which are the addresses of the request's host. `request` must pass check_request() and
  // outlive the transfer. Never blocks. The id is never 0.
  Id start(const HttpRequest& request, std::vector<IpAddress> vetted);
  // The transfer ends without a result. Unknown ids are ignored.
  void cancel(Id id);
  // Moves every transfer on and returns those that have ended; errors as HttpClient::send() describes them. Blocks up to
  // `wait` if none has, until wake(). Returns internal if libcurl itself fails.
  Result<std::vector<Finished>> poll(std::chrono::milliseconds wait);
  // Ends a poll() that is waiting, or the next one. Thread-safe.
  void wake();
  [[nodiscard]] std::size_t running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The addresses that a request for `url` may dial: `found` by a resolver, or the literal that the host is. Each passes
// the policy, and the host's name does.
Result<std::vector<IpAddress>> vetted_addresses(const AddressPolicy& policy, const HttpRequest& request,
                                                std::vector<IpAddress> found);

}  // namespace weir::egress
