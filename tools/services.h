// What the tools work with. Owned by server/app; every member outlives the catalog.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "egress/address_policy.h"
#include "egress/http_client.h"
#include "jobs/job_runner.h"
#include "limits/rate_limiter.h"
#include "limits/tiers.h"
#include "store/database.h"
#include "streaming/event_log.h"
#include "tools/runs/run_services.h"
#include "tools/webhooks/webhook_services.h"

namespace weir::tools {

// From the configuration. Not thread-safe: a value.
struct ToolSettings {
  std::string public_url;  // "http://127.0.0.1:8080", for links and for the self target
  std::string version;
  std::string docs_url;
  bool are_public_targets_verified_by_attestation = true;
  std::chrono::seconds scan_deadline{600};
  std::chrono::seconds scan_cooldown{60};  // between scans of one host; loopback hosts have none
  unsigned scans_per_server_max = 2;
  int targets_per_account_max = 1'000;
  std::map<std::string, std::uint32_t> costs;  // units of the tools that do not cost what the table says
};

// Not thread-safe: a set of references.
struct Services {
  store::Database& database;
  streaming::EventLog& events;
  jobs::JobRunner& jobs;
  IdGenerator& ids;
  Random& random;
  const Clock& clock;
  const egress::AddressPolicy& address_policy;
  egress::Resolver& resolver;
  limits::RateLimiter& limiter;
  const limits::Tiers& tiers;
  const ToolSettings& settings;
  WebhookServices webhooks;
  const runs::RunServices* runs = nullptr;  // null: nothing here runs agents (tests of other tools)
};

}  // namespace weir::tools
