// Observations of sites that do not exist, and the words in which rule cases change them.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/scans/checks/check.h"

namespace weir::tools::scans {

// https://app.example/ as it should be: redirect from http, strict headers, one good cookie, TLS 1.2 and 1.3, a
// certificate with 60 of 90 days left.
Observations hardened_site();

egress::Url url_of(std::string_view text);
egress::HttpResponse response_of(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                                 std::string body = "");
// A chain of the given steps that ends in `last`.
Chain chain_of(const std::vector<std::string>& redirects, std::string_view last_url, egress::HttpResponse last);
Chain failed_chain(std::string_view url, Error error);

// The final https response.
egress::HttpResponse& page_response(Observations& seen);
void set_header(Observations& seen, std::string_view name, std::string_view value);
void add_header(Observations& seen, std::string_view name, std::string_view value);
void drop_header(Observations& seen, std::string_view name);
void set_body(Observations& seen, std::string_view html);
// Replaces the site's cookies by this one.
void set_cookie(Observations& seen, std::string_view line);
egress::Handshake& handshake_of(Observations& seen);
// The site without https: the page is served over http, nothing listens on 443.
void drop_https(Observations& seen);

// What one rule must say about a changed hardened site.
struct RuleCase {
  std::string rule_id;
  std::string name;
  CheckState state = CheckState::ran;
  std::optional<Severity> severity;  // of its first detection; nothing: no detection
  std::string detail;
  std::function<void(Observations&)> arrange;
};

using Arrange = std::function<void(Observations&)>;
RuleCase fires(std::string rule_id, std::string name, Severity severity, std::string detail, Arrange arrange);
RuleCase quiet(std::string rule_id, std::string name, Arrange arrange);
RuleCase unable(std::string rule_id, std::string name, CheckState state, Arrange arrange);

std::vector<RuleCase> header_cases();
std::vector<RuleCase> cookie_cases();
std::vector<RuleCase> transport_cases();
std::vector<RuleCase> certificate_cases();
std::vector<RuleCase> disclosure_cases();
std::vector<RuleCase> all_cases();

}  // namespace weir::tools::scans
