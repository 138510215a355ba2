#include "tools/scans/checks/csp.h"

#include <algorithm>

#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {
namespace {

CspPolicy parse_policy(std::string_view text) {
  CspPolicy policy;
  for (const std::string_view part : ascii::split(text, ';')) {
    const auto words = ascii::words(part);
    if (words.empty()) continue;
    std::string name = ascii::lowered(words.front());
    if (policy.find(name) != nullptr) continue;  // CSP3 §2.2.1: later ones of a name are ignored
    std::vector<std::string> sources;
    for (std::size_t i = 1; i < words.size(); ++i) sources.push_back(ascii::lowered(words[i]));
    policy.directives.emplace_back(std::move(name), std::move(sources));
  }
  return policy;
}

bool is_nonce_or_hash(std::string_view source) {
  return source.starts_with("'nonce-") || source.starts_with("'sha256-") || source.starts_with("'sha384-") ||
         source.starts_with("'sha512-");
}

bool has(const std::vector<std::string>& sources, std::string_view wanted) {
  return std::ranges::find(sources, wanted) != sources.end();
}

}  // namespace

const std::vector<std::string>* CspPolicy::find(std::string_view name) const {
  for (const auto& [directive, sources] : directives) {
    if (directive == name) return &sources;
  }
  return nullptr;
}

std::optional<std::vector<std::string>> CspPolicy::effective(std::string_view name) const {
  if (const auto* sources = find(name)) return *sources;
  if (const auto* sources = find("default-src")) return *sources;
  return std::nullopt;
}

std::vector<CspPolicy> parse_csp_list(std::string_view text) {
  std::vector<CspPolicy> policies;
  for (const std::string_view part : ascii::split(text, ',')) {
    CspPolicy policy = parse_policy(part);
    if (!policy.directives.empty()) policies.push_back(std::move(policy));
  }
  return policies;
}

CspSet csp_of(const Page& page) {
  CspSet set;
  const auto add = [](std::vector<CspPolicy>& to, std::string_view line) {
    for (CspPolicy& policy : parse_csp_list(line)) to.push_back(std::move(policy));
  };
  for (const auto line : page.response.header_values("content-security-policy")) add(set.enforced, line);
  for (const auto line : page.response.header_values("content-security-policy-report-only")) add(set.report_only, line);
  for (const std::string& content : page.html.csp_metas) {
    CspPolicy policy = parse_policy(content);  // one policy: a comma is not a separator in <meta>
    policy.is_from_meta = true;
    std::erase_if(policy.directives, [](const auto& directive) {
      return directive.first == "frame-ancestors" || directive.first == "report-uri" || directive.first == "sandbox";
    });
    if (!policy.directives.empty()) set.enforced.push_back(std::move(policy));
  }
  return set;
}

ScriptSources script_sources(const CspPolicy& policy) {
  auto sources = policy.effective("script-src");
  if (!sources) {
    return {.allows_inline = true,
            .allows_any_host = true,
            .allows_data = true,
            .allows_eval = true,
            .is_unrestricted = true};
  }
  const bool has_nonce_or_hash = std::ranges::any_of(*sources, is_nonce_or_hash);
  if (has_nonce_or_hash && has(*sources, "'strict-dynamic'")) {
    // CSP3 §6.7.1.1: hosts, schemes, 'self' and 'unsafe-inline' then count for nothing.
    std::erase_if(*sources, [](std::string_view source) {
      return !source.starts_with('\'') || source == "'self'" || source == "'unsafe-inline'";
    });
  }
  return {.allows_inline = has(*sources, "'unsafe-inline'") && !has_nonce_or_hash,
          .allows_any_host = has(*sources, "*") || has(*sources, "http:") || has(*sources, "https:"),
          .allows_data = has(*sources, "data:"),
          .allows_eval = has(*sources, "'unsafe-eval'"),
          .is_unrestricted = false};
}

bool is_broad(const std::optional<std::vector<std::string>>& sources) {
  if (!sources) return true;
  return std::ranges::any_of(*sources, [](std::string_view source) {
    return source == "*" || (source.ends_with(':') && !source.starts_with('\''));
  });
}

bool is_insecure_source(std::string_view source) {
  return source == "http:" || source == "ftp:" || source.starts_with("http://") || source.starts_with("ftp://");
}

}  // namespace weir::tools::scans
