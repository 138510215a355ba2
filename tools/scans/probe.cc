#include "tools/scans/probe.h"

#include <algorithm>
#include <charconv>

#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {
namespace {

using egress::Url;
using std::chrono::milliseconds;

// A target that says "later" is believed, but a scan must end.
constexpr int kBackoffsMax = 3;
constexpr milliseconds kBackoffMax{30'000};
constexpr milliseconds kBackoffWithoutHint{2'000};

bool is_redirect(const egress::HttpResponse& response) {
  const int status = response.status;
  return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
         response.header("location").has_value();
}

// How long the target asks us to wait; nothing if it does not. RFC 9110 §10.2.3; a date is not worth parsing,
// since clocks differ.
std::optional<milliseconds> asked_delay(const egress::HttpResponse& response) {
  const auto header = response.header("retry-after");
  if (response.status != 429 && !(response.status == 503 && header)) return std::nullopt;
  if (!header) return kBackoffWithoutHint;
  const std::string_view text = ascii::trimmed(*header);
  std::uint32_t seconds = 0;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || last != text.data() + text.size()) return kBackoffWithoutHint;
  return std::min<milliseconds>(std::chrono::seconds{seconds}, kBackoffMax);
}

// The entry as its other scheme has it; nothing if nobody knows that port.
std::optional<Url> other_scheme_of(const ScanPlan& plan) {
  Url other = plan.entry;
  other.scheme = plan.entry.scheme == "https" ? "http" : "https";
  if (plan.entry.has_default_port()) {
    other.port = other.scheme == "https" ? 443 : 80;
  } else if (plan.companion_port) {
    other.port = *plan.companion_port;
  } else {
    return std::nullopt;
  }
  return other;
}

bool is_connect_error(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::timed_out;
}

// The first failure of a chain that never got an answer.
const Error* first_failure(const Chain& chain) {
  const bool is_failure = chain.end == ChainEnd::failed || chain.end == ChainEnd::refused_address;
  return is_failure && chain.first_answer() == nullptr ? &chain.hops.front().answer.error() : nullptr;
}

Result<void> check_reached(const Observations& seen) {
  const bool has_answer = seen.http.first_answer() != nullptr || seen.https.first_answer() != nullptr ||
                          (seen.tls.handshake && *seen.tls.handshake);
  if (has_answer) return {};
  const Error* http = first_failure(seen.http);
  const Error* https = first_failure(seen.https);
  const auto is_silent = [](const Chain& chain, const Error* error) {
    return chain.end == ChainEnd::not_tried || error != nullptr;
  };
  if (!is_silent(seen.http, http) || !is_silent(seen.https, https)) return {};  // the budget, not the target
  const Error* own = seen.entry.scheme == "http" ? http : https;
  if (own == nullptr) return {};
  if (own->code == ErrorCode::address_not_allowed) return *own;
  return Error(ErrorCode::unavailable, "Nothing answered at " + seen.entry.origin() + ": " + own->message)
      .because(own->cause);
}

}  // namespace

ProbeWishes wishes_of(const std::vector<const Check*>& checks) {
  ProbeWishes wishes;
  for (const Check* check : checks) {
    if (check->rule.id == "info.robots_hints") wishes.robots = true;
    if (check->rule.id == "info.security_txt") wishes.security_txt = true;
    if (check->rule.group == "tls" && check->rule.profile != Profile::passive) wishes.tls_versions = true;
  }
  return wishes;
}

Probe::Probe(const ProbeNetwork& network, const ScanPlan& plan, const std::string& user_agent, ProbeProgress progress,
             std::stop_token stop)
    : network_(network),
      plan_(plan),
      progress_(std::move(progress)),
      stop_(std::move(stop)),
      client_(network.policy, network.resolver, user_agent) {}

Result<Observations> Probe::look(const ProbeWishes& wishes) {
  const auto cancelled = [] { return Error(ErrorCode::cancelled, "The scan was cancelled."); };
  Observations seen;
  seen.entry = plan_.entry;
  seen.now = network_.clock.now();
  progress_.phase_started("resolve");
  if (auto resolved = resolve_entry(seen); !resolved) return std::move(resolved).error();

  const bool entry_is_https = plan_.entry.scheme == "https";
  const auto other = other_scheme_of(plan_);
  progress_.phase_started("http");
  if (!entry_is_https) seen.http = walk(plan_.entry);
  if (entry_is_https && other) seen.http = walk(*other);
  if (stop_.stop_requested()) return cancelled();

  progress_.phase_started("https");
  if (entry_is_https) seen.https = walk(plan_.entry);
  if (!entry_is_https && other) seen.https = walk(*other);
  if (stop_.stop_requested()) return cancelled();
  const bool https_answers = seen.https.first_answer() != nullptr;
  Url well_known = https_answers || !other ? plan_.entry : entry_is_https ? *other : plan_.entry;
  if (https_answers && !entry_is_https) well_known = *other;
  if (wishes.security_txt) {
    well_known.path = "/.well-known/security.txt";
    seen.security_txt = walk(well_known);
  }
  if (wishes.robots) {
    well_known.path = "/robots.txt";
    seen.robots = walk(well_known);
  }
  if (stop_.stop_requested()) return cancelled();

  progress_.phase_started("tls");
  if (entry_is_https || other) {
    seen.tls.url = entry_is_https ? plan_.entry : *other;
    look_at_tls(seen, wishes.tls_versions);
  }
  if (stop_.stop_requested()) return cancelled();
  if (auto reached = check_reached(seen); !reached) return std::move(reached).error();
  find_pages(seen);
  return seen;
}

Result<void> Probe::resolve_entry(Observations& seen) {
  auto address = address_of(plan_.entry);
  if (!address) return std::move(address).error();
  if (stop_.stop_requested()) return Error(ErrorCode::cancelled, "The scan was cancelled.");
  seen.address_class = address->address_class();
  seen.pinned_address = address->to_text();
  seen.is_ip_literal = egress::IpAddress::parse(plan_.entry.host).has_value();
  const bool is_loopback = seen.address_class == egress::AddressClass::loopback;
  const Budget& budget = plan_.budget;
  pacer_.emplace(network_.clock,
                 is_loopback ? std::max(budget.loopback_requests_per_second, budget.requests_per_second)
                             : budget.requests_per_second,
                 stop_);
  return {};
}

Result<egress::IpAddress> Probe::address_of(const Url& url) {
  const auto known = addresses_.find(url.host);
  if (known != addresses_.end()) return known->second;
  if (auto allowed = network_.policy.check_host_name(url.host); !allowed) return std::move(allowed).error();
  auto answers = network_.resolver.resolve(url.host);
  if (!answers) return std::move(answers).error();
  if (answers->empty()) return Error(ErrorCode::unavailable, "The host " + url.host + " has no address.");
  if (auto allowed = network_.policy.check_all(*answers, url.port, plan_.self); !allowed) {
    return std::move(allowed).error();
  }
  // IPv4 first: where scanners run, IPv6 is often not routed.
  const auto v4 = std::ranges::find_if(*answers, [](const egress::IpAddress& address) { return !address.is_v6(); });
  const egress::IpAddress chosen = v4 != answers->end() ? *v4 : answers->front();
  addresses_.emplace(url.host, chosen);
  return chosen;
}

bool Probe::is_in_scope(const Url& url) const {
  return url.host == plan_.entry.host || std::ranges::find(plan_.scope_hosts, url.host) != plan_.scope_hosts.end();
}

Chain Probe::walk(Url url) {
  Chain chain;
  for (;;) {
    auto answer = fetch(url);
    if (!answer) {
      chain.end = ChainEnd::budget;
      chain.next = std::move(url);
      return chain;
    }
    chain.hops.push_back({url, *std::move(answer)});
    const auto& last = chain.hops.back().answer;
    if (!last) {
      chain.end = last.error().code == ErrorCode::address_not_allowed ? ChainEnd::refused_address : ChainEnd::failed;
      return chain;
    }
    chain.end = ChainEnd::answered;
    if (!is_redirect(*last)) return chain;
    auto next = url.resolve(*last->header("location"));
    if (!next) return chain;  // "mailto:", or a URL that no browser would follow either
    const bool is_loop = std::ranges::any_of(chain.hops, [&](const Hop& hop) { return hop.url == *next; });
    if (!is_in_scope(*next)) {
      chain.end = ChainEnd::out_of_scope;
    } else if (is_loop) {
      chain.end = ChainEnd::loop;
    } else if (chain.hops.size() > static_cast<std::size_t>(kRedirectHopsMax)) {
      chain.end = ChainEnd::too_many_hops;
    } else {
      url = *std::move(next);
      continue;
    }
    chain.next = *std::move(next);
    return chain;
  }
}

std::optional<Result<egress::HttpResponse>> Probe::fetch(const Url& url) {
  const auto known = answers_.find(url.to_text());
  if (known != answers_.end()) return Result<egress::HttpResponse>(known->second);
  const auto address = address_of(url);
  if (!address) return Result<egress::HttpResponse>(address.error());
  for (;;) {
    auto answer = send(url, *address);
    if (!answer || !*answer) return answer;
    const auto delay = asked_delay(**answer);
    if (!delay || backoffs_ >= kBackoffsMax) {
      answers_.emplace(url.to_text(), **answer);
      return answer;
    }
    ++backoffs_;
    if (!pacer_->wait(*delay))
      return Result<egress::HttpResponse>(Error(ErrorCode::cancelled, "The scan was cancelled."));
  }
}

std::optional<Result<egress::HttpResponse>> Probe::send(const Url& url, const egress::IpAddress& address) {
  if (connect_errors_ >= plan_.budget.connect_errors_max) {
    return Result<egress::HttpResponse>(
        Error(ErrorCode::unavailable,
              "The scan asked no more after " + std::to_string(connect_errors_) + " connection errors in a row."));
  }
  if (requests_sent_ >= plan_.budget.http_requests_max) return std::nullopt;
  if (!pacer_->wait_turn()) return Result<egress::HttpResponse>(Error(ErrorCode::cancelled, "The scan was cancelled."));
  egress::HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}};
  request.verify_certificate = false;  // the certificate is judged from the handshake
  request.self = plan_.self;
  request.pinned = {address};
  ++requests_sent_;
  auto answer = client_.send(request, stop_);
  connect_errors_ = !answer && is_connect_error(answer.error()) ? connect_errors_ + 1 : 0;
  progress_.request_sent(requests_sent_);
  return answer;
}

bool Probe::spend_connect() {
  if (connects_made_ >= plan_.budget.tcp_connects_max) return false;
  ++connects_made_;
  return pacer_->wait_turn();
}

void Probe::look_at_tls(Observations& seen, bool with_versions) {
  TlsSeen& tls = seen.tls;
  const auto address = address_of(tls.url);
  if (!address) return;
  const egress::TlsTarget target{.host = tls.url.host, .address = *address, .port = tls.url.port};
  const auto accepts = [&](egress::TlsVersion version) {
    if (!spend_connect()) {
      tls.is_out_of_budget = true;
      return;
    }
    const auto support = egress::tls_accepts(network_.policy, plan_.self, target, version, stop_);
    tls.versions[version] = support ? *support : egress::VersionSupport::unknown;
  };
  if (!spend_connect()) {
    tls.is_out_of_budget = true;
    return;
  }
  tls.handshake = egress::tls_handshake(network_.policy, plan_.self, target, stop_);
  if (!*tls.handshake) {
    // A port that refuses the handshake is not one without TLS: one more hello tells them apart.
    if (tls.handshake->error().code == ErrorCode::unavailable) accepts(egress::TlsVersion::tls12);
    return;
  }
  if (!with_versions) return;
  for (const auto version :
       {egress::TlsVersion::tls10, egress::TlsVersion::tls11, egress::TlsVersion::tls12, egress::TlsVersion::tls13}) {
    accepts(version);
  }
}

}  // namespace weir::tools::scans
