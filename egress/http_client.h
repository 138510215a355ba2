// Outgoing HTTP: one request, one hop. Redirects are the caller's to walk, so that each hop passes
// the policy. The address that is about to be dialled is checked, whatever DNS said a moment before (http_engine).
#pragma once
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/http_message.h"
#include "egress/resolver.h"

namespace weir::egress {

// Keeps connections alive between requests to one host (http_engine.h says how). Not thread-safe: owned by one job or
// thread.
class HttpClient {
 public:
  // Both must outlive the client. `user_agent` is sent with every request.
  HttpClient(const AddressPolicy& policy, Resolver& resolver, std::string user_agent);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status is a success. Returns address_not_allowed if the policy refuses an address, timed_out,
  // cancelled if `stop` is requested, validation_failed if the request cannot be sent as given, or unavailable
  // with libcurl's reason in plain words. No redirect is followed, no proxy from the environment is used, no
  // cookie is kept, nothing is decompressed.
  // Blocks up to `request.timeout`, before which an unpinned name is resolved (Resolver says how long that
  // takes); a requested `stop` ends the transfer within 250 ms.
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::egress
