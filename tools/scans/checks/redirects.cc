// redir.* and tls.absent: how the two schemes of the entry lead to each other.
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kReferences[] = {"https://www.rfc-editor.org/rfc/rfc9110#section-15.4",
                                            "https://www.rfc-editor.org/rfc/rfc6797#section-7.2"};
constexpr std::string_view kTlsReferences[] = {
    "https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html"};

Evidence step_evidence(const egress::Url& from, const egress::Url& to) {
  return evidence("url", "redirect", shown_url(from) + " -> " + shown_url(to));
}

// Calls `body` with every redirect of the chain, fetched or only recorded.
template <typename Body>
void each_step(const Chain& chain, Body body) {
  for (std::size_t i = 0; i < chain.hops.size(); ++i) {
    if (i + 1 < chain.hops.size()) {
      body(chain.hops[i].url, chain.hops[i + 1].url);
    } else if (chain.next && chain.hops[i].answer) {
      body(chain.hops[i].url, *chain.next);
    }
  }
}

CheckResult no_https(const Rule& rule, const Observations& seen) {
  if (seen.http.first_answer() == nullptr) return without_answer(seen.http, "http entry");
  if (seen.https.end == ChainEnd::budget) return skipped("the scan's request budget was spent");
  if (!seen.https_works()) return not_applicable("https does not serve the entry");
  const Hop* last = seen.http.final_hop();
  if (last == nullptr || last->url.scheme != "http") return {};
  const int status = last->answer->status;
  const bool is_first = seen.http.hops.size() == 1;
  // A 4xx to plain http refuses it, which is as good as a redirect.
  if (is_first && (status < 200 || status > 299)) return {};
  Detection detection = detection_of(rule, seen.http.hops.front().url, is_first ? "served" : "ends_on_http");
  detection.evidence.push_back(evidence("status", shown_url(last->url), std::to_string(status)));
  each_step(seen.http, [&](const egress::Url& from, const egress::Url& to) {
    detection.evidence.push_back(step_evidence(from, to));
  });
  return found(std::move(detection));
}

CheckResult first_hop_http(const Rule& rule, const Observations& seen) {
  if (seen.http.first_answer() == nullptr) return without_answer(seen.http, "http entry");
  const egress::Url* target = seen.http.first_target();
  if (target == nullptr || target->scheme != "http") return {};
  Detection detection = detection_of(rule, seen.http.hops.front().url);
  detection.evidence.push_back(step_evidence(seen.http.hops.front().url, *target));
  return found(std::move(detection));
}

CheckResult cross_host_first(const Rule& rule, const Observations& seen) {
  if (seen.http.first_answer() == nullptr) return without_answer(seen.http, "http entry");
  const egress::Url* target = seen.http.first_target();
  const egress::Url& first = seen.http.hops.front().url;
  if (target == nullptr || target->scheme != "https" || target->host == first.host) return {};
  Detection detection = detection_of(rule, first);
  detection.evidence.push_back(step_evidence(first, *target));
  return found(std::move(detection));
}

CheckResult downgrade(const Rule& rule, const Observations& seen) {
  if (seen.http.first_answer() == nullptr && seen.https.first_answer() == nullptr) {
    return without_page(seen, Wanted::page);
  }
  CheckResult result;
  for (const Chain* chain : {&seen.https, &seen.http}) {
    each_step(*chain, [&](const egress::Url& from, const egress::Url& to) {
      if (from.scheme != "https" || to.scheme != "http") return;
      Detection detection = detection_of(rule, from);
      for (const Detection& same : result.detections) {
        if (same.url == detection.url) return;
      }
      detection.evidence.push_back(step_evidence(from, to));
      result.detections.push_back(std::move(detection));
    });
  }
  return result;
}

CheckResult loop(const Rule& rule, const Observations& seen) {
  if (seen.http.first_answer() == nullptr && seen.https.first_answer() == nullptr) {
    return without_page(seen, Wanted::page);
  }
  for (const Chain* chain : {&seen.https, &seen.http}) {
    if (chain->end != ChainEnd::loop && chain->end != ChainEnd::too_many_hops) continue;
    Detection detection =
        detection_of(rule, chain->hops.front().url, chain->end == ChainEnd::loop ? "loop" : "too_many_hops");
    const Hop& last = chain->hops.back();
    if (chain->next) detection.evidence.push_back(step_evidence(last.url, *chain->next));
    detection.evidence.push_back(own_evidence("count", "requests", std::to_string(chain->hops.size())));
    return found(std::move(detection));
  }
  return {};
}

CheckResult tls_absent(const Rule& rule, const Observations& seen) {
  if (seen.https.end == ChainEnd::not_tried) {
    return not_applicable("the target names an http port only; no https port is known for it");
  }
  if (seen.https.first_answer() != nullptr || (seen.tls.handshake && *seen.tls.handshake)) return {};
  if (seen.https.end == ChainEnd::budget || seen.tls.is_out_of_budget) return skipped("the scan's budget was spent");
  if (!seen.tls.handshake) return not_applicable("no handshake was tried");
  const Error& error = seen.tls.handshake->error();
  // A timeout may be our network's; nothing listening, or something without TLS, is an answer.
  if (!seen.tls.is_absent()) return failed(error.message);
  if (!seen.http_page || !seen.http_page->is_html) return not_applicable("http does not serve a page either");
  Detection detection =
      detection_of(rule, seen.http_page->url, error.code == ErrorCode::bad_request ? "not_tls" : "no_listener");
  if (seen.is_local()) detection.severity = Severity::info;
  detection.evidence.push_back(evidence("handshake", seen.tls.url.origin(), error.message));
  return found(std::move(detection));
}

constexpr Check kChecks[] = {
    {{.id = "redir.no_https",
      .group = "redirects",
      .title = "Plain http is served although https works",
      .severity = Severity::medium,
      .cwe = 319,
      .asvs = "12.2.1",
      .profile = Profile::passive,
      .description = "Visitors who come by http stay there, and everything that they send and see can be read and "
                     "changed on the way.",
      .detection = "The http entry answers 2xx, or its redirects end on http, while the https entry works.",
      .remediation = "Answer every http request with 301 or 308 to the same path over https.",
      .references = kReferences},
     no_https},
    {{.id = "redir.first_hop_http",
      .group = "redirects",
      .title = "The first redirect from http stays on http",
      .severity = Severity::low,
      .cwe = 319,
      .asvs = "12.2.1",
      .profile = Profile::passive,
      .description = "Each additional hop over plain http is one more chance to take the visitor elsewhere.",
      .detection = "The first redirect of the http entry leads to another http URL.",
      .remediation = "Redirect to https first, then to the final host or path.",
      .references = kReferences},
     first_hop_http},
    {{.id = "redir.cross_host_first",
      .group = "redirects",
      .title = "The redirect to https changes the host at once",
      .severity = Severity::low,
      .cwe = 319,
      .asvs = "12.2.1",
      .profile = Profile::passive,
      .description = "The host that the visitor typed never answers over https, so it can never switch HSTS on for "
                     "itself.",
      .detection = "The first redirect of the http entry leads to https on another host.",
      .remediation = "Redirect http://host to https://host first, and from there to the other host.",
      .references = kReferences},
     cross_host_first},
    {{.id = "redir.downgrade",
      .group = "redirects",
      .title = "A redirect leads from https to http",
      .severity = Severity::high,
      .cwe = 319,
      .asvs = "12.2.1",
      .profile = Profile::passive,
      .description = "The visitor asked for an encrypted connection and is sent out of it.",
      .detection = "A hop of either chain leads from an https URL to an http URL.",
      .remediation = "Make the target of the redirect https. Behind a proxy, let the application know the original "
                     "scheme (Forwarded or X-Forwarded-Proto).",
      .references = kReferences},
     downgrade},
    {{.id = "redir.loop",
      .group = "redirects",
      .title = "The redirects do not end",
      .severity = Severity::info,
      .cwe = 835,
      .asvs = "",
      .profile = Profile::passive,
      .description = "Browsers give up, so the entry cannot be used; checks of the page could not run either.",
      .detection = "A URL comes back in its own chain of redirects, or there are more than ten.",
      .remediation = "Mend the rewrite rules; often a proxy ends TLS and the application redirects to https again "
                     "and again.",
      .references = kReferences},
     loop},
    {{.id = "tls.absent",
      .group = "tls",
      .title = "The site has no TLS",
      .severity = Severity::high,
      .cwe = 319,
      .asvs = "12.2.1",
      .profile = Profile::passive,
      .description = "Everything between the site and its visitors can be read and changed on the way.",
      .detection = "http serves a page and nothing speaks TLS on the https port. Info for loopback and private "
                   "addresses.",
      .remediation = "Get a certificate (an ACME client renews it by itself), serve https, redirect http to it.",
      .references = kTlsReferences},
     tls_absent},
};

}  // namespace

std::span<const Check> redirect_checks() { return kChecks; }

}  // namespace weir::tools::scans
