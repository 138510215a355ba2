// Asks a target what the checks need to know: entry page over http and https, two well-known files, one TLS
// handshake, the version matrix. The only part of a scan that uses the network. Judges nothing.
#pragma once
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/http_client.h"
#include "tools/scans/checks/observations.h"
#include "tools/scans/pacer.h"
#include "tools/scans/scan_engine.h"

namespace weir::tools::scans {

// What of it the selected checks look at.
struct ProbeWishes {
  bool robots = false;
  bool security_txt = false;
  bool tls_versions = false;
};
ProbeWishes wishes_of(const std::vector<const Check*>& checks);

// Where a scan reaches the network from. All must outlive the probe.
struct ProbeNetwork {
  const egress::AddressPolicy& policy;
  egress::Resolver& resolver;
  const Clock& clock;
};

// Told on the probing thread; may block.
struct ProbeProgress {
  std::function<void(std::string_view phase)> phase_started;
  std::function<void(int requests_sent)> request_sent;
};

// One scan's. Not thread-safe: owned by ScanEngine::run().
class Probe {
 public:
  // `plan` must outlive the probe.
  Probe(const ProbeNetwork& network, const ScanPlan& plan, const std::string& user_agent, ProbeProgress progress,
        std::stop_token stop);

  // Errors as ScanEngine::run(). What could not be asked (budget, failures) is in the observations. Blocks until
  // done; a requested stop ends it within 300 ms.
  Result<Observations> look(const ProbeWishes& wishes);
  [[nodiscard]] int requests_sent() const { return requests_sent_; }

 private:
  Result<void> resolve_entry(Observations& seen);
  // The pinned address of a host in scope, resolved on first use.
  Result<egress::IpAddress> address_of(const egress::Url& url);
  [[nodiscard]] bool is_in_scope(const egress::Url& url) const;
  Chain walk(egress::Url url);
  // Nothing if the budget does not allow another request.
  std::optional<Result<egress::HttpResponse>> fetch(const egress::Url& url);
  std::optional<Result<egress::HttpResponse>> send(const egress::Url& url, const egress::IpAddress& address);
  void look_at_tls(Observations& seen, bool with_versions);
  bool spend_connect();

  const ProbeNetwork network_;
  const ScanPlan& plan_;
  const ProbeProgress progress_;
  const std::stop_token stop_;
  egress::HttpClient client_;
  std::optional<Pacer> pacer_;  // once the address class is known
  std::map<std::string, egress::IpAddress> addresses_;
  std::map<std::string, egress::HttpResponse> answers_;  // by URL: the chains of both schemes meet
  int requests_sent_ = 0;
  int connects_made_ = 0;
  int connect_errors_ = 0;
  int backoffs_ = 0;
};

}  // namespace weir::tools::scans
