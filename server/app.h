// The program: every object that it is made of, in the order of dependency. Reads as the table of contents. main and the
// integration tests build the same one with another configuration.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/timer_queue.h"
#include "egress/address_policy.h"
#include "egress/http_client.h"
#include "jobs/job_runner.h"
#include "limits/tiers.h"
#include "server/auth/token_authority.h"
#include "server/config.h"
#include "server/event_hints.h"
#include "server/gate.h"
#include "server/http/server.h"
#include "server/key_admin.h"
#include "server/limiter_backend.h"
#include "server/mcp/mcp_endpoint.h"
#include "server/mcp_offers/product_offers.h"
#include "server/measured_limiter.h"
#include "server/metrics.h"
#include "server/pacing.h"
#include "server/rest/rest_api.h"
#include "server/runs/run_works.h"
#include "server/stream_tokens.h"
#include "server/usage_counter.h"
#include "server/webhook_delivery.h"
#include "store/data_folder_lock.h"
#include "store/database.h"
#include "streaming/cluster_hub.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/event_retention.h"
#include "streaming/resource_waiter.h"
#include "tools/catalog.h"
#include "tools/models/provider_check.h"
#include "tools/services.h"

namespace weir::server {

// Not thread-safe: owned by main.
class App {
 public:
  // Opens the data folder and the listener; nothing runs yet. Returns what main should print: a taken port, a locked or
  // newer data folder, a folder that cannot be written.
  static Result<std::unique_ptr<App>> create(const Config& config);
  ~App();

  // The first start made this key; shown once.
  [[nodiscard]] const std::optional<std::string>& first_key() const { return first_key_; }
  [[nodiscard]] std::string url() const { return tool_settings_.public_url; }
  [[nodiscard]] std::uint16_t port() const { return http_->port(); }

  // From here on calls are answered and jobs run.
  void start();
  // Answers one exchange; what start() hands to the listener.
  void handle(std::shared_ptr<http::Exchange> exchange);
  // Graceful; blocks up to the configured stop timeouts. Called by the destructor.
  void stop();

 private:
  explicit App(const Config& config) : config_(config) {}
  // Other servers may use the same database.
  [[nodiscard]] bool is_shared() const { return config_.store.postgres.has_value(); }
  Result<void> open();
  void compose();
  Result<void> compose_tokens();
  // The playbooks that every server has, in its first account.
  Result<void> seed_agents();
  void compose_metrics();
  [[nodiscard]] Metrics::Route mcp_route(const http::Request& request) const;

  const Config config_;
  SystemClock clock_;
  SystemRandom random_;
  IdGenerator ids_{clock_, random_};
  TimerQueue timers_;
  std::optional<store::DataFolderLock> folder_lock_;
  std::unique_ptr<store::Database> database_;
  std::optional<std::string> first_key_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<streaming::EventHub> hub_;
  std::unique_ptr<streaming::EventLog> events_;
  streaming::ClusterHub* cluster_ = nullptr;  // hub_, if the database is shared
  std::optional<EventHints> hints_;
  std::shared_ptr<streaming::EventRetention> retention_;  // shared with the slice under way
  std::optional<StreamTokens> stream_tokens_;
  std::unique_ptr<streaming::ResourceWaiter> waiter_;
  std::optional<limits::Tiers> tiers_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<LimiterBackend> backend_;
  std::unique_ptr<MeasuredLimiter> limiter_;
  std::optional<egress::AddressPolicy> address_policy_;
  std::unique_ptr<egress::Resolver> resolver_;
  std::unique_ptr<WebhookDelivery> webhooks_;
  tools::ToolSettings tool_settings_;
  std::vector<tools::mcp_servers::ServerSpec> mcp_server_specs_;
  std::unique_ptr<RunWorks> runs_;
  std::optional<tools::models::ProviderChecks> provider_checks_;
  std::unique_ptr<jobs::JobRunner> jobs_;
  std::optional<tools::Services> services_;
  std::unique_ptr<tools::Catalog> catalog_;
  std::optional<UsageCounter> usage_;
  std::unique_ptr<Pacing> pacing_;
  std::unique_ptr<auth::TokenAuthority> tokens_;  // null: only API keys
  std::unique_ptr<Gate> gate_;
  std::optional<KeyAdmin> key_admin_;
  std::unique_ptr<tools::Catalog> rest_only_;
  std::unique_ptr<rest::RestApi> rest_;
  std::optional<mcp_offers::ProductOffers> offers_;
  std::unique_ptr<mcp::McpEndpoint> mcp_;
  std::array<std::tuple<std::string_view, std::string_view, Metrics::Route>, 5> mcp_routes_{};  // by method and path
  bool is_running_ = false;
};

}  // namespace weir::server
