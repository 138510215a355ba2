#include "egress/http_transfers.h"

#include <pthread.h>

#include <algorithm>
#include <stop_token>
#include <thread>
#include <unordered_map>

#include "base/bounded_queue.h"
#include "base/guarded.h"
#include "base/log.h"
#include "egress/http_engine.h"

namespace weir::egress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Names that wait for a resolver; a request beyond fails and is the caller's to repeat.
constexpr std::size_t kNamesWaitingMax = 1'000;
// Answers of the resolver that are kept; beyond, all are forgotten.
constexpr std::size_t kNamesKnownMax = 1'000;
// While a name is being resolved its request's timeout is looked at this often.
constexpr milliseconds kResolvingWait{250};

struct Answer {
  std::string host;
  Result<std::vector<IpAddress>> addresses;
};

struct Known {
  std::vector<IpAddress> addresses;
  steady_clock::time_point until;
};

struct Request {
  std::uint64_t tag = 0;
  HttpRequest request;
  steady_clock::time_point start;
};

}  // namespace

struct HttpTransfers::State {
  State(const AddressPolicy& address_policy, Resolver& name_resolver, const Clock& steady, HttpTransfersSettings given)
      : policy(address_policy),
        resolver(name_resolver),
        clock(steady),
        settings(std::move(given)),
        engine(address_policy, settings.user_agent, settings.connections_kept_max) {
    for (unsigned i = 0; i < std::max(1U, settings.resolvers); ++i) {
      resolvers.emplace_back([this](const std::stop_token& stop) {
        ::pthread_setname_np(::pthread_self(), "weir-resolver");
        resolve_names(stop);
      });
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (std::jthread& thread : resolvers) thread.request_stop();
  }

  void resolve_names(const std::stop_token& stop);
  void launch(std::unique_ptr<Request> request, std::vector<IpAddress> found);
  void fail(const Request& request, Error error) { ended.push_back({request.tag, std::move(error)}); }
  void wait_for_name(std::unique_ptr<Request> request);
  void take_answers();
  void give_up_late_ones();
  void remember(const std::string& host, const std::vector<IpAddress>& addresses);
  void fail_all(const Error& error);

  const AddressPolicy& policy;
  Resolver& resolver;
  const Clock& clock;
  const HttpTransfersSettings settings;
  HttpEngine engine;
  std::unordered_map<HttpEngine::Id, std::unique_ptr<Request>> sending;
  std::unordered_map<std::string, std::vector<std::unique_ptr<Request>>> waiting;  // by host
  std::unordered_map<std::string, Known> known;
  std::vector<Finished> ended;  // without a transfer
  BoundedQueue<std::string> wanted{kNamesWaitingMax};
  Guarded<std::vector<Answer>> answers;
  std::vector<std::jthread> resolvers;  // last: end before what they use
};

void HttpTransfers::State::resolve_names(const std::stop_token& stop) {
  while (auto host = wanted.pop(stop)) {
    auto addresses = resolver.resolve(*host);
    answers.with([&](std::vector<Answer>& all) { all.push_back({*std::move(host), std::move(addresses)}); });
    engine.wake();
  }
}

void HttpTransfers::State::launch(std::unique_ptr<Request> request, std::vector<IpAddress> found) {
  auto vetted = vetted_addresses(policy, request->request, std::move(found));
  if (!vetted) return fail(*request, std::move(vetted).error());
  request->request.timeout -= std::chrono::duration_cast<milliseconds>(steady_clock::now() - request->start);
  const HttpEngine::Id id = engine.start(request->request, *std::move(vetted));
  sending.emplace(id, std::move(request));
}

void HttpTransfers::State::wait_for_name(std::unique_ptr<Request> request) {
  const std::string host = request->request.url.host;
  // One lookup for all who wait for the same name.
  if (!waiting.contains(host) && !wanted.push(std::string(host))) {
    return fail(*request, Error(ErrorCode::unavailable, "too many names are waiting for DNS: try again"));
  }
  waiting[host].push_back(std::move(request));
}

void HttpTransfers::State::remember(const std::string& host, const std::vector<IpAddress>& addresses) {
  if (settings.resolved_for <= milliseconds::zero()) return;
  const auto now = clock.steady_now();
  if (known.size() >= kNamesKnownMax) known.clear();
  known.insert_or_assign(host, Known{addresses, now + settings.resolved_for});
}

void HttpTransfers::State::take_answers() {
  std::vector<Answer> taken;
  answers.with([&](std::vector<Answer>& all) { taken.swap(all); });
  for (Answer& answer : taken) {
    const auto found = waiting.find(answer.host);
    if (found == waiting.end()) continue;
    auto requests = std::move(found->second);
    waiting.erase(found);
    if (answer.addresses) remember(answer.host, *answer.addresses);
    for (auto& request : requests) {
      if (answer.addresses) {
        launch(std::move(request), *answer.addresses);
      } else {
        fail(*request, answer.addresses.error());
      }
    }
  }
}

void HttpTransfers::State::give_up_late_ones() {
  const auto now = steady_clock::now();
  for (auto& [host, requests] : waiting) {
    std::erase_if(requests, [&](const std::unique_ptr<Request>& request) {
      if (request->start + request->request.timeout > now) return false;
      fail(*request, Error(ErrorCode::timed_out, printable(request->request.url.authority()) +
                                                     " timed out while its name was being resolved"));
      return true;
    });
    // An entry without requests stays until the answer comes: the resolver is still at it.
  }
}

void HttpTransfers::State::fail_all(const Error& error) {
  for (const auto& [id, request] : sending) {
    engine.cancel(id);
    fail(*request, error);
  }
  sending.clear();
}

HttpTransfers::HttpTransfers(const AddressPolicy& policy, Resolver& resolver, const Clock& clock,
                             HttpTransfersSettings settings)
    : state_(std::make_unique<State>(policy, resolver, clock, std::move(settings))) {}

HttpTransfers::~HttpTransfers() = default;

void HttpTransfers::start(std::uint64_t tag, HttpRequest request) {
  auto one = std::make_unique<Request>(Request{tag, std::move(request), steady_clock::now()});
  if (auto checked = check_request(one->request); !checked) return state_->fail(*one, std::move(checked).error());
  const std::string& host = one->request.url.host;
  if (auto named = state_->policy.check_host_name(host); !named) return state_->fail(*one, std::move(named).error());
  if (auto literal = IpAddress::parse(host)) return state_->launch(std::move(one), {*literal});
  if (!one->request.pinned.empty()) return state_->launch(std::move(one), {});
  const auto known = state_->known.find(host);
  if (known != state_->known.end() && state_->clock.steady_now() < known->second.until) {
    return state_->launch(std::move(one), known->second.addresses);
  }
  state_->wait_for_name(std::move(one));
}

std::vector<HttpTransfers::Finished> HttpTransfers::poll(milliseconds wait) {
  state_->take_answers();
  state_->give_up_late_ones();
  if (!state_->waiting.empty()) wait = std::min(wait, kResolvingWait);
  if (!state_->ended.empty()) wait = milliseconds::zero();
  auto sent = state_->engine.poll(wait);
  if (!sent) {
    state_->fail_all(sent.error());
  } else {
    for (HttpEngine::Finished& finished : *sent) {
      const auto request = state_->sending.find(finished.id);
      state_->ended.push_back({request->second->tag, std::move(finished.response)});
      state_->sending.erase(request);
    }
  }
  return std::exchange(state_->ended, {});
}

void HttpTransfers::wake() { state_->engine.wake(); }

std::size_t HttpTransfers::running() const {
  std::size_t count = state_->sending.size() + state_->ended.size();
  for (const auto& [host, requests] : state_->waiting) count += requests.size();
  return count;
}

}  // namespace weir::egress
