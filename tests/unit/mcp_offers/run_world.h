// A table with the tools about scans and runs as they answer, without what is behind them, for the views over it.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/timer_queue.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "streaming/resource_waiter.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tools/catalog.h"

namespace weir::mcp_offers::testing {

// Runs what is posted at once. Thread-safe.
class InlineExecutor final : public Executor {
 public:
  bool post(std::function<void()> work) override {
    work();
    return true;
  }
};

inline Json waiting_call(const std::string& id, const Json& arguments) {
  return {{"id", id},
          {"name", "create_scan"},
          {"status", "awaiting_approval"},
          {"arguments", arguments},
          {"arguments_sha256", "hash-of-" + id},
          {"approval", {{"reason", "create_scan asks for model agents."}}}};
}

// Not thread-safe: owned by a test.
class RunWorld : public ::testing::Test {
 protected:
  static Json run(const std::string& id, const std::string& status, Json tool_calls = Json::array()) {
    return {{"id", id},
            {"status", status},
            {"agent", "posture-check"},
            {"queued_at", "2026-01-02T03:04:05.000Z"},
            {"error", nullptr},
            {"tool_calls", std::move(tool_calls)}};
  }

  tools::CallContext context(std::vector<std::string> scopes = {"admin"}) {
    auto caller = std::make_shared<tools::Caller>();
    caller->account_id = "acc_1";
    caller->key_id = "key_1";
    caller->scopes = *tools::Scopes::parse(scopes);
    tools::CallContext made;
    made.caller = caller;
    return made;
  }

  std::map<std::string, Json> runs_;
  std::map<std::string, Json> scans_;
  std::vector<Json> responded_;  // arguments of respond_run
  std::vector<std::string> cancelled_;

 private:
  tools::Tool tool(std::string name, tools::Scope scope,
                   std::function<Result<tools::ToolResult>(const Json&)> handler) {
    tools::Tool made;
    made.title = name;
    made.name = std::move(name);
    made.description = "For tests.";
    made.input_schema = {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
    for (const char* argument : {"run_id", "scan_id", "include", "limit", "cursor", "decisions", "format"}) {
      made.input_schema["properties"][argument] = Json::object();
    }
    made.output_schema = {{"type", "object"}};
    made.scope = scope;
    made.handler = [handler = std::move(handler)](const tools::CallContext&, const Json& arguments) {
      return handler(arguments);
    };
    return made;
  }
  static tools::ToolResult result_of(Json json) {
    tools::ToolResult result;
    result.summary = "It is " + string_or(json, "status", "") + ".";
    result.structured = std::move(json);
    return result;
  }
  static Result<tools::ToolResult> one_of(const std::map<std::string, Json>& rows, const std::string& id) {
    const auto found = rows.find(id);
    if (found == rows.end()) return Error(ErrorCode::not_found, "There is no " + id + ".");
    return result_of(found->second);
  }
  static Result<tools::ToolResult> all_of(const std::map<std::string, Json>& rows) {
    tools::ToolResult result;
    result.structured = {{"data", Json::array()}, {"next_cursor", nullptr}};
    for (const auto& [id, row] : rows) result.structured["data"].push_back(row);
    return result;
  }
  std::vector<tools::Tool> table() {
    using tools::Scope;
    std::vector<tools::Tool> tools;
    tools.push_back(
        tool("get_run", Scope::runs_read, [this](const Json& a) { return one_of(runs_, string_or(a, "run_id", "")); }));
    tools.push_back(tool("list_runs", Scope::runs_read, [this](const Json&) { return all_of(runs_); }));
    tools.push_back(tool("create_run", Scope::runs_run, [this](const Json&) { return one_of(runs_, "run_1"); }));
    tools.push_back(tool("cancel_run", Scope::runs_run, [this](const Json& a) {
      cancelled_.push_back(string_or(a, "run_id", ""));
      return one_of(runs_, cancelled_.back());
    }));
    tools.push_back(tool("respond_run", Scope::runs_approve, [this](const Json& a) {
      responded_.push_back(a);
      for (Json& call : runs_[string_or(a, "run_id", "")]["tool_calls"]) call["status"] = "running";
      return one_of(runs_, string_or(a, "run_id", ""));
    }));
    tools.push_back(tool("get_scan", Scope::scans_read,
                         [this](const Json& a) { return one_of(scans_, string_or(a, "scan_id", "")); }));
    tools.push_back(tool("list_scans", Scope::scans_read, [this](const Json&) { return all_of(scans_); }));
    tools.push_back(tool("create_scan", Scope::scans_run, [this](const Json&) { return one_of(scans_, "scn_1"); }));
    tools.push_back(tool("list_checks", Scope::scans_read, [](const Json&) {
      return result_of({{"data", {{{"id", "cookie.secure"}, {"title", "Cookies"}}}}, {"next_cursor", nullptr}});
    }));
    return tools;
  }

  weir::testing::TempDir folder_;
  weir::testing::FakeClock clock_;
  InlineExecutor executor_;
  std::unique_ptr<store::Database> database_ = *store::Database::open({.path = (folder_.path() / "weir.db").string()});

 protected:
  TimerQueue timers_;
  std::unique_ptr<streaming::EventHub> hub_ = streaming::EventHub::create();

 private:
  std::unique_ptr<streaming::EventLog> log_ = *streaming::EventLog::open(*database_, *hub_, clock_);
  streaming::ResourceWaiter waiter_{*log_, *hub_, timers_, executor_};

 protected:
  tools::Catalog catalog_{table(), waiter_};
};

}  // namespace weir::mcp_offers::testing
