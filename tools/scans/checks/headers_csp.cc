// hdr.csp.*: what the Content Security Policy of the entry page lets through.
#include <algorithm>
#include <array>

#include "tools/scans/checks/ascii.h"
#include "tools/scans/checks/csp.h"
#include "tools/scans/checks/evidence.h"
#include "tools/scans/checks/groups.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kReferences[] = {
    "https://www.w3.org/TR/CSP3/",
    "https://cheatsheetseries.owasp.org/cheatsheets/Content_Security_Policy_Cheat_Sheet.html"};

CheckResult without_policy() { return not_applicable("no policy is enforced; hdr.csp.missing says so"); }

// One "name source source" line a policy, as far as the directive is there.
void add_directives(Detection& detection, const CspSet& set, std::string_view name) {
  for (const CspPolicy& policy : set.enforced) {
    std::string_view shown = name;
    const auto* sources = policy.find(name);
    if (sources == nullptr) {
      sources = policy.find("default-src");
      shown = "default-src";
    }
    std::string text = sources == nullptr ? "(neither " + std::string(name) + " nor default-src)" : std::string(shown);
    if (sources != nullptr) {
      for (const std::string& source : *sources) text += " " + source;
    }
    const std::string_view label = policy.is_from_meta ? "Content-Security-Policy (meta)" : "Content-Security-Policy";
    detection.evidence.push_back(header_evidence(label, text));
  }
}

CheckResult missing(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const CspSet set = csp_of(*doc);
  if (!set.enforced.empty()) return {};
  // A meta that holds only what may not stand there looks like a policy and is none.
  const bool is_ignored_meta = !doc->html.csp_metas.empty();
  Detection detection = detection_of(rule, doc->url, is_ignored_meta ? "meta_without_effect" : "");
  for (const std::string& content : doc->html.csp_metas) {
    detection.evidence.push_back(evidence("html", "meta Content-Security-Policy", content));
  }
  if (detection.evidence.empty()) {
    detection.evidence.push_back(own_evidence("header", "Content-Security-Policy", "(absent)"));
  }
  return found(std::move(detection));
}

CheckResult report_only(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const CspSet set = csp_of(*doc);
  if (set.report_only.empty() || !set.enforced.empty()) return {};
  Detection detection = detection_of(rule, doc->url);
  for (const auto line : doc->response.header_values("content-security-policy-report-only")) {
    detection.evidence.push_back(header_evidence("Content-Security-Policy-Report-Only", line));
  }
  return found(std::move(detection));
}

CheckResult unsafe_script(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const CspSet set = csp_of(*doc);
  if (set.enforced.empty()) return without_policy();
  const auto all = [&set](bool ScriptSources::*weakness) {
    return std::ranges::all_of(set.enforced, [&](const CspPolicy& policy) { return script_sources(policy).*weakness; });
  };
  std::string_view detail;
  if (all(&ScriptSources::is_unrestricted)) {
    detail = "no_script_src";
  } else if (all(&ScriptSources::allows_inline)) {
    detail = "unsafe_inline";
  } else if (all(&ScriptSources::allows_any_host)) {
    detail = "any_host";
  } else if (all(&ScriptSources::allows_data)) {
    detail = "data_scheme";
  } else {
    return {};
  }
  Detection detection = detection_of(rule, doc->url, std::string(detail));
  add_directives(detection, set, "script-src");
  return found(std::move(detection));
}

CheckResult unsafe_eval(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const CspSet set = csp_of(*doc);
  if (set.enforced.empty()) return without_policy();
  const auto eval_allowed = [](const CspPolicy& policy) { return script_sources(policy).allows_eval; };
  // A policy that says nothing about scripts allows eval too, but is what unsafe_script reports.
  const auto eval_named = [&](const CspPolicy& policy) {
    return eval_allowed(policy) && !script_sources(policy).is_unrestricted;
  };
  if (!std::ranges::all_of(set.enforced, eval_allowed) || !std::ranges::any_of(set.enforced, eval_named)) return {};
  Detection detection = detection_of(rule, doc->url);
  add_directives(detection, set, "script-src");
  return found(std::move(detection));
}

CheckResult insecure_scheme(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  if (doc->url.scheme != "https") return not_applicable("the entry page is not served over https");
  const CspSet set = csp_of(*doc);
  if (set.enforced.empty()) return without_policy();
  bool is_active = false;
  std::vector<Evidence> lines;
  for (const CspPolicy& policy : set.enforced) {
    for (const auto& [name, sources] : policy.directives) {
      if (!name.ends_with("-src") && name != "script-src-elem" && name != "style-src-elem" && name != "base-uri" &&
          name != "form-action" && name != "frame-ancestors") {
        continue;  // report-uri and the like hold URLs that load nothing into the page
      }
      const auto source = std::ranges::find_if(sources, is_insecure_source);
      if (source == sources.end()) continue;
      is_active = is_active || (name != "img-src" && name != "media-src");
      lines.push_back(header_evidence("Content-Security-Policy", name + " " + *source));
    }
  }
  if (lines.empty()) return {};
  Detection detection = detection_of(rule, doc->url, is_active ? "active" : "passive");
  if (!is_active) detection.severity = Severity::low;
  lines.resize(std::min<std::size_t>(lines.size(), 8));
  detection.evidence = std::move(lines);
  return found(std::move(detection));
}

CheckResult base_object(const Rule& rule, const Observations& seen) {
  const Page* doc = seen.doc();
  if (doc == nullptr) return without_page(seen, Wanted::doc);
  const CspSet set = csp_of(*doc);
  if (set.enforced.empty()) return without_policy();
  const bool base_is_open = std::ranges::all_of(set.enforced, [](const CspPolicy& policy) {
    const auto* sources = policy.find("base-uri");  // does not fall back to default-src
    return sources == nullptr || is_broad(*sources);
  });
  const bool object_is_open = std::ranges::all_of(
      set.enforced, [](const CspPolicy& policy) { return is_broad(policy.effective("object-src")); });
  if (!base_is_open && !object_is_open) return {};
  Detection detection = detection_of(rule, doc->url,
                                     !object_is_open ? "base_uri"
                                     : !base_is_open ? "object_src"
                                                     : "base_uri_and_object_src");
  if (object_is_open) add_directives(detection, set, "object-src");
  if (base_is_open) {
    detection.evidence.push_back(own_evidence("header", "Content-Security-Policy", "(no restrictive base-uri)"));
  }
  return found(std::move(detection));
}

constexpr Check kChecks[] = {
    {{.id = "hdr.csp.missing",
      .group = "headers",
      .title = "No Content Security Policy is enforced",
      .severity = Severity::medium,
      .cwe = 693,
      .asvs = "3.4.3",
      .profile = Profile::passive,
      .description = "Without a policy the browser runs any script that reaches the page, so one injection flaw is "
                     "enough to act as the user.",
      .detection = "The entry page has neither an enforcing Content-Security-Policy header nor a valid meta policy.",
      .remediation = "Send a nonce-based policy as Content-Security-Policy-Report-Only first, mend what it reports, "
                     "then send it as Content-Security-Policy. A good start: script-src 'nonce-<random>' "
                     "'strict-dynamic'; object-src 'none'; base-uri 'none'.",
      .references = kReferences},
     missing},
    {{.id = "hdr.csp.report_only",
      .group = "headers",
      .title = "The Content Security Policy only reports",
      .severity = Severity::low,
      .cwe = 693,
      .asvs = "3.4.3",
      .profile = Profile::passive,
      .description = "A report-only policy blocks nothing: violations are reported while the attack goes through.",
      .detection = "The entry page has a Content-Security-Policy-Report-Only header and no enforcing policy.",
      .remediation = "Once the reports are quiet, send the same policy as Content-Security-Policy.",
      .references = kReferences},
     report_only},
    {{.id = "hdr.csp.unsafe_script",
      .group = "headers",
      .title = "The Content Security Policy does not hold scripts back",
      .severity = Severity::medium,
      .cwe = 693,
      .asvs = "3.4.3",
      .profile = Profile::passive,
      .description = "If inline scripts or scripts from any host are allowed, the policy does not stop injected code, "
                     "which is its main purpose.",
      .detection = "The effective script source (script-src, else default-src, else everything) of every enforced "
                   "policy has 'unsafe-inline' without nonce or hash, or *, http:, https: or data:.",
      .remediation = "Allow scripts by nonce or hash, add 'strict-dynamic' where scripts load scripts, and drop "
                     "'unsafe-inline', *, and bare schemes.",
      .references = kReferences},
     unsafe_script},
    {{.id = "hdr.csp.unsafe_eval",
      .group = "headers",
      .title = "The Content Security Policy allows eval",
      .severity = Severity::low,
      .cwe = 693,
      .asvs = "3.4.3",
      .profile = Profile::passive,
      .description = "'unsafe-eval' lets text become code, so a string that an attacker controls can run.",
      .detection = "The effective script-src of the enforced policies has 'unsafe-eval'.",
      .remediation = "Replace eval, new Function and string timers (often a build setting of a template library), "
                     "then drop 'unsafe-eval'. For WebAssembly alone use 'wasm-unsafe-eval'.",
      .references = kReferences},
     unsafe_eval},
    {{.id = "hdr.csp.insecure_scheme",
      .group = "headers",
      .title = "The Content Security Policy allows loads over http",
      .severity = Severity::medium,
      .cwe = 319,
      .asvs = "3.4.3",
      .profile = Profile::passive,
      .description = "What is loaded without TLS can be read and replaced on the way.",
      .detection = "The page is served over https and a directive of its policy names http: or ftp: (a scheme, or a "
                   "host behind one). Only img-src and media-src: low.",
      .remediation = "Name the hosts with https:, and add upgrade-insecure-requests while old links remain.",
      .references = kReferences},
     insecure_scheme},
    {{.id = "hdr.csp.base_object",
      .group = "headers",
      .title = "The Content Security Policy leaves base-uri or object-src open",
      .severity = Severity::low,
      .cwe = 693,
      .asvs = "3.4.3",
      .profile = Profile::passive,
      .description = "An injected <base> redirects the page's relative scripts, and plugins run code: both get around "
                     "an otherwise strict script-src.",
      .detection = "No enforced policy has a restrictive base-uri, or none has a restrictive object-src (or "
                   "default-src in its place).",
      .remediation = "Add object-src 'none'; base-uri 'none' (or 'self' if the site uses <base>).",
      .references = kReferences},
     base_object},
};

}  // namespace

std::span<const Check> csp_checks() { return kChecks; }

}  // namespace weir::tools::scans
