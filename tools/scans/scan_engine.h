// Runs the checks of one scan against one target inside a budget, and reports what it saw. Knows nothing of the
// database: the scan job stores what the observer is told.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/http_client.h"
#include "tools/scans/checks/check.h"

namespace weir::tools::scans {

// What one target may be asked for, and how fast (scans.md sections 1 and 6).
struct Budget {
  int http_requests_max = 20;
  int tcp_connects_max = 4;
  double requests_per_second = 5;
  double loopback_requests_per_second = 50;  // for a target on this machine, which paces nobody else
  int connect_errors_max = 10;               // in a row; then the scan stops with what it has
};

struct ScanPlan {
  std::string scan_id;
  egress::Url entry;
  std::vector<std::string> scope_hosts;  // besides the entry's own host
  Profile profile = Profile::passive;
  std::vector<std::string> checks;  // ids or groups; empty: all of the profile
  Budget budget;
  egress::AddressPolicy::Self self = egress::AddressPolicy::Self::excluded;
  // Where the entry's other scheme answers, if its port is not a default one; see companion_port_of().
  std::optional<std::uint16_t> companion_port = std::nullopt;
};

// scans.md section 1: how much a profile may ask. For custom: as full; the caller caps it.
Budget budget_for(Profile profile);

// The checks of a profile, in the catalogue's order; with `names` (ids or groups) only those of them. A custom scan
// has what it names and nothing else. Returns validation_failed, with what is near, for a name that is unknown, an
// id outside the profile, or a custom scan without names.
Result<std::vector<const Check*>> select_checks(Profile profile, const std::vector<std::string>& names);

// An entry on a default port has its other scheme on the other default port, and needs no companion. An entry on
// another port has one if, besides that port and 22, exactly one port is expected of the target.
std::optional<std::uint16_t> companion_port_of(const egress::Url& entry,
                                               const std::vector<std::int64_t>& expected_ports);

struct CoverageRow {
  std::string check_id;
  CheckState state = CheckState::ran;
  std::string reason;
  std::int64_t requests = 0;
  std::int64_t ms = 0;
};

struct ScanOutcome {
  std::vector<Detection> detections;  // critical first
  std::vector<CoverageRow> coverage;
  std::string pinned_address;
  int requests_sent = 0;
  bool is_complete = true;  // false: some check or probe could not run (outcome `partial`)
};

struct ScanProgress {
  std::string phase;  // resolve, http, https, tls, checks
  int checks_total = 0;
  int checks_done = 0;
  int requests_sent = 0;
  int findings_so_far = 0;
  int percent = 0;
};

// Told what happens, in order, on the scan's thread. May block for a database write. Not thread-safe: owned by the
// caller of run().
class ScanObserver {
 public:
  virtual ~ScanObserver() = default;
  virtual void phase_started(const ScanProgress& progress) = 0;
  virtual void check_completed(const CoverageRow& row, const ScanProgress& progress) = 0;
  virtual void finding_detected(const Detection& detection) = 0;
  virtual void progressed(const ScanProgress& progress) = 0;  // after each request
};

// Thread-safe; one call of run() uses one thread.
class ScanEngine {
 public:
  // All must outlive the engine. `version` and `docs_url` go into the user agent.
  ScanEngine(const egress::AddressPolicy& policy, egress::Resolver& resolver, const Clock& clock, std::string version,
             std::string docs_url);

  // Returns address_not_allowed if the target resolves to an address that the policy refuses, unavailable if it
  // cannot be resolved or reached at all, cancelled if `stop` is requested. A finding or a failed check is not an
  // error. Blocks until the scan is done.
  Result<ScanOutcome> run(const ScanPlan& plan, ScanObserver& observer, std::stop_token stop) const;

 private:
  const egress::AddressPolicy& policy_;
  egress::Resolver& resolver_;
  const Clock& clock_;
  const std::string version_;
  const std::string docs_url_;
};

}  // namespace weir::tools::scans
