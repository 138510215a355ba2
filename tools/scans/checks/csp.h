// Content Security Policy Level 3: parsing, and the questions that the checks ask. Several policies apply together:
// a load must pass all of them, so a weakness counts only if no enforced policy closes it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/scans/checks/observations.h"

namespace weir::tools::scans {

// One serialised policy. Names and sources are lower case. Not thread-safe: a value.
struct CspPolicy {
  std::vector<std::pair<std::string, std::vector<std::string>>> directives;  // the first of a name counts
  bool is_from_meta = false;

  // Null if the directive is absent.
  [[nodiscard]] const std::vector<std::string>* find(std::string_view name) const;
  // `name`, else default-src; nothing if neither is there, which allows everything.
  [[nodiscard]] std::optional<std::vector<std::string>> effective(std::string_view name) const;
};

struct CspSet {
  std::vector<CspPolicy> enforced;  // of headers, then of <meta>
  std::vector<CspPolicy> report_only;
};

// A comma-separated list as one header line holds it (CSP3 §2.2.1). Policies without a directive are left out.
std::vector<CspPolicy> parse_csp_list(std::string_view text);
// <meta> policies lose frame-ancestors, report-uri and sandbox, which may not stand there (CSP3 §3.3).
CspSet csp_of(const Page& page);

// What one policy lets scripts do (CSP3 §6.7.3).
struct ScriptSources {
  bool allows_inline = false;    // 'unsafe-inline' without nonce or hash, or no restriction at all
  bool allows_any_host = false;  // *, http: or https:
  bool allows_data = false;      // data:
  bool allows_eval = false;
  bool is_unrestricted = false;  // neither script-src nor default-src
};
ScriptSources script_sources(const CspPolicy& policy);

// True for *, a scheme such as https: or data:, and no list at all.
bool is_broad(const std::optional<std::vector<std::string>>& sources);
// "http:", "ftp:", or a host behind one of them.
bool is_insecure_source(std::string_view source);

}  // namespace weir::tools::scans
