#include "tests/unit/scan_engine/sites.h"

namespace weir::tools::scans {
namespace {

using enum Severity;
using S = Observations;
using egress::TlsVersion;
using egress::VersionSupport;

egress::HttpResponse ok() { return response_of(200, {{"Content-Type", "text/html"}}, "<p>hello</p>"); }

Arrange http_chain(std::vector<std::string> redirects, std::string last) {
  return [redirects, last](S& s) { s.http = chain_of(redirects, last, ok()); };
}
Arrange support(TlsVersion version, VersionSupport value) {
  return [=](S& s) { s.tls.versions[version] = value; };
}
void only_http(S& s) {
  s.https = {};
  s.tls = {};
}
void leave(Chain& chain, std::string_view from, std::string_view to) {
  chain = chain_of({}, from, response_of(302, {{"Location", std::string(to)}}));
  chain.end = ChainEnd::out_of_scope;
  chain.next = url_of(to);
}
void best_version(S& s, TlsVersion version) {
  s.tls.versions.clear();
  handshake_of(s).version = version;
}

std::vector<RuleCase> redirect_cases() {
  return {
      fires("redir.no_https", "http serves", medium, "served", http_chain({}, "http://app.example/")),
      fires("redir.no_https", "ends on http", medium, "ends_on_http",
            http_chain({"http://app.example/"}, "http://app.example/home")),
      quiet("redir.no_https", "redirects", [](S&) {}),
      quiet("redir.no_https", "http refuses",
            [](S& s) { s.http = chain_of({}, "http://app.example/", response_of(403)); }),
      unable("redir.no_https", "https does not work", CheckState::not_applicable, drop_https),
      unable("redir.no_https", "no http entry", CheckState::not_applicable, [](S& s) { s.http = {}; }),
      unable("redir.no_https", "http is closed", CheckState::error,
             [](S& s) { s.http = failed_chain("http://app.example/", Error(ErrorCode::unavailable, "refused")); }),

      fires("redir.first_hop_http", "http to http", low, "",
            http_chain({"http://app.example/", "http://www.app.example/"}, "https://www.app.example/")),
      fires("redir.first_hop_http", "recorded only", low, "",
            [](S& s) { leave(s.http, "http://app.example/", "http://other.example/"); }),
      quiet("redir.first_hop_http", "https first", [](S&) {}),
      quiet("redir.first_hop_http", "no redirect", http_chain({}, "http://app.example/")),

      fires("redir.cross_host_first", "another host", low, "",
            http_chain({"http://app.example/"}, "https://www.app.example/")),
      fires("redir.cross_host_first", "out of scope", low, "",
            [](S& s) { leave(s.http, "http://app.example/", "https://other.example/"); }),
      quiet("redir.cross_host_first", "same host first",
            http_chain({"http://app.example/", "https://app.example/"}, "https://www.app.example/")),

      fires("redir.downgrade", "https to http", high, "",
            [](S& s) { s.https = chain_of({"https://app.example/"}, "http://app.example/home", ok()); }),
      fires("redir.downgrade", "out of scope", high, "",
            [](S& s) { leave(s.https, "https://app.example/", "http://other.example/"); }),
      quiet("redir.downgrade", "stays",
            http_chain({"http://app.example/", "https://app.example/"}, "https://app.example/a")),

      fires("redir.loop", "loop", info, "loop",
            [](S& s) {
              s.https =
                  chain_of({"https://app.example/"}, "https://app.example/a", response_of(302, {{"Location", "/"}}));
              s.https.end = ChainEnd::loop;
              s.https.next = url_of("https://app.example/");
            }),
      fires("redir.loop", "too many", info, "too_many_hops",
            [](S& s) {
              s.http.end = ChainEnd::too_many_hops;
              s.http.next = url_of("https://app.example/11");
            }),
      quiet("redir.loop", "ends", [](S&) {}),

      fires("tls.absent", "nothing listens", high, "no_listener", drop_https),
      fires("tls.absent", "something without TLS", high, "not_tls",
            [](S& s) {
              drop_https(s);
              s.tls.handshake = Error(ErrorCode::bad_request, "not TLS");
            }),
      fires("tls.absent", "private address", info, "no_listener",
            [](S& s) {
              drop_https(s);
              s.address_class = egress::AddressClass::private_use;
            }),
      quiet("tls.absent", "https answers", [](S&) {}),
      unable("tls.absent", "a refused handshake is TLS", CheckState::error,
             [](S& s) {
               drop_https(s);
               s.tls.versions[TlsVersion::tls12] = VersionSupport::refused;
             }),
      unable("tls.absent", "timeout", CheckState::error,
             [](S& s) {
               drop_https(s);
               s.tls.handshake = Error(ErrorCode::timed_out, "no answer");
             }),
      unable("tls.absent", "no https port is known", CheckState::not_applicable, only_http),
      unable("tls.absent", "http serves no page either", CheckState::not_applicable,
             [](S& s) {
               drop_https(s);
               s.http = failed_chain("http://app.example/", Error(ErrorCode::unavailable, "refused"));
             }),
  };
}

std::vector<RuleCase> version_cases() {
  return {
      fires("tls.tls10", "accepted", medium, "", support(TlsVersion::tls10, VersionSupport::accepted)),
      fires("tls.tls10", "the best there is", medium, "", [](S& s) { best_version(s, TlsVersion::tls10); }),
      quiet("tls.tls10", "refused", [](S&) {}),
      unable("tls.tls10", "unknown", CheckState::error, support(TlsVersion::tls10, VersionSupport::unknown)),
      unable("tls.tls10", "no TLS", CheckState::not_applicable, drop_https),
      unable("tls.tls10", "no https port", CheckState::not_applicable, only_http),
      unable("tls.tls10", "budget", CheckState::skipped,
             [](S& s) {
               s.tls.versions.clear();
               s.tls.is_out_of_budget = true;
             }),
      fires("tls.tls11", "accepted", medium, "", support(TlsVersion::tls11, VersionSupport::accepted)),
      fires("tls.tls11", "the best there is", medium, "", [](S& s) { best_version(s, TlsVersion::tls11); }),
      quiet("tls.tls11", "refused", [](S&) {}),

      fires("tls.no_modern", "only old versions", high, "",
            [](S& s) {
              s.tls.versions = {{TlsVersion::tls10, VersionSupport::accepted},
                                {TlsVersion::tls11, VersionSupport::refused},
                                {TlsVersion::tls12, VersionSupport::refused},
                                {TlsVersion::tls13, VersionSupport::refused}};
              handshake_of(s).version = TlsVersion::tls10;
            }),
      fires("tls.no_modern", "one handshake says so", high, "", [](S& s) { best_version(s, TlsVersion::tls11); }),
      quiet("tls.no_modern", "TLS 1.2 is enough", [](S& s) { best_version(s, TlsVersion::tls12); }),
      unable("tls.no_modern", "no TLS", CheckState::not_applicable, drop_https),

      fires("tls.no_tls13", "refused", info, "",
            [](S& s) {
              s.tls.versions[TlsVersion::tls13] = VersionSupport::refused;
              handshake_of(s).version = TlsVersion::tls12;
            }),
      fires("tls.no_tls13", "falls back", info, "", [](S& s) { best_version(s, TlsVersion::tls12); }),
      quiet("tls.no_tls13", "accepted", [](S&) {}),
      unable("tls.no_tls13", "no TLS", CheckState::not_applicable, drop_https),
  };
}

}  // namespace

std::vector<RuleCase> transport_cases() {
  std::vector<RuleCase> cases = redirect_cases();
  const auto more = version_cases();
  cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace weir::tools::scans
