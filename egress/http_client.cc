#include "egress/http_client.h"

#include "egress/http_engine.h"

namespace weir::egress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long libcurl may wait for its sockets before the loop looks at the stop again; a stop wakes it at once.
constexpr milliseconds kPollWait{250};
// Connections kept for reuse; a scan needs two.
constexpr long kConnectionsKeptMax = 16;

}  // namespace

struct HttpClient::State {
  const AddressPolicy& policy;
  Resolver& resolver;
  HttpEngine engine;
};

HttpClient::HttpClient(const AddressPolicy& policy, Resolver& resolver, std::string user_agent)
    : state_(new State{policy, resolver, HttpEngine(policy, std::move(user_agent), kConnectionsKeptMax)}) {}

HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request, std::stop_token stop) {
  const auto start = steady_clock::now();
  if (auto checked = check_request(request); !checked) return std::move(checked).error();
  // A name of a metadata service is not even asked for.
  if (auto named = state_->policy.check_host_name(request.url.host); !named) return std::move(named).error();
  std::vector<IpAddress> found;
  if (request.pinned.empty()) {
    auto resolved = state_->resolver.resolve(request.url.host);
    if (!resolved) return std::move(resolved).error();
    found = *std::move(resolved);
  }
  auto vetted = vetted_addresses(state_->policy, request, std::move(found));
  if (!vetted) return std::move(vetted).error();

  HttpEngine& engine = state_->engine;
  const HttpEngine::Id id = engine.start(request, *std::move(vetted));
  const std::stop_callback wake(stop, [&engine] { engine.wake(); });
  while (!stop.stop_requested()) {
    auto finished = engine.poll(kPollWait);
    if (!finished) {
      engine.cancel(id);
      return std::move(finished).error();
    }
    if (finished->empty()) continue;
    Result<HttpResponse> response = std::move(finished->front().response);
    if (response) response->elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    return response;
  }
  engine.cancel(id);
  return Error{ErrorCode::cancelled, "the request was cancelled"};
}

}  // namespace weir::egress
