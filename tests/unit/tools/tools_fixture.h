// The tool table over a real database, event log and job runner; only the scan engine, the resolver and what comes over
// the network are stand-ins. Not thread-safe: owned by one test.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "base/random.h"
#include "base/sealer.h"
#include "base/timer_queue.h"
#include "jobs/job_runner.h"
#include "limits/memory_limiter.h"
#include "store/accounts_store.h"
#include "store/database.h"
#include "store/scans_store.h"
#include "store/targets_store.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/resource_waiter.h"
#include "streaming/webhook_outbox.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_process.h"
#include "tests/support/temp_dir.h"
#include "tools/all_tools.h"
#include "tools/catalog.h"
#include "tools/scans/scan_job.h"

namespace weir::tools {

// One thread that runs what is posted, in order. Thread-safe.
class OneThread final : public Executor {
 public:
  bool post(std::function<void()> work) override { return queue_.push(std::move(work)); }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  BoundedQueue<std::function<void()>> queue_{1'000};
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (auto work = queue_.pop(stop)) (*work)();
  }};
};

// Knows the names that a test tells it. Thread-safe once filled.
class FakeResolver final : public egress::Resolver {
 public:
  void add(const std::string& host, const std::string& address) {
    names_[host].push_back(*egress::IpAddress::parse(address));
  }
  Result<std::vector<egress::IpAddress>> resolve(const std::string& host) override {
    if (auto numeric = egress::IpAddress::parse(host)) return std::vector{*numeric};
    const auto found = names_.find(host);
    if (found == names_.end()) return Error(ErrorCode::unavailable, host + " does not resolve.");
    return found->second;
  }

 private:
  std::map<std::string, std::vector<egress::IpAddress>> names_;
};

class ToolsTest : public ::testing::Test {
 protected:
  ToolsTest() {
    resolver_.add("localhost", "127.0.0.1");
    resolver_.add("public.example", "93.184.215.14");
    resolver_.add("www.public.example", "93.184.215.14");
    resolver_.add("sneaky.example", "169.254.169.254");
    settings_.public_url = "http://127.0.0.1:8080";
    settings_.version = "9.9.9";
    database_ = must(store::Database::open(testing::on_backend({.path = (folder_.path() / "weir.db").string()})));
    hub_ = streaming::EventHub::create();
    events_ = must(streaming::EventLog::open(*database_, *hub_, clock_));
    outbox_ = must(streaming::WebhookOutbox::open(*database_, ids_, clock_, webhook_notices_));
    events_->set_outbox(*outbox_);
    waiter_ = std::make_unique<streaming::ResourceWaiter>(*events_, *hub_, timers_, executor_);
    make_runner();
    services_ = std::make_unique<Services>(Services{*database_,
                                                    *events_,
                                                    *jobs_,
                                                    ids_,
                                                    random_,
                                                    clock_,
                                                    policy_,
                                                    resolver_,
                                                    limiter_,
                                                    tiers_,
                                                    settings_,
                                                    {*outbox_, sealer_, policy_, webhook_settings_}});
    catalog_ = std::make_unique<Catalog>(all_tools(*services_), *waiter_);
    alice_ = add_caller("alice", "pro");
    bob_ = add_caller("bob", "pro");
  }
  ~ToolsTest() override {
    if (jobs_) jobs_->stop();
    timers_.stop();
    executor_.stop();
  }

  template <typename T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message + " / " + result.error().cause);
    return std::move(*result);
  }

  void make_runner() {
    scans::ScanJobParts parts{
        .events = *events_,
        .ids = ids_,
        .clock = clock_,
        .run_scan = [this](const scans::ScanPlan& plan, scans::ScanObserver& observer, std::stop_token stop) {
          scans::RunScan work;
          {
            const std::lock_guard lock(mutex_);
            work = work_;
          }
          return work ? work(plan, observer, std::move(stop)) : outcome_with({"hdr.csp.missing"});
        }};
    jobs_ =
        jobs::JobRunner::create({}, *database_, clock_, ids_, {{"scan", scans::scan_job_handler(std::move(parts))}});
  }

  std::shared_ptr<const Caller> add_caller(const std::string& name, const std::string& tier) {
    Caller caller;
    caller.account_id = ids_.make("acc");
    caller.account_name = name;
    caller.key_id = ids_.make("key");
    caller.key_name = name + "-key";
    caller.tier = tier;
    const std::vector<std::string> scopes = {"read", "write"};
    caller.scopes = must(Scopes::parse(scopes));
    caller.quota = tiers_.quota_for(tier, std::nullopt);
    caller.budget = limiter_.budget(caller.key_id);
    const Result<void> stored = database_->write([&](store::Transaction& transaction) {
      return store::insert_account(transaction, {.id = caller.account_id,
                                                 .name = name,
                                                 .tier = tier,
                                                 .limit_override = std::nullopt,
                                                 .created_at = clock_.now(),
                                                 .updated_at = clock_.now()});
    });
    if (!stored) throw std::runtime_error(stored.error().message);
    return std::make_shared<const Caller>(std::move(caller));
  }

  // Calls a tool and waits for its answer, which must fit the tool's output schema.
  Result<ToolResult> call_as(const std::shared_ptr<const Caller>& caller, const std::string& name,
                             const Json& arguments, const std::string& idempotency_key = "") {
    const Tool* tool = catalog_->find(name);
    if (tool == nullptr) throw std::runtime_error("no tool " + name);
    CallContext context;
    context.caller = caller;
    context.surface = Surface::mcp;
    context.request_id = "req_test";
    context.idempotency_key = idempotency_key;
    context.decision = must(limiter_.acquire(*caller->budget, caller->quota, tool->cost));
    std::promise<Result<ToolResult>> promise;
    const auto pending = catalog_->call(*tool, context, arguments,
                                        [&](Result<ToolResult> result) { promise.set_value(std::move(result)); });
    Result<ToolResult> result = promise.get_future().get();
    if (result) {
      for (const FieldError& violation : Schema(tool->output_schema).violations(result->structured)) {
        ADD_FAILURE() << name << " answers what its schema does not allow: " << violation.field << " "
                      << violation.message;
      }
      EXPECT_FALSE(result->summary.empty()) << name;
    }
    return result;
  }
  Json call(const std::string& name, const Json& arguments) {
    return must(call_as(alice_, name, arguments)).structured;
  }
  Error refusal(const std::string& name, const Json& arguments) {
    Result<ToolResult> result = call_as(alice_, name, arguments);
    if (result) throw std::runtime_error(name + " was not refused: " + to_text(result->structured));
    return std::move(result).error();
  }

  std::string make_target(const std::string& url = "http://127.0.0.1:9/") {
    return string_or(call("create_target", {{"url", url}, {"attest", true}}), "id", "");
  }
  // A scan that has ended.
  Json scan(const std::string& target_id, const std::string& profile = "passive") {
    return call("create_scan", {{"target_id", target_id}, {"profile", profile}, {"wait_seconds", 20}});
  }

  static scans::ScanOutcome outcome_with(const std::vector<std::string>& rules,
                                         scans::CheckState state = scans::CheckState::ran) {
    scans::ScanOutcome outcome;
    outcome.pinned_address = "127.0.0.1";
    outcome.requests_sent = 3;
    for (const scans::Check& check : scans::catalogue()) {
      if (check.rule.profile != scans::Profile::passive) continue;
      outcome.coverage.push_back({.check_id = std::string(check.rule.id),
                                  .state = state,
                                  .reason = state == scans::CheckState::ran ? "" : "no answer",
                                  .requests = 1,
                                  .ms = 2});
    }
    for (const std::string& rule : rules) {
      scans::Detection detection;
      detection.rule_id = rule;
      detection.severity = scans::find_check(rule)->rule.severity;
      detection.url = "http://127.0.0.1:9/";
      detection.evidence.push_back({.kind = "header", .label = "Server", .value = "careless/1.0"});
      outcome.detections.push_back(std::move(detection));
    }
    outcome.is_complete = state == scans::CheckState::ran;
    return outcome;
  }
  void scans_find(std::vector<std::string> rules, scans::CheckState state = scans::CheckState::ran) {
    scans_do([rules = std::move(rules), state](const scans::ScanPlan&, scans::ScanObserver&, std::stop_token) {
      return Result<scans::ScanOutcome>(outcome_with(rules, state));
    });
  }
  void scans_do(scans::RunScan work) {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
  }
  // A scan that runs until it is asked to stop.
  void scans_hang() {
    scans_do([](const scans::ScanPlan&, scans::ScanObserver&, std::stop_token stop) -> Result<scans::ScanOutcome> {
      testing::eventually([&] { return stop.stop_requested(); }, std::chrono::seconds{30});
      return Error(ErrorCode::cancelled, "stopped");
    });
  }

  std::vector<std::string> event_types(const std::string& scan_id) {
    std::vector<std::string> types;
    std::int64_t seq = 0;
    for (const streaming::Event& event : must(events_->read_after(scan_id, 0, 500))) {
      EXPECT_EQ(event.seq, ++seq) << "a hole in the events";
      types.push_back(event.type);
    }
    return types;
  }
  std::string status_of(const std::string& scan_id) {
    return string_or(call("get_scan", {{"scan_id", scan_id}}), "status", "");
  }

  testing::TempDir folder_;
  SystemClock clock_;
  SystemRandom random_;
  IdGenerator ids_{clock_, random_};
  TimerQueue timers_;
  OneThread executor_;
  FakeResolver resolver_;
  egress::AddressPolicy policy_{{.allow_loopback = true, .allowed_private = {}, .own_port = 8080}};
  limits::MemoryLimiter limiter_{clock_};
  limits::Tiers tiers_ = limits::Tiers::defaults();
  ToolSettings settings_;
  streaming::WebhookSettings webhook_settings_;
  streaming::WebhookNotices webhook_notices_;
  Sealer sealer_{std::string(Sealer::kKeyBytes, 'k'), random_};
  std::mutex mutex_;
  scans::RunScan work_;  // guarded by mutex_
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<streaming::EventHub> hub_;
  std::unique_ptr<streaming::EventLog> events_;
  std::unique_ptr<streaming::WebhookOutbox> outbox_;
  std::unique_ptr<streaming::ResourceWaiter> waiter_;
  std::unique_ptr<jobs::JobRunner> jobs_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<Catalog> catalog_;
  std::shared_ptr<const Caller> alice_;
  std::shared_ptr<const Caller> bob_;
};

}  // namespace weir::tools
