#include "tools/scans/scan_engine.h"

#include <algorithm>

#include "base/log.h"
#include "tools/scans/probe.h"

namespace weir::tools::scans {
namespace {

// One check cannot fill the database: a page may set any number of cookies.
constexpr std::size_t kDetectionsPerCheckMax = 50;

// Share of the whole that is done when a phase starts; requests take most of the time.
int percent_at(std::string_view phase) {
  if (phase == "http") return 5;
  if (phase == "https") return 30;
  if (phase == "tls") return 60;
  if (phase == "checks") return 80;
  return 0;
}
constexpr int kPercentAtChecks = 80;

bool is_named(const Rule& rule, std::string_view name) { return rule.id == name || rule.group == name; }

// "; near it: ..." with the ids that share the name's first word or hold the name.
std::string near_names(std::string_view name) {
  constexpr std::size_t kShownMax = 8;
  const std::string_view first = name.substr(0, name.find('.'));
  std::string text;
  std::size_t count = 0;
  for (const Check& check : catalogue()) {
    const std::string_view id = check.rule.id;
    const bool is_near = !first.empty() && (id.substr(0, id.find('.')) == first || id.find(name) != id.npos);
    if (!is_near || ++count > kShownMax) continue;
    text += (text.empty() ? "; near it: " : ", ") + std::string(id);
  }
  return text;
}

}  // namespace

Budget budget_for(Profile profile) {
  switch (profile) {
    case Profile::passive: return {.http_requests_max = 20, .tcp_connects_max = 4};
    case Profile::quick: return {.http_requests_max = 150, .tcp_connects_max = 60};
    case Profile::full:
    case Profile::custom: break;
  }
  return {.http_requests_max = 600, .tcp_connects_max = 250};
}

Result<std::vector<const Check*>> select_checks(Profile profile, const std::vector<std::string>& names) {
  const auto refuse = [](std::string message) { return Error(ErrorCode::validation_failed, std::move(message)); };
  const bool is_custom = profile == Profile::custom;
  if (is_custom && names.empty()) {
    return refuse("A custom scan needs the ids or groups of its checks; list_checks shows them.");
  }
  const auto is_in_profile = [&](const Check& check) { return is_custom || check.rule.profile <= profile; };
  for (const std::string& name : names) {
    const auto matches = [&](const Check& check) { return is_named(check.rule, name); };
    const auto known = std::ranges::find_if(catalogue(), matches);
    if (known == catalogue().end()) {
      return refuse("There is no check or group \"" + printable(name, 60) + "\"" + near_names(name) + ".");
    }
    const auto usable = [&](const Check& check) { return matches(check) && is_in_profile(check); };
    if (std::ranges::none_of(catalogue(), usable)) {
      return refuse("The check \"" + name + "\" needs profile " + std::string(to_string(known->rule.profile)) +
                    " or custom, not " + std::string(to_string(profile)) + ".");
    }
  }
  std::vector<const Check*> selected;
  for (const Check& check : catalogue()) {
    const bool is_wanted = names.empty() || std::ranges::any_of(names, [&](const std::string& name) {
                             return is_named(check.rule, name);
                           });
    if (is_wanted && is_in_profile(check)) selected.push_back(&check);
  }
  return selected;
}

std::optional<std::uint16_t> companion_port_of(const egress::Url& entry,
                                               const std::vector<std::int64_t>& expected_ports) {
  constexpr std::int64_t kSsh = 22;
  if (entry.has_default_port()) return std::nullopt;
  std::optional<std::uint16_t> companion;
  for (const std::int64_t port : expected_ports) {
    if (port == entry.port || port == kSsh || port < 1 || port > 65'535) continue;
    if (companion && *companion != port) return std::nullopt;  // which of them would be a guess
    companion = static_cast<std::uint16_t>(port);
  }
  return companion;
}

ScanEngine::ScanEngine(const egress::AddressPolicy& policy, egress::Resolver& resolver, const Clock& clock,
                       std::string version, std::string docs_url)
    : policy_(policy),
      resolver_(resolver),
      clock_(clock),
      version_(std::move(version)),
      docs_url_(std::move(docs_url)) {}

Result<ScanOutcome> ScanEngine::run(const ScanPlan& plan, ScanObserver& observer, std::stop_token stop) const {
  auto selected = select_checks(plan.profile, plan.checks);
  if (!selected) return std::move(selected).error();

  ScanProgress progress;
  progress.checks_total = static_cast<int>(selected->size());
  const ProbeProgress told{.phase_started =
                               [&](std::string_view phase) {
                                 progress.phase = phase;
                                 progress.percent = percent_at(phase);
                                 observer.phase_started(progress);
                               },
                           .request_sent =
                               [&](int requests_sent) {
                                 progress.requests_sent = requests_sent;
                                 observer.progressed(progress);
                               }};
  const std::string user_agent = "Weir/" + version_ + " (+" + docs_url_ + "; scan " + plan.scan_id + ")";
  Probe probe({policy_, resolver_, clock_}, plan, user_agent, told, stop);
  auto seen = probe.look(wishes_of(*selected));
  if (!seen) return std::move(seen).error();

  ScanOutcome outcome;
  outcome.pinned_address = seen->pinned_address;
  outcome.requests_sent = probe.requests_sent();
  told.phase_started("checks");
  for (const Check* check : *selected) {
    if (stop.stop_requested()) return Error(ErrorCode::cancelled, "The scan was cancelled.");
    const auto started = clock_.steady_now();
    CheckResult result = check->run(check->rule, *seen);
    CoverageRow row{.check_id = std::string(check->rule.id), .state = result.state, .reason = result.reason};
    row.ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - started).count();
    if (result.detections.size() > kDetectionsPerCheckMax) {
      result.detections.resize(kDetectionsPerCheckMax);
      row.reason = "only the first " + std::to_string(kDetectionsPerCheckMax) + " detections were kept";
    }
    if (row.state == CheckState::skipped || row.state == CheckState::error) outcome.is_complete = false;
    for (Detection& detection : result.detections) {
      ++progress.findings_so_far;
      observer.finding_detected(detection);
      outcome.detections.push_back(std::move(detection));
    }
    ++progress.checks_done;
    progress.percent = kPercentAtChecks + (100 - kPercentAtChecks) * progress.checks_done / progress.checks_total;
    observer.check_completed(row, progress);
    outcome.coverage.push_back(std::move(row));
  }
  std::ranges::stable_sort(outcome.detections, std::ranges::greater{}, &Detection::severity);
  return outcome;
}

}  // namespace weir::tools::scans
