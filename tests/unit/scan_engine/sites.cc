#include "tests/unit/scan_engine/sites.h"

#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {

using std::chrono::days;

egress::Url url_of(std::string_view text) { return egress::Url::parse(text).value(); }

egress::HttpResponse response_of(int status, std::vector<std::pair<std::string, std::string>> headers,
                                 std::string body) {
  egress::HttpResponse response;
  response.status = status;
  response.http_version = "1.1";
  response.headers = std::move(headers);
  response.body = std::move(body);
  return response;
}

Chain chain_of(const std::vector<std::string>& redirects, std::string_view last_url, egress::HttpResponse last) {
  Chain chain;
  for (std::size_t i = 0; i < redirects.size(); ++i) {
    const std::string target = i + 1 < redirects.size() ? redirects[i + 1] : std::string(last_url);
    chain.hops.push_back({url_of(redirects[i]), response_of(301, {{"Location", target}})});
  }
  chain.hops.push_back({url_of(last_url), std::move(last)});
  chain.end = ChainEnd::answered;
  return chain;
}

Chain failed_chain(std::string_view url, Error error) {
  Chain chain;
  chain.hops.push_back({url_of(url), std::move(error)});
  chain.end = ChainEnd::failed;
  return chain;
}

Observations hardened_site() {
  Observations seen;
  seen.entry = url_of("https://app.example/");
  seen.pinned_address = "203.0.113.7";
  seen.now = from_unix_ms(1'795'000'000'000);
  const auto page = response_of(
      200,
      {{"Content-Type", "text/html; charset=utf-8"},
       {"Content-Security-Policy",
        "default-src 'self'; script-src 'nonce-r4nd0m' 'strict-dynamic'; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"},
       {"X-Content-Type-Options", "nosniff"},
       {"Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"},
       {"Referrer-Policy", "strict-origin-when-cross-origin"},
       {"Permissions-Policy", "camera=()"},
       {"Cross-Origin-Opener-Policy", "same-origin"},
       {"Cross-Origin-Embedder-Policy", "require-corp; report-to=\"coep\""},
       {"Cross-Origin-Resource-Policy", "same-origin"},
       {"Cache-Control", "no-store"},
       {"Server", "nginx"},
       {"Set-Cookie", "__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax"}},
      "<!doctype html><html><head><title>App</title></head><body><a href=\"/about\">about</a></body></html>");
  seen.https = chain_of({}, "https://app.example/", page);
  seen.http = chain_of({"http://app.example/"}, "https://app.example/", page);
  seen.security_txt =
      chain_of({}, "https://app.example/.well-known/security.txt",
               response_of(200, {{"Content-Type", "text/plain; charset=utf-8"}},
                           "Contact: mailto:security@app.example\r\nExpires: 2027-01-01T00:00:00Z\r\n"));
  seen.robots = chain_of({}, "https://app.example/robots.txt",
                         response_of(200, {{"Content-Type", "text/plain"}}, "User-agent: *\nDisallow: /search\n"));

  egress::Certificate leaf;
  leaf.subject = "CN=app.example";
  leaf.issuer = "CN=Example CA";
  leaf.sha256 = std::string(64, 'a');
  leaf.not_before = seen.now - days(30);
  leaf.not_after = seen.now + days(60);
  leaf.names = {"app.example"};
  leaf.key_type = "EC";
  leaf.key_bits = 256;
  leaf.signature_digest = "sha256";
  egress::Certificate intermediate = leaf;
  intermediate.subject = "CN=Example CA";
  intermediate.issuer = "CN=Example Root";
  intermediate.key_type = "RSA";
  intermediate.key_bits = 2048;
  egress::Handshake handshake;
  handshake.version = egress::TlsVersion::tls13;
  handshake.cipher = "TLS_AES_128_GCM_SHA256";
  handshake.chain = {leaf, intermediate};
  handshake.verify_message = "ok";
  handshake.name_matches = true;
  seen.tls.url = seen.entry;
  seen.tls.handshake = std::move(handshake);
  seen.tls.versions = {{egress::TlsVersion::tls10, egress::VersionSupport::refused},
                       {egress::TlsVersion::tls11, egress::VersionSupport::refused},
                       {egress::TlsVersion::tls12, egress::VersionSupport::accepted},
                       {egress::TlsVersion::tls13, egress::VersionSupport::accepted}};
  find_pages(seen);
  return seen;
}

egress::HttpResponse& page_response(Observations& seen) { return seen.https.hops.back().answer.value(); }

void drop_header(Observations& seen, std::string_view name) {
  std::erase_if(page_response(seen).headers, [&](const auto& header) { return ascii::equal(header.first, name); });
}

void add_header(Observations& seen, std::string_view name, std::string_view value) {
  page_response(seen).headers.emplace_back(name, value);
}

void set_header(Observations& seen, std::string_view name, std::string_view value) {
  drop_header(seen, name);
  add_header(seen, name, value);
}

void set_body(Observations& seen, std::string_view html) { page_response(seen).body = html; }

void set_cookie(Observations& seen, std::string_view line) {
  for (Chain* chain : {&seen.http, &seen.https}) {
    for (Hop& hop : chain->hops) {
      std::erase_if(hop.answer.value().headers, [](const auto& header) { return header.first == "Set-Cookie"; });
    }
  }
  add_header(seen, "Set-Cookie", line);
}

egress::Handshake& handshake_of(Observations& seen) { return seen.tls.handshake->value(); }

void drop_https(Observations& seen) {
  auto page = page_response(seen);
  seen.http = chain_of({}, "http://app.example/", std::move(page));
  seen.https = failed_chain("https://app.example/", Error(ErrorCode::unavailable, "connection refused"));
  seen.tls.handshake = Error(ErrorCode::unavailable, "connection refused");
  seen.tls.versions.clear();
}

RuleCase fires(std::string rule_id, std::string name, Severity severity, std::string detail, Arrange arrange) {
  return {std::move(rule_id), std::move(name), CheckState::ran, severity, std::move(detail), std::move(arrange)};
}
RuleCase quiet(std::string rule_id, std::string name, Arrange arrange) {
  return {std::move(rule_id), std::move(name), CheckState::ran, std::nullopt, "", std::move(arrange)};
}
RuleCase unable(std::string rule_id, std::string name, CheckState state, Arrange arrange) {
  return {std::move(rule_id), std::move(name), state, std::nullopt, "", std::move(arrange)};
}

std::vector<RuleCase> all_cases() {
  std::vector<RuleCase> all;
  for (auto& group : {header_cases(), cookie_cases(), transport_cases(), certificate_cases(), disclosure_cases()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace weir::tools::scans
