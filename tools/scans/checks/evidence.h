// How checks say what they saw: detections with evidence that is short, printable and free of secrets. The only
// place that turns observed bytes into text that is stored and shown. Pure.
#pragma once
#include <string>
#include <string_view>

#include "tools/scans/checks/check.h"

namespace weir::tools::scans {

// Strips control characters, masks Weir's own and bearer secrets, cuts at kEvidenceBytesMax.
Evidence evidence(std::string kind, std::string label, std::string_view value);
inline Evidence header_evidence(std::string_view name, std::string_view value) {
  return evidence("header", std::string(name), value);
}
// A Set-Cookie line with its value masked: what is wrong is in the attributes.
Evidence cookie_evidence(std::string_view set_cookie);
// Said by Weir, not by the target.
Evidence own_evidence(std::string kind, std::string label, std::string value);

// The URL without query and without the values of path parameters (";jsessionid=..."), so that neither secrets
// nor noise get into findings.
std::string shown_url(const egress::Url& url);
// The same of a Location or link as written, which may not parse.
std::string shown_reference(std::string_view reference);

// A detection with the rule's own severity; checks change what differs.
Detection detection_of(const Rule& rule, const egress::Url& where, std::string detail = "");

// Results for a check that could not look, or has nothing to look at.
CheckResult not_applicable(std::string reason);
CheckResult skipped(std::string reason);
CheckResult failed(std::string reason);
CheckResult found(Detection detection);
// What to answer when the page (or the document, if `is_html_needed`) is missing: says why.
enum class Wanted : std::uint8_t { page, doc };
CheckResult without_page(const Observations& seen, Wanted wanted);
// The same for a chain without a single answer.
CheckResult without_answer(const Chain& chain, std::string_view what);

}  // namespace weir::tools::scans
