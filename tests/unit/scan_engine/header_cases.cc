#include "tests/unit/scan_engine/sites.h"

namespace weir::tools::scans {
namespace {

using enum Severity;
using S = Observations;

constexpr std::string_view kCsp = "Content-Security-Policy";
constexpr std::string_view kHsts = "Strict-Transport-Security";

Arrange csp(std::string policy) {
  return [policy](S& s) { set_header(s, kCsp, policy); };
}
Arrange header(std::string name, std::string value) {
  return [name, value](S& s) { set_header(s, name, value); };
}
Arrange without(std::string name) {
  return [name](S& s) { drop_header(s, name); };
}
Arrange meta_csp(std::string head) {
  return [head](S& s) {
    drop_header(s, kCsp);
    set_body(s, "<!doctype html><html><head>" + head + "</head><body></body></html>");
  };
}

std::vector<RuleCase> csp_cases() {
  return {
      fires("hdr.csp.missing", "no header", medium, "", without("Content-Security-Policy")),
      fires("hdr.csp.missing", "meta holds only frame-ancestors", medium, "meta_without_effect",
            meta_csp("<meta http-equiv=content-security-policy content=\"frame-ancestors 'none'\">")),
      fires("hdr.csp.missing", "meta stands in the body", medium, "",
            [](S& s) {
              drop_header(s, kCsp);
              set_body(s,
                       "<html><head></head><body><meta http-equiv=Content-Security-Policy content=\"default-src "
                       "'none'\"></body></html>");
            }),
      fires("hdr.csp.missing", "empty header", medium, "", csp(" ; ")),
      quiet("hdr.csp.missing", "meta in the head counts",
            meta_csp("<META HTTP-EQUIV='Content-Security-Policy' CONTENT='default-src &#39;self&#39;'>")),
      quiet("hdr.csp.missing", "header", [](S&) {}),
      unable("hdr.csp.missing", "JSON is no document", CheckState::not_applicable,
             [](S& s) {
               s.http = {};
               set_header(s, "Content-Type", "application/json");
             }),
      unable("hdr.csp.missing", "error page", CheckState::not_applicable,
             [](S& s) {
               page_response(s).status = 404;
               s.http.hops.back().answer.value().status = 404;
             }),
      unable("hdr.csp.missing", "budget spent", CheckState::skipped,
             [](S& s) {
               s.http = {};
               s.https.hops.clear();
               s.https.end = ChainEnd::budget;
             }),
      unable("hdr.csp.missing", "nothing answered", CheckState::error,
             [](S& s) {
               s.http = {};
               s.https = failed_chain("https://app.example/", Error(ErrorCode::timed_out, "no answer in 15 s"));
             }),

      fires("hdr.csp.report_only", "only report-only", low, "",
            [](S& s) {
              drop_header(s, kCsp);
              add_header(s, "Content-Security-Policy-Report-Only", "default-src 'self'");
            }),
      quiet("hdr.csp.report_only", "both", header("Content-Security-Policy-Report-Only", "default-src 'self'")),
      quiet("hdr.csp.report_only", "neither", without("Content-Security-Policy")),

      fires("hdr.csp.unsafe_script", "unsafe-inline", medium, "unsafe_inline",
            csp("script-src 'self' 'unsafe-inline'")),
      fires("hdr.csp.unsafe_script", "from default-src", medium, "unsafe_inline", csp("default-src 'UNSAFE-INLINE'")),
      fires("hdr.csp.unsafe_script", "star", medium, "any_host", csp("script-src *")),
      fires("hdr.csp.unsafe_script", "https scheme", medium, "any_host", csp("script-src https:")),
      fires("hdr.csp.unsafe_script", "http scheme", medium, "any_host", csp("script-src http:")),
      fires("hdr.csp.unsafe_script", "data scheme", medium, "data_scheme", csp("script-src 'self' data:")),
      fires("hdr.csp.unsafe_script", "neither script-src nor default-src", medium, "no_script_src",
            csp("img-src 'self'")),
      fires("hdr.csp.unsafe_script", "the first script-src counts", medium, "any_host",
            csp("script-src *; script-src 'none'")),
      fires("hdr.csp.unsafe_script", "nonce without strict-dynamic leaves the star", medium, "any_host",
            csp("script-src 'nonce-a' *")),
      quiet("hdr.csp.unsafe_script", "nonce switches unsafe-inline off", csp("script-src 'nonce-a' 'unsafe-inline'")),
      quiet("hdr.csp.unsafe_script", "hash switches unsafe-inline off",
            csp("script-src 'sha256-AAAA' 'unsafe-inline'")),
      quiet("hdr.csp.unsafe_script", "strict-dynamic drops hosts and schemes",
            csp("script-src 'nonce-a' 'strict-dynamic' https: * 'unsafe-inline'")),
      quiet("hdr.csp.unsafe_script", "a second policy closes it",
            [](S& s) {
              set_header(s, kCsp, "script-src *");
              add_header(s, kCsp, "script-src 'self'");
            }),
      quiet("hdr.csp.unsafe_script", "two policies in one line", csp("script-src *, script-src 'self'")),
      quiet("hdr.csp.unsafe_script", "named hosts", csp("script-src 'self' https://cdn.example")),
      unable("hdr.csp.unsafe_script", "no policy", CheckState::not_applicable, without("Content-Security-Policy")),

      fires("hdr.csp.unsafe_eval", "in script-src", low, "", csp("script-src 'self' 'unsafe-eval'")),
      fires("hdr.csp.unsafe_eval", "in default-src", low, "", csp("default-src 'self' 'unsafe-eval'")),
      fires("hdr.csp.unsafe_eval", "with strict-dynamic", low, "",
            csp("script-src 'nonce-a' 'strict-dynamic' 'unsafe-eval'")),
      quiet("hdr.csp.unsafe_eval", "script-src overrides default-src",
            csp("default-src 'unsafe-eval'; script-src 'self'")),
      quiet("hdr.csp.unsafe_eval", "wasm only", csp("script-src 'wasm-unsafe-eval'")),
      quiet("hdr.csp.unsafe_eval", "no script policy", csp("img-src *")),
      unable("hdr.csp.unsafe_eval", "no policy", CheckState::not_applicable, without("Content-Security-Policy")),

      fires("hdr.csp.insecure_scheme", "active", medium, "active", csp("connect-src http://api.example")),
      fires("hdr.csp.insecure_scheme", "default-src", medium, "active", csp("default-src 'self' http:")),
      fires("hdr.csp.insecure_scheme", "ftp", medium, "active", csp("default-src ftp:")),
      fires("hdr.csp.insecure_scheme", "images only", low, "passive", csp("img-src http:; script-src 'self'")),
      quiet("hdr.csp.insecure_scheme", "report-uri loads nothing",
            csp("default-src 'self'; report-uri http://r.example/")),
      quiet("hdr.csp.insecure_scheme", "https sources", csp("default-src https:")),
      unable("hdr.csp.insecure_scheme", "http page", CheckState::not_applicable, drop_https),

      fires("hdr.csp.base_object", "both open", low, "base_uri_and_object_src", csp("script-src 'self'")),
      fires("hdr.csp.base_object", "no base-uri", low, "base_uri", csp("default-src 'self'")),
      fires("hdr.csp.base_object", "broad object-src", low, "object_src", csp("object-src *; base-uri 'self'")),
      fires("hdr.csp.base_object", "broad base-uri", low, "base_uri", csp("object-src 'none'; base-uri https:")),
      quiet("hdr.csp.base_object", "object-src falls back", csp("default-src 'none'; base-uri 'none'")),
      unable("hdr.csp.base_object", "no policy", CheckState::not_applicable, without("Content-Security-Policy")),
  };
}

std::vector<RuleCase> hsts_cases() {
  return {
      fires("hdr.hsts.missing", "absent", medium, "", without("Strict-Transport-Security")),
      quiet("hdr.hsts.missing", "present", [](S&) {}),
      quiet("hdr.hsts.missing", "present though invalid", header("Strict-Transport-Security", "nonsense")),
      unable("hdr.hsts.missing", "address in place of a name", CheckState::not_applicable,
             [](S& s) {
               drop_header(s, kHsts);
               s.is_ip_literal = true;
             }),
      unable("hdr.hsts.missing", "loopback", CheckState::not_applicable,
             [](S& s) {
               drop_header(s, kHsts);
               s.address_class = egress::AddressClass::loopback;
             }),
      unable("hdr.hsts.missing", "untrusted certificate", CheckState::not_applicable,
             [](S& s) {
               drop_header(s, kHsts);
               handshake_of(s).verify_code = 18;
             }),
      unable("hdr.hsts.missing", "certificate for another name", CheckState::not_applicable,
             [](S& s) {
               drop_header(s, kHsts);
               handshake_of(s).name_matches = false;
             }),
      unable("hdr.hsts.missing", "connection budget spent", CheckState::skipped,
             [](S& s) {
               drop_header(s, kHsts);
               s.tls.handshake.reset();
               s.tls.is_out_of_budget = true;
             }),
      unable("hdr.hsts.missing", "no https answer", CheckState::error, drop_https),

      fires("hdr.hsts.weak", "short", low, "short_max_age", header("Strict-Transport-Security", "max-age=15551999")),
      fires("hdr.hsts.weak", "under a year", info, "under_a_year",
            header("Strict-Transport-Security", "max-age=15552000")),
      fires("hdr.hsts.weak", "zero", medium, "max_age_zero",
            header("Strict-Transport-Security", "max-age=0; includeSubDomains")),
      fires("hdr.hsts.weak", "no max-age", medium, "invalid", header("Strict-Transport-Security", "includeSubDomains")),
      fires("hdr.hsts.weak", "not a number", medium, "invalid", header("Strict-Transport-Security", "max-age=1y")),
      fires("hdr.hsts.weak", "negative", medium, "invalid", header("Strict-Transport-Security", "max-age=-1")),
      fires("hdr.hsts.weak", "duplicate max-age", medium, "invalid",
            header("Strict-Transport-Security", "max-age=31536000; max-age=31536000")),
      fires("hdr.hsts.weak", "joined by a comma", medium, "invalid",
            header("Strict-Transport-Security", "max-age=31536000, max-age=31536000")),
      quiet("hdr.hsts.weak", "a year, quoted", header("Strict-Transport-Security", "Max-Age=\"31536000\"")),
      quiet("hdr.hsts.weak", "longer than any number",
            header("Strict-Transport-Security", "max-age=99999999999999999999")),
      quiet("hdr.hsts.weak", "the first of two headers counts", [](S& s) { add_header(s, kHsts, "max-age=0"); }),
      unable("hdr.hsts.weak", "absent", CheckState::not_applicable, without("Strict-Transport-Security")),

      fires("hdr.hsts.preload_unready", "without subdomains", info, "subdomains",
            header("Strict-Transport-Security", "max-age=31536000; preload")),
      fires("hdr.hsts.preload_unready", "short", info, "max_age",
            header("Strict-Transport-Security", "max-age=15552000; includeSubDomains; preload")),
      quiet("hdr.hsts.preload_unready", "ready", [](S&) {}),
      quiet("hdr.hsts.preload_unready", "does not ask", header("Strict-Transport-Security", "max-age=1")),
  };
}

std::vector<RuleCase> page_cases() {
  constexpr std::string_view kNoFrames = "default-src 'self'; base-uri 'none'";
  return {
      fires("hdr.frame.missing", "neither", medium, "missing", csp(std::string(kNoFrames))),
      fires("hdr.frame.missing", "allow-from", medium, "allow_from",
            [=](S& s) {
              set_header(s, kCsp, kNoFrames);
              add_header(s, "X-Frame-Options", "ALLOW-FROM https://a.example");
            }),
      fires("hdr.frame.missing", "duplicate", medium, "duplicate",
            [=](S& s) {
              set_header(s, kCsp, kNoFrames);
              add_header(s, "X-Frame-Options", "DENY");
              add_header(s, "X-Frame-Options", "SAMEORIGIN");
            }),
      fires("hdr.frame.missing", "unknown value", medium, "invalid",
            [=](S& s) {
              set_header(s, kCsp, kNoFrames);
              add_header(s, "X-Frame-Options", "DENY, SAMEORIGIN");
            }),
      fires("hdr.frame.missing", "meta", medium, "meta",
            [=](S& s) {
              set_header(s, kCsp, kNoFrames);
              set_body(s, "<head><meta http-equiv=x-frame-options content=DENY></head>");
            }),
      fires(
          "hdr.frame.missing", "frame-ancestors in meta", medium, "missing",
          meta_csp("<meta http-equiv=Content-Security-Policy content=\"default-src 'self'; frame-ancestors 'none'\">")),
      quiet("hdr.frame.missing", "frame-ancestors", [](S&) {}),
      quiet("hdr.frame.missing", "exact X-Frame-Options",
            [=](S& s) {
              set_header(s, kCsp, kNoFrames);
              add_header(s, "X-Frame-Options", " sameorigin ");
            }),

      fires("hdr.nosniff.missing", "absent", low, "missing", without("X-Content-Type-Options")),
      fires("hdr.nosniff.missing", "misspelt", low, "invalid", header("X-Content-Type-Options", "no-sniff")),
      quiet("hdr.nosniff.missing", "any case", header("X-Content-Type-Options", "NoSniff")),
      quiet("hdr.nosniff.missing", "first of a list", header("X-Content-Type-Options", "nosniff, nosniff")),

      fires("hdr.referrer.unsafe", "unsafe-url", low, "unsafe", header("Referrer-Policy", "unsafe-url")),
      fires("hdr.referrer.unsafe", "origin", low, "unsafe", header("Referrer-Policy", "Origin")),
      fires("hdr.referrer.unsafe", "the last valid one counts", low, "unsafe",
            header("Referrer-Policy", "no-referrer, origin-when-cross-origin, new-fangled")),
      fires("hdr.referrer.unsafe", "nothing valid", low, "invalid", header("Referrer-Policy", "none")),
      fires("hdr.referrer.unsafe", "missing", info, "missing", without("Referrer-Policy")),
      quiet("hdr.referrer.unsafe", "fallback, then a safe one", header("Referrer-Policy", "unsafe-url, same-origin")),

      fires("hdr.permissions.missing", "absent", info, "", without("Permissions-Policy")),
      quiet("hdr.permissions.missing", "present", [](S&) {}),

      fires("hdr.isolation.invalid", "quoted", low, "invalid", header("Cross-Origin-Opener-Policy", "\"same-origin\"")),
      fires("hdr.isolation.invalid", "wrong case", low, "invalid", header("Cross-Origin-Opener-Policy", "Same-Origin")),
      fires("hdr.isolation.invalid", "unknown value", low, "invalid", header("Cross-Origin-Embedder-Policy", "on")),
      fires("hdr.isolation.invalid", "parameters on CORP", low, "invalid",
            header("Cross-Origin-Resource-Policy", "same-site; x=1")),
      fires("hdr.isolation.invalid", "duplicate", low, "duplicate",
            [](S& s) { add_header(s, "Cross-Origin-Opener-Policy", "same-origin"); }),
      fires("hdr.isolation.invalid", "missing", info, "missing", without("Cross-Origin-Embedder-Policy")),
      quiet("hdr.isolation.invalid", "token with parameters",
            header("Cross-Origin-Opener-Policy", "same-origin-allow-popups; report-to=\"x\"")),

      fires("hdr.ctype.bad", "no type", low, "missing", without("Content-Type")),
      fires("hdr.ctype.bad", "no charset", info, "no_charset", header("Content-Type", "text/html")),
      fires("hdr.ctype.bad", "empty charset", info, "no_charset", header("Content-Type", "text/html; charset=")),
      quiet("hdr.ctype.bad", "no body needs no type",
            [](S& s) {
              drop_header(s, "Content-Type");
              set_body(s, "");
            }),
      quiet("hdr.ctype.bad", "JSON needs no charset", header("Content-Type", "application/json")),
      quiet("hdr.ctype.bad", "declared", [](S&) {}),

      fires("hdr.cache.sensitive", "session cookie", low, "session_cookie",
            header("Cache-Control", "public, max-age=60")),
      fires("hdr.cache.sensitive", "no Cache-Control", low, "session_cookie", without("Cache-Control")),
      fires("hdr.cache.sensitive", "password field", low, "password_field",
            [](S& s) {
              set_cookie(s, "theme=dark; Secure; HttpOnly; SameSite=Lax");
              drop_header(s, "Cache-Control");
              set_body(s, "<form><input name=p TYPE=Password></form>");
            }),
      quiet("hdr.cache.sensitive", "private", header("Cache-Control", "max-age=0, Private")),
      quiet("hdr.cache.sensitive", "nothing sensitive",
            [](S& s) {
              set_cookie(s, "theme=dark");
              drop_header(s, "Cache-Control");
            }),
      quiet("hdr.cache.sensitive", "a deleted session cookie",
            [](S& s) {
              set_cookie(s, "sid=; Max-Age=0");
              drop_header(s, "Cache-Control");
            }),

      fires("hdr.deprecated", "XSS filter on", info, "", header("X-XSS-Protection", "1; mode=block")),
      fires("hdr.deprecated", "key pins", info, "", header("Public-Key-Pins", "pin-sha256=\"x\"; max-age=1")),
      fires("hdr.deprecated", "Expect-CT", info, "", header("Expect-CT", "max-age=1")),
      fires("hdr.deprecated", "Feature-Policy", info, "", header("Feature-Policy", "camera 'none'")),
      quiet("hdr.deprecated", "XSS filter off", header("X-XSS-Protection", "0")),
  };
}

}  // namespace

std::vector<RuleCase> header_cases() {
  std::vector<RuleCase> cases = csp_cases();
  for (auto& more : {hsts_cases(), page_cases()}) cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace weir::tools::scans
