// Many outgoing requests at once from one thread: each is resolved, vetted and sent without holding up the others. For
// the webhook sender. A single request with nobody else waiting is HttpClient's.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "egress/address_policy.h"
#include "egress/http_message.h"
#include "egress/resolver.h"

namespace weir::egress {

struct HttpTransfersSettings {
  std::string user_agent;
  // Threads that wait for DNS. Names whose DNS hangs hold one each; others then wait in the queue, within their timeout.
  unsigned resolvers = 4;
  // An answer of the resolver is used again for this long. What is dialled is what was vetted, however old it is.
  std::chrono::milliseconds resolved_for{5'000};
  long connections_kept_max = 256;
};

// Owned by one thread; only wake() may be called by others. Not thread-safe: owned by its sender.
class HttpTransfers {
 public:
  // All must outlive this.
  HttpTransfers(const AddressPolicy& policy, Resolver& resolver, const Clock& clock, HttpTransfersSettings settings);
  ~HttpTransfers();
  HttpTransfers(const HttpTransfers&) = delete;
  HttpTransfers& operator=(const HttpTransfers&) = delete;

  struct Finished {
    std::uint64_t tag = 0;
    Result<HttpResponse> response;
  };

  // `tag` is the caller's, handed back with the result; one that is running must not be used again. Never blocks.
  void start(std::uint64_t tag, HttpRequest request);
  // Moves everything on and returns what has ended, with the errors of HttpClient::send(). Blocks up to `wait` if
  // nothing has, until wake(). A request's timeout counts from start(), so it includes the wait for DNS.
  std::vector<Finished> poll(std::chrono::milliseconds wait);
  // Ends a poll() that is waiting, or the next one. Thread-safe.
  void wake();
  [[nodiscard]] std::size_t running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::egress
