#include "tools/scans/checks/evidence.h"

#include "base/log.h"
#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kBudgetSpent = "the scan's request budget was spent";

std::string without_parameter_values(std::string_view path) {
  std::string shown;
  bool is_inside = false;
  for (const char c : path) {
    if (c == '?' || c == '#') break;
    if (c == '/') is_inside = false;
    if (!is_inside) shown += c;
    if (c == '=' && shown.find(';', shown.rfind('/') + 1) != std::string::npos && !is_inside) is_inside = true;
  }
  return shown;
}

// Cut between characters of UTF-8, never inside one.
std::string cut(std::string text, std::size_t size_max) {
  if (text.size() <= size_max) return text;
  std::size_t end = size_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

}  // namespace

Evidence evidence(std::string kind, std::string label, std::string_view value) {
  const std::string shown = printable(value, kEvidenceBytesMax);
  const std::string masked = redacted(shown);
  Evidence result{.kind = std::move(kind), .label = printable(label, 100), .value = cut(masked, kEvidenceBytesMax)};
  result.is_truncated = value.size() > kEvidenceBytesMax || masked.size() > kEvidenceBytesMax;
  result.is_redacted = masked != shown;
  return result;
}

Evidence cookie_evidence(std::string_view set_cookie) {
  const std::size_t end = std::min(set_cookie.find(';'), set_cookie.size());
  const std::string_view pair = set_cookie.substr(0, end);
  const std::size_t equals = pair.find('=');
  std::string text(equals == std::string_view::npos ? std::string_view{} : pair.substr(0, equals + 1));
  text += "[redacted]";
  text += set_cookie.substr(end);
  Evidence result = evidence("cookie", "Set-Cookie", text);
  result.is_redacted = true;
  return result;
}

Evidence own_evidence(std::string kind, std::string label, std::string value) {
  return {.kind = std::move(kind),
          .label = std::move(label),
          .value = cut(std::move(value), kEvidenceBytesMax),
          .is_untrusted = false};
}

std::string shown_url(const egress::Url& url) { return printable(url.origin() + without_parameter_values(url.path)); }

std::string shown_reference(std::string_view reference) {
  const std::size_t authority = reference.find("//");
  const std::size_t path = authority == std::string_view::npos ? 0 : reference.find('/', authority + 2);
  if (path == std::string_view::npos) return printable(reference.substr(0, reference.find_first_of("?#")));
  return printable(std::string(reference.substr(0, path)) + without_parameter_values(reference.substr(path)));
}

Detection detection_of(const Rule& rule, const egress::Url& where, std::string detail) {
  Detection detection;
  detection.rule_id = rule.id;
  detection.severity = rule.severity;
  detection.detail = std::move(detail);
  detection.url = shown_url(where);
  return detection;
}

CheckResult not_applicable(std::string reason) { return {CheckState::not_applicable, std::move(reason), {}}; }
CheckResult skipped(std::string reason) { return {CheckState::skipped, std::move(reason), {}}; }
CheckResult failed(std::string reason) { return {CheckState::error, std::move(reason), {}}; }

CheckResult found(Detection detection) {
  CheckResult result;
  result.detections.push_back(std::move(detection));
  return result;
}

CheckResult without_answer(const Chain& chain, std::string_view what) {
  switch (chain.end) {
    case ChainEnd::budget: return skipped(std::string(kBudgetSpent));
    case ChainEnd::not_tried: return not_applicable("the target has no " + std::string(what));
    case ChainEnd::refused_address:
      return skipped("a redirect leads to an address that may not be scanned: " + shown_url(chain.hops.back().url));
    case ChainEnd::out_of_scope:
      return not_applicable("the entry redirects out of the scan's scope" +
                            (chain.next ? ", to " + chain.next->origin() : std::string()));
    case ChainEnd::loop: return not_applicable("the redirects form a loop");
    case ChainEnd::too_many_hops: return not_applicable("the redirects do not end");
    case ChainEnd::failed: return failed(chain.hops.back().answer.error().message);
    case ChainEnd::answered: break;
  }
  const Hop* hop = chain.final_hop();
  return not_applicable(hop == nullptr ? "no answer was seen"
                                       : shown_url(hop->url) + " answered " + std::to_string(hop->answer->status));
}

CheckResult without_page(const Observations& seen, Wanted wanted) {
  if (wanted == Wanted::doc && seen.page() != nullptr) return not_applicable("the entry page is not HTML");
  // A request that the budget refused might have found the page.
  for (const Chain* chain : {&seen.https, &seen.http}) {
    if (chain->end == ChainEnd::budget) return skipped(std::string(kBudgetSpent));
  }
  const Chain& chain =
      seen.https.first_answer() != nullptr || seen.http.end == ChainEnd::not_tried ? seen.https : seen.http;
  return without_answer(chain, "entry page");
}

}  // namespace weir::tools::scans
