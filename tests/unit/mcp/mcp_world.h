// A whole MCP endpoint over a real database, limiter, event log and catalog of small tools; only the network and the
// scans are missing. For the unit tests and for the wire transcripts.
#pragma once
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "base/random.h"
#include "limits/memory_limiter.h"
#include "limits/tiers.h"
#include "server/api_key.h"
#include "server/gate.h"
#include "server/mcp/mcp_endpoint.h"
#include "server/pacing.h"
#include "store/accounts_store.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/resource_waiter.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/temp_dir.h"
#include "tools/catalog.h"

namespace weir::mcp {

// Runs continuations on one thread of its own. Thread-safe.
class ThreadExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override { return queue_.push(std::move(work)); }

 private:
  BoundedQueue<std::function<void()>> queue_{1'000};
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (auto work = queue_.pop(stop)) (*work)();
  }};
};

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

inline tools::ToolResult answered(Json structured, std::string summary) {
  tools::ToolResult result;
  result.structured = std::move(structured);
  result.summary = std::move(summary);
  return result;
}

// The tools of the tests, each with one thing to show. `wait_for_it` waits for the resource "scn_test".
inline std::vector<tools::Tool> world_tools() {
  using tools::Scope;
  const Json text_input = {{"type", "object"},
                           {"properties", {{"text", {{"type", "string"}, {"description", "what to say"}}}}},
                           {"required", {"text"}},
                           {"additionalProperties", false}};
  const Json no_input = {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  const Json any_output = {{"type", "object"}};
  std::vector<tools::Tool> list;
  list.push_back(
      {.name = "get_state",
       .title = "Get state",
       .description = "Says ok. Costs nothing.",
       .input_schema = no_input,
       .output_schema = {{"type", "object"}, {"properties", {{"ok", {{"type", "boolean"}}}}}, {"required", {"ok"}}},
       .annotations = {.is_read_only = true, .is_idempotent = true},
       .scope = Scope::none,
       .cost = 0,
       .rest = std::nullopt,
       .handler = [](const tools::CallContext&, const Json&) -> Result<tools::ToolResult> {
         return answered({{"ok", true}}, "All is well.");
       }});
  list.push_back({.name = "say",
                  .title = "Say",
                  .description = "Repeats a text.",
                  .input_schema = text_input,
                  .output_schema = any_output,
                  .annotations = {.is_read_only = true},
                  .scope = Scope::targets_read,
                  .cost = 1,
                  .rest = std::nullopt,
                  .handler = [](const tools::CallContext&, const Json& arguments) -> Result<tools::ToolResult> {
                    return answered({{"text", arguments["text"]}}, "Said it.");
                  }});
  list.push_back({.name = "change",
                  .title = "Change",
                  .description = "Needs targets:write.",
                  .input_schema = no_input,
                  .output_schema = any_output,
                  .annotations = {.is_destructive = true},
                  .scope = Scope::targets_write,
                  .cost = 1,
                  .rest = std::nullopt,
                  .handler = [](const tools::CallContext&, const Json&) -> Result<tools::ToolResult> {
                    return answered({{"changed", true}}, "Changed.");
                  }});
  list.push_back({.name = "read_report",
                  .title = "Read report",
                  .description = "Answers with a document.",
                  .input_schema = no_input,
                  .output_schema = any_output,
                  .annotations = {.is_read_only = true},
                  .scope = Scope::findings_read,
                  .cost = 1,
                  .rest = std::nullopt,
                  .handler = [](const tools::CallContext&, const Json&) -> Result<tools::ToolResult> {
                    tools::ToolResult result = answered({{"format", "markdown"}}, "A report.");
                    result.document = tools::Document{"text/markdown", "# Report\n"};
                    return result;
                  }});
  list.push_back({.name = "fail",
                  .title = "Fail",
                  .description = "Fails with the code given as text.",
                  .input_schema = text_input,
                  .output_schema = any_output,
                  .annotations = {},
                  .scope = Scope::none,
                  .cost = 1,
                  .rest = std::nullopt,
                  .handler = [](const tools::CallContext&, const Json& arguments) -> Result<tools::ToolResult> {
                    if (arguments["text"] == "internal") return internal_error("the disk said no");
                    return Error(ErrorCode::conflict, "That is taken.").retry_in(std::chrono::milliseconds{1'500});
                  }});
  list.push_back({.name = "wait_for_it",
                  .title = "Wait",
                  .description = "Waits for scn_test to end.",
                  .input_schema = no_input,
                  .output_schema = any_output,
                  .annotations = {.is_read_only = true},
                  .scope = Scope::scans_read,
                  .cost = 1,
                  .rest = std::nullopt,
                  .handler = [](const tools::CallContext&, const Json&) -> Result<tools::ToolResult> {
                    tools::ToolResult result;
                    result.waiting = tools::Waiting{
                        "scn_test", std::chrono::seconds{50}, [] {
                          return Result<tools::ToolResult>(answered({{"status", "completed"}}, "It ended."));
                        }};
                    return result;
                  }});
  return list;
}

// Keys by name: "admin" and "other" (tier admin, all scopes), "free" (tier free, all scopes), "reader" (tier admin,
// scope targets:read only). Not thread-safe: owned by the test; what it starts is.
class World {
 public:
  explicit World(Settings settings = {}) : settings_(std::move(settings)) {
    reopen();
    add_key("admin", "admin", {"admin"});
    add_key("other", "admin", {"admin"});
    add_key("free", "free", {"admin"});
    add_key("reader", "admin", {"targets:read"});
  }

  // Nobody waits for a slot of a world that ends.
  ~World() { pacing_->stop(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // As after a restart: everything is built anew on the same database, and nothing of before hears of anything any more.
  // Calls that still wait keep what they refer to.
  void reopen() {
    if (pacing_) pacing_->stop();
    endpoint_.reset();
    retire(catalog_, waiter_, log_, gate_, pacing_, limiter_, hub_, database_);
    hub_ = streaming::EventHub::create();
    database_ = must(store::Database::open({.path = (folder_.path() / "weir.db").string()}));
    limiter_ = std::make_unique<limits::MemoryLimiter>(clock_);
    gate_ = std::make_unique<server::Gate>(server::GateSettings{}, *database_, *limiter_, tiers_, clock_, ids_);
    pacing_ = std::make_unique<server::Pacing>(server::PacingSettings{}, *limiter_, clock_, timers_, executor_);
    gate_->hold_calls(*pacing_);
    log_ = must(streaming::EventLog::open(*database_, *hub_, clock_));
    waiter_ = std::make_unique<streaming::ResourceWaiter>(*log_, *hub_, timers_, executor_);
    catalog_ = std::make_unique<tools::Catalog>(world_tools(), *waiter_);
    endpoint_ = std::make_unique<McpEndpoint>(settings_, *gate_, *catalog_, *database_, clock_, random_, executor_,
                                              timers_, offers_);
  }

  // From here on the endpoint offers that too; what it points to must outlive the world's use.
  void offer(Offers offers) {
    offers_ = std::move(offers);
    reopen();
  }

  McpEndpoint& endpoint() { return *endpoint_; }
  streaming::EventHub& hub() { return *hub_; }
  const tools::Catalog& catalog() { return *catalog_; }
  testing::FakeClock& clock() { return clock_; }
  store::Database& database() { return *database_; }
  TimerQueue& timers() { return timers_; }
  // Calls that wait for their slot; proceed() decides about them by the clock of the test.
  server::Pacing& pacing() { return *pacing_; }
  const std::string& key(const std::string& name) { return keys_.at(name); }

  // An event of the resource that wait_for_it waits for.
  void append(const std::string& type, Json data = Json::object()) {
    must(database_->write([&](store::Transaction& transaction) -> Result<void> {
      auto event = log_->append(transaction, {"acc_admin", "scan", "scn_test", type, std::move(data)});
      if (!event) return std::move(event).error();
      return {};
    }));
  }

 private:
  template <typename... Parts>
  void retire(Parts&... parts) {
    (retired_.push_back(std::shared_ptr<void>(std::move(parts))), ...);
  }
  void add_key(const std::string& name, const std::string& tier, std::vector<std::string> scopes) {
    const server::NewApiKey made = server::make_api_key(random_);
    keys_[name] = made.secret;
    must(database_->write([&](store::Transaction& transaction) -> Result<void> {
      store::AccountRow account;
      account.id = "acc_" + name;
      account.name = name;
      account.tier = tier;
      account.created_at = account.updated_at = clock_.now();
      if (auto done = store::insert_account(transaction, account); !done) return done;
      store::ApiKeyRow key;
      key.id = "key_" + name;
      key.account_id = account.id;
      key.name = name;
      key.prefix = made.prefix;
      key.hash = made.hash;
      key.scopes = std::move(scopes);
      key.created_at = clock_.now();
      return store::insert_key(transaction, key, clock_.now());
    }));
  }

  Settings settings_;
  Offers offers_;
  testing::TempDir folder_;
  testing::FakeClock clock_;
  testing::FakeRandom random_;
  IdGenerator ids_{clock_, random_};
  limits::Tiers tiers_ = limits::Tiers::defaults();
  std::map<std::string, std::string> keys_;
  std::vector<std::shared_ptr<void>> retired_;
  std::unique_ptr<streaming::EventHub> hub_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<limits::MemoryLimiter> limiter_;
  TimerQueue timers_;
  std::unique_ptr<server::Pacing> pacing_;
  std::unique_ptr<server::Gate> gate_;
  std::unique_ptr<streaming::EventLog> log_;
  std::unique_ptr<streaming::ResourceWaiter> waiter_;
  std::unique_ptr<tools::Catalog> catalog_;
  std::unique_ptr<McpEndpoint> endpoint_;
  ThreadExecutor executor_;
};

}  // namespace weir::mcp
