#include "server/app.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "server/app_readings.h"
#include "server/measured_exchange.h"
#include "server/rest/admin_api.h"
#include "server/rest/mcp_server_routes.h"
#include "server/rest/provider_routes.h"
#include "server/rest/stream_token_route.h"
#include "store/idempotency_store.h"
#include "tools/agents/shipped_agents.h"
#include "tools/all_tools.h"
#include "tools/scans/scan_job.h"

namespace weir::server {
namespace {

constexpr std::string_view kDatabaseFile = "weir.db";
constexpr std::string_view kFirstKeyFile = "admin.key";

// The address that callers type when nothing else is configured: a wildcard listener is named by the loopback address.
std::string url_of(const Config& config, std::uint16_t port) {
  if (!config.public_url.empty()) return config.public_url;
  std::string host = config.http.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port);
}

Result<void> make_private_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  }
  if (!failed && ::access(folder.c_str(), W_OK) == 0) return {};
  return Error(ErrorCode::unavailable, "Cannot write to the data folder " + folder.string() +
                                           ". Make it writable, or name another with --data.");
}

Result<void> write_first_key(const std::filesystem::path& path, const std::string& key) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const std::string line = key + "\n";
  const bool is_written = descriptor >= 0 && fchmod(descriptor, S_IRUSR | S_IWUSR) == 0 &&
                          ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (descriptor >= 0) ::close(descriptor);
  if (!is_written) {
    return Error(ErrorCode::unavailable, "Cannot write the first key to " + path.string() +
                                             ". Make the folder writable, or name another with --data.");
  }
  return {};
}

egress::AddressPolicy policy_of(const Config& config, std::uint16_t port) {
  egress::PolicySettings settings;
  settings.allow_loopback = config.may_scan_loopback();
  settings.allowed_private = config.scans_allow_private;
  settings.own_port = port;
  return egress::AddressPolicy(std::move(settings));
}

}  // namespace

Result<std::unique_ptr<App>> App::create(const Config& config) {
  std::unique_ptr<App> app(new App(config));
  if (auto opened = app->open(); !opened) return std::move(opened).error();
  app->compose();
  if (auto composed = app->compose_tokens(); !composed) return std::move(composed).error();
  if (auto seeded = app->seed_agents(); !seeded) return std::move(seeded).error();
  return app;
}

App::~App() { stop(); }

Result<void> App::open() {
  auto servers = mcp_server_specs(config_.mcp_servers, [](const char* name) { return std::getenv(name); });
  if (!servers) return std::move(servers).error();
  mcp_server_specs_ = *std::move(servers);

  const std::filesystem::path folder(config_.data_dir);
  if (is_shared()) {
    // Many servers may use that database; the folder holds only what the first start says.
    if (auto made = make_private_folder(folder); !made) return made;
  } else {
    auto lock = store::DataFolderLock::acquire(folder);
    if (!lock) return std::move(lock).error();
    folder_lock_.emplace(*std::move(lock));
  }

  store::DatabaseSettings settings = config_.store;
  settings.path = (folder / kDatabaseFile).string();
  auto database = store::Database::open(settings);
  if (!database) return std::move(database).error();
  database_ = *std::move(database);

  // The port is taken before the first key is made, so that a start that fails here leaves nothing half done.
  auto listener = http::Server::open(config_.http, timers_);
  if (!listener) return std::move(listener).error();
  http_ = *std::move(listener);

  // Requests that a killed process left in flight will never be answered: their tokens may be used again. Of a shared
  // database nobody knows whose they are; they end with their day.
  if (!is_shared()) {
    auto forgotten = database_->write(
        [](store::Transaction& transaction) { return store::forget_idempotent_in_flight(transaction); });
    if (!forgotten) return forgotten;
  }

  auto first = first_start(*database_, clock_, random_, ids_);
  if (!first) return std::move(first).error();
  if (*first) {
    first_key_ = **first;
    if (auto written = write_first_key(folder / kFirstKeyFile, *first_key_); !written) return written;
  }

  hub_ = streaming::EventHub::create(*http_);
  if (is_shared()) {
    auto cluster =
        std::make_unique<streaming::ClusterHub>(std::move(hub_), *database_, [this](const streaming::EventHint& hint) {
          if (hints_) hints_->tell(hint);
        });
    cluster_ = cluster.get();
    hub_ = std::move(cluster);
  }
  auto events = streaming::EventLog::open(*database_, *hub_, clock_);
  if (!events) return std::move(events).error();
  events_ = *std::move(events);
  retention_ = streaming::EventRetention::create(config_.events, *database_, clock_);
  resolver_ = egress::system_resolver();
  using Sharing = WebhookDelivery::Sharing;
  auto webhooks = WebhookDelivery::open(
      config_.webhooks,
      {.data_folder = folder, .own_port = http_->port(), .sharing = is_shared() ? Sharing::shared : Sharing::alone},
      {*database_, *events_, *resolver_, clock_, random_, ids_});
  if (!webhooks) return std::move(webhooks).error();
  webhooks_ = *std::move(webhooks);
  stream_tokens_.emplace(*database_, clock_, random_);
  return stream_tokens_->begin();
}

void App::compose() {
  const std::uint16_t port = http_->port();
  waiter_ = std::make_unique<streaming::ResourceWaiter>(*events_, *hub_, timers_, *http_);
  tiers_.emplace(config_.tiers);
  compose_metrics();
  std::optional<limits::RedisSettings> redis = config_.redis;
  if (redis) redis->deadline = config_.redis_deadline;
  backend_ = std::make_unique<LimiterBackend>(std::move(redis), config_.redis_loss, clock_);
  backend_->evict_idle_with(timers_, *http_);
  limiter_ = std::make_unique<MeasuredLimiter>(backend_->limiter(), *metrics_);
  address_policy_.emplace(policy_of(config_, port));
  tool_settings_.public_url = url_of(config_, port);
  tool_settings_.version = WEIR_VERSION;
  tool_settings_.docs_url = tool_settings_.public_url;
  // Public hosts need a proof of ownership for more than a passive scan (docs/reference/tools.md, create_target).
  tool_settings_.are_public_targets_verified_by_attestation = false;
  tool_settings_.scan_deadline = config_.scans_deadline;
  tool_settings_.scan_cooldown = config_.scans_cooldown;
  tool_settings_.scans_per_server_max = config_.scans_at_once;
  tool_settings_.costs = {config_.costs.begin(), config_.costs.end()};

  jobs::JobRunnerSettings runner;
  runner.runners = config_.scans_at_once;
  runner.stop_timeout = config_.http.stop_timeout;
  if (is_shared()) runner.queue = jobs::JobRunnerSettings::Queue::shared;
  // The scan job needs the services, which need the runner: it looks them up when it runs, after start().
  jobs::JobHandler scan;
  scan.run = [this](jobs::JobContext& context) { return tools::scans::run_scan_job(*services_, context); };
  scan.give_up = [this](jobs::JobContext& context) { tools::scans::give_up_scan_job(*services_, context); };
  runs_ = std::make_unique<RunWorks>(RunConfig{.settings = config_.runs,
                                               .at_once = config_.runs_at_once,
                                               .providers = config_.providers,
                                               .mcp_servers = mcp_server_specs_},
                                     RunWorksParts{*database_, *resolver_, clock_, random_, port});
  if (config_.runs_at_once == 0 && !is_shared()) {
    log::warning("runs.not_executed", {{"why", "runs.at_once is 0, and no other server shares this database"}});
  }
  scan.runners = config_.scans_at_once;
  jobs_ = jobs::JobRunner::create(
      runner, *database_, clock_, ids_,
      {{"scan", std::move(scan)}, {std::string(tools::runs::kRunJobKind), runs_->job_handler()}});

  services_.emplace(tools::Services{*database_, *events_, *jobs_, ids_, random_, clock_, *address_policy_, *resolver_,
                                    *limiter_, *tiers_, tool_settings_, webhooks_->services(), &runs_->services()});
  catalog_ = std::make_unique<tools::Catalog>(tools::all_tools(*services_), *waiter_);
  usage_.emplace(*database_, clock_);
  gate_ = std::make_unique<Gate>(config_.gate, *database_, *limiter_, *tiers_, clock_, ids_, &*usage_);
  pacing_ = std::make_unique<Pacing>(config_.pacing, *limiter_, clock_, timers_, *http_);
  gate_->hold_calls(*pacing_);
  runs_->attach(*services_, *catalog_, *gate_);
  runs_->add_readings(*metrics_);
  add_readings(*metrics_,
               {*http_, *database_, *jobs_, *backend_, *gate_, [pacing = pacing_.get()] { return pacing->held(); }});

  mcp::Settings mcp;
  mcp.version = WEIR_VERSION;
  mcp.listen_host = config_.http.host;
  mcp.allowed_hosts = config_.allowed_hosts;
  mcp.allowed_origins = config_.mcp_allowed_origins;
  mcp.rate_limit_status = config_.mcp_rate_limit_status == Config::RateLimitStatus::http ? mcp::RateLimitStatus::http
                                                                                         : mcp::RateLimitStatus::result;
  mcp.session_idle = config_.mcp_session_idle;
  mcp.body_bytes_max = config_.http.body_bytes_max;
  key_admin_.emplace(*database_, *tiers_, clock_, ids_, random_);
  std::vector<tools::Tool> rest_only = rest::admin_routes({*database_, *key_admin_, *gate_, clock_});
  rest_only.push_back(rest::stream_token_route(*stream_tokens_));
  provider_checks_.emplace(runs_->providers());
  for (tools::Tool& route : rest::provider_routes(runs_->providers(), *provider_checks_))
    rest_only.push_back(std::move(route));
  for (tools::Tool& route : rest::mcp_server_routes(runs_->mcp_servers())) rest_only.push_back(std::move(route));
  rest_only_ = std::make_unique<tools::Catalog>(std::move(rest_only), *waiter_);
  rest_ = std::make_unique<rest::RestApi>(
      rest::RestSettings{tool_settings_.public_url, tool_settings_.version, tool_settings_.docs_url,
                         config_.metrics_access == Config::MetricsAccess::open
                             ? rest::RouteTable::MetricsRoute::open
                             : rest::RouteTable::MetricsRoute::for_admins},
      rest::RestParts{*gate_, *catalog_, *database_, *events_, *hub_, *http_, metrics_.get(), rest_only_.get(),
                      &*stream_tokens_, config_.stream_lifetime, &timers_, &random_});
  offers_.emplace(*catalog_, *hub_, timers_);
  mcp_ = std::make_unique<mcp::McpEndpoint>(std::move(mcp), *gate_, *catalog_, *database_, clock_, random_, *http_,
                                            timers_, offers_->offers());
}

Result<void> App::compose_tokens() {
  if (!config_.auth.is_enabled()) return {};
  auto tokens = auth::TokenAuthority::create(config_.auth, tool_settings_.public_url,
                                             {*database_, *tiers_, *resolver_, clock_, ids_});
  if (!tokens) return std::move(tokens).error();
  tokens_ = *std::move(tokens);
  gate_->accept_tokens(*tokens_);
  tokens_->warm_up();
  return {};
}

Result<void> App::seed_agents() {
  return tools::agents::seed_shipped_agents(
      {*database_, clock_, ids_, runs_->services().directory, config_.runs.wall_max});
}

void App::compose_metrics() {
  std::vector<std::string> tiers;
  for (const auto& [name, tier] : config_.tiers) tiers.push_back(name);
  metrics_ = std::make_unique<Metrics>(std::move(tiers));
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMcpRoutes = {
      {{"POST", "/mcp"}, {"GET", "/mcp"}, {"DELETE", "/mcp"}, {"GET", mcp::kSsePath}, {"POST", mcp::kMessagesPath}}};
  for (std::size_t i = 0; i < mcp_routes_.size(); ++i) {
    const auto& [method, path] = kMcpRoutes.at(i);
    mcp_routes_.at(i) = {method, path, metrics_->add_route(method, path)};
  }
  // What is answered before there is a route: a request that is none, too many connections, a handler that failed.
  http_->set_error_body([metrics = metrics_.get()](int status, std::string_view message) {
    metrics->count_request(Metrics::kNoRoute, status);
    return http::default_error_body(status, message);
  });
}

Metrics::Route App::mcp_route(const http::Request& request) const {
  for (const auto& [method, path, route] : mcp_routes_) {
    if (method == request.method && path == request.path) return route;
  }
  return Metrics::kNoRoute;
}

void App::handle(std::shared_ptr<http::Exchange> exchange) {
  const std::string& path = exchange->request().path;
  if (path == "/mcp" || path == mcp::kSsePath || path == mcp::kMessagesPath) {
    const Metrics::Route route = mcp_route(exchange->request());
    mcp_->handle(std::make_shared<MeasuredExchange>(std::move(exchange), *metrics_, route));
  } else if (!tokens_ || !tokens_->resource().answer(*exchange)) {
    rest_->handle(std::move(exchange));
  }
}

void App::start() {
  CHECK(!is_running_, "an App is started once");
  is_running_ = true;
  if (cluster_ != nullptr) {
    if (config_.redis) {
      hints_.emplace(*config_.redis, events_->epoch(), ids_.make("node"),
                     [cluster = cluster_](const streaming::EventHint& hint) { cluster->heard(hint); });
    }
    cluster_->start(*events_);
  }
  runs_->start(timers_, *http_);
  jobs_->start();
  retention_->start(timers_, *http_);
  webhooks_->start();
  http_->start([this](std::shared_ptr<http::Exchange> exchange) { handle(std::move(exchange)); });
  log::info("http.listening", {{"url", url()}, {"workers", config_.http.workers}, {"version", WEIR_VERSION}});
}

void App::stop() {
  if (!is_running_) return;
  is_running_ = false;
  // Nobody waits for a slot of a server that stops.
  pacing_->stop();
  retention_->stop();
  // Listening clients are told, before their connections end.
  mcp_->end_streams();
  provider_checks_->stop();
  // Calls first: a call that is being answered may still start or cancel a job.
  http_->stop();
  jobs_->stop();
  runs_->stop();
  webhooks_->stop();
  hints_.reset();
  if (cluster_ != nullptr) cluster_->stop();
  usage_->stop();
  timers_.stop();
}

}  // namespace weir::server
