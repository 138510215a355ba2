// A playbook's run without a server: what RunSession promises, on records in memory and in a time that only tests move. Calls
// take time and overlap; the process can be ended at any write and the run taken up again, with what was under way left open.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tools/runs/playbook/playbook_engine.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs::testing {

using End = CallOutcome::End;
using Kind = EngineOutcome::Kind;
using std::chrono::milliseconds;

// What a database would keep of a call. Not thread-safe: a value.
struct CallRecord {
  enum class State { running, awaiting, approved, ended } state = State::running;
  CallOutcome outcome{};
};

// The world around the run: tools, records, and what was really done. Outlives the sessions. Not thread-safe: owned by the test.
class PlaybookLab final : public ToolDirectory {
 public:
  // A tool that may be called again, unless told otherwise.
  PlaybookLab() {
    add_tool("read", true);
    add_tool("scan", true);
    add_tool("once", false);
  }

  void add_tool(const std::string& name, bool is_repeatable, const std::string& source = "builtin") {
    CallableTool& tool = tools_[name];
    tool.name = name;
    tool.source = source;
    tool.is_repeatable = is_repeatable;
  }
  [[nodiscard]] std::vector<CallableTool> all() const override {
    std::vector<CallableTool> tools;
    for (const auto& [name, tool] : tools_) tools.push_back(tool);
    return tools;
  }
  [[nodiscard]] std::optional<CallableTool> find(std::string_view name) const override {
    const auto found = tools_.find(name);
    return found == tools_.end() ? std::nullopt : std::optional(found->second);
  }

  // Appends a step that needs the one before it, unless `needs` says otherwise.
  agents::Step& step(const std::string& id, const std::string& tool = "read", Json args = Json::object()) {
    agents::Step one;
    one.id = id;
    one.tool = tool;
    one.args = std::move(args);
    if (!steps().empty()) one.needs = {steps().back().id};
    steps().push_back(one);
    return steps().back();
  }
  std::vector<agents::Step>& steps() { return agent.playbook.steps; }

  // One life of the run, until the engine says how it ended. In the time that has passed before, nothing was called.
  EngineOutcome run();
  // The same with the end of the process at the write number `writes_left`: nothing if it died.
  std::optional<EngineOutcome> run_and_die_at(std::int64_t writes_left);

  // A person decides about the call that waits.
  void approve(const std::string& key) { calls.at(key).state = CallRecord::State::approved; }
  void deny(const std::string& key) {
    calls.at(key) = {
        .state = CallRecord::State::ended,
        .outcome = {.key = key, .end = End::denied, .text = "no, thanks", .error_code = "denied_by_person"}};
  }

  [[nodiscard]] std::vector<std::string> keys_made() const {
    std::vector<std::string> keys;
    for (const CallWish& wish : made) keys.push_back(wish.key);
    return keys;
  }
  [[nodiscard]] const CallWish& wish(const std::string& key) const {
    const auto found = std::ranges::find(made, key, &CallWish::key);
    if (found == made.end()) {
      ADD_FAILURE() << key << " was never called";
      return made.front();
    }
    return *found;
  }
  // "completed", "failed", "skipped", "begun" or "" if nothing is known of it.
  [[nodiscard]] std::string status_of(const std::string& step_id) const {
    const auto found = step_records.find(step_id);
    if (found == step_records.end()) return "";
    if (!found->second) return "begun";
    constexpr std::array kNames = {"completed", "failed", "skipped"};
    return kNames[static_cast<std::size_t>(found->second->status)];
  }
  [[nodiscard]] std::string error_of(const std::string& step_id) const {
    return string_or(step_records.at(step_id).value().error, "message", "");
  }

  agents::AgentDefinition agent;
  Json input = Json::object();
  // How a tool answers, and after which time.
  std::function<CallOutcome(const CallWish&)> answer = [](const CallWish& wish) {
    return CallOutcome{.key = wish.key, .result = {{"key", wish.key}, {"args", wish.arguments}}};
  };
  std::function<milliseconds(const CallWish&)> duration = [](const CallWish&) { return milliseconds{10}; };
  std::function<bool(const CallWish&)> asks = [](const CallWish& wish) { return wish.must_ask; };
  std::function<void(const CallWish&)> on_call = [](const CallWish&) {};
  bool must_stop = false;

  std::map<std::string, std::optional<StepEnd>, std::less<>> step_records;
  std::map<std::string, CallRecord> calls;
  std::vector<std::string> events;     // "begin scan", "end scan", "skip scan"
  std::vector<CallWish> made;          // each time a tool was really asked
  std::multiset<std::string> effects;  // what tools did; a repeatable one does the same once
  std::size_t most_at_once = 0;
  std::vector<milliseconds> waits;
  weir::testing::FakeClock clock;

 private:
  std::map<std::string, CallableTool, std::less<>> tools_;
};

class LabSession final : public RunSession {
 public:
  LabSession(PlaybookLab& lab, std::int64_t writes_left) : lab_(lab), writes_left_(writes_left) {
    run_.id = "run_1";
    run_.agent_id = "agt_1";
    run_.input = lab.input;
  }

  [[nodiscard]] bool is_dead() const { return is_dead_; }

  [[nodiscard]] const store::RunRow& run() const override { return run_; }
  [[nodiscard]] const agents::AgentDefinition& agent() const override { return lab_.agent; }
  [[nodiscard]] const agents::RunLimits& limits() const override { return lab_.agent.limits; }
  [[nodiscard]] std::vector<CallableTool> tools() const override { return lab_.all(); }
  [[nodiscard]] bool is_tainted() const override { return false; }
  [[nodiscard]] bool should_stop() const override { return lab_.must_stop || is_dead_; }
  [[nodiscard]] std::stop_token stop_token() const override { return {}; }
  [[nodiscard]] const Clock& clock() const override { return lab_.clock; }
  bool wait(milliseconds delay) override {
    lab_.waits.push_back(delay);
    lab_.clock.advance(delay);
    return !should_stop();
  }

  Result<std::optional<StepEnd>> begin_step(std::string_view step_id, std::string_view) override {
    const auto found = lab_.step_records.find(step_id);
    if (found != lab_.step_records.end()) return found->second;
    if (auto written = write(); !written) return std::move(written).error();
    lab_.step_records.emplace(step_id, std::nullopt);
    lab_.events.push_back("begin " + std::string(step_id));
    return std::optional<StepEnd>();
  }
  Result<void> end_step(std::string_view step_id, const StepEnd& end) override {
    EXPECT_EQ(lab_.status_of(std::string(step_id)), "begun");
    return store_end(step_id, end, "end ");
  }
  Result<void> skip_step(std::string_view step_id, std::string_view, const StepEnd& end) override {
    EXPECT_EQ(end.status, StepEnd::Status::skipped);
    return has_begun(step_id) ? Result<void>() : store_end(step_id, end, "skip ");
  }
  [[nodiscard]] bool has_begun(std::string_view step_id) const override { return lab_.step_records.contains(step_id); }

  Result<void> start_call(CallWish wish) override {
    EXPECT_EQ(lab_.status_of(wish.step_id), "begun") << wish.key;
    EXPECT_LT(under_way_.size(), static_cast<std::size_t>(limits().max_parallel)) << "the engine counts, too";
    EXPECT_FALSE(keys_.contains(wish.key)) << wish.key << " is wanted twice in one life";
    keys_.insert(wish.key);
    const auto found = lab_.calls.find(wish.key);
    if (found != lab_.calls.end() && found->second.state != CallRecord::State::approved)
      return recall(wish, found->second);
    if (found == lab_.calls.end() && lab_.calls.size() >= static_cast<std::size_t>(limits().max_tool_calls)) {
      said_.push_back({.key = wish.key, .end = End::refused_by_limit, .text = "no more calls"});
      return {};
    }
    const bool must_ask = found == lab_.calls.end() && lab_.asks(wish);
    if (auto written = write(); !written) return written;
    lab_.calls[wish.key].state = must_ask ? CallRecord::State::awaiting : CallRecord::State::running;
    if (must_ask) {
      lab_.made.push_back(wish);  // the arguments that a person would see
      said_.push_back({.key = wish.key, .end = End::awaiting_approval});
    } else {
      make(std::move(wish));
    }
    return {};
  }

  std::optional<CallOutcome> next_call(std::optional<std::chrono::steady_clock::time_point> deadline) override {
    if (should_stop()) return std::nullopt;
    if (!said_.empty()) {
      CallOutcome outcome = std::move(said_.front());
      said_.erase(said_.begin());
      return outcome;
    }
    const auto first = std::ranges::min_element(under_way_, {}, &UnderWay::ends_at);
    if (first == under_way_.end()) return std::nullopt;
    const auto now = lab_.clock.steady_now();
    if (deadline && *deadline < first->ends_at) {
      if (*deadline > now) lab_.clock.advance(std::chrono::ceil<milliseconds>(*deadline - now));
      return std::nullopt;
    }
    if (first->ends_at > now) lab_.clock.advance(std::chrono::ceil<milliseconds>(first->ends_at - now));
    const UnderWay ended = *first;
    under_way_.erase(first);
    const auto tool = lab_.find(ended.wish.tool);
    if (!tool || !tool->is_repeatable || !lab_.effects.contains(ended.wish.key)) lab_.effects.insert(ended.wish.key);
    CallOutcome outcome = lab_.answer(ended.wish);
    outcome.key = ended.wish.key;
    if (!write()) return std::nullopt;  // done, and nobody will know
    lab_.calls[ended.wish.key] = {.state = CallRecord::State::ended, .outcome = outcome};
    return outcome;
  }

  [[nodiscard]] std::size_t calls_under_way() const override { return under_way_.size() + said_.size(); }
  Result<void> abandon_call(std::string_view) override { return internal_error("playbooks abandon nothing"); }
  Result<std::vector<store::RunMessageRow>> messages() override { return std::vector<store::RunMessageRow>(); }
  Result<void> add_message(std::string_view, Json, std::string_view) override { return {}; }
  Result<void> begin_message() override { return {}; }
  Result<void> add_delta(DeltaKind, std::string_view) override { return {}; }
  Result<std::optional<std::string>> add_usage(const TurnUsage&) override { return std::optional<std::string>(); }
  Result<void> add_attempt(std::string_view, std::int64_t, std::string_view, std::string_view, UnixMillis) override {
    return {};
  }
  Result<void> warn(std::string_view, std::string_view) override { return {}; }

 private:
  struct UnderWay {
    CallWish wish;
    std::chrono::steady_clock::time_point ends_at;
  };

  Result<void> write() {
    if (writes_left_ == 0) {
      is_dead_ = true;
      return internal_error("the process has ended");
    }
    if (writes_left_ > 0) --writes_left_;
    return {};
  }

  Result<void> store_end(std::string_view step_id, const StepEnd& end, const std::string& event) {
    if (auto written = write(); !written) return written;
    lab_.step_records[std::string(step_id)] = end;
    lab_.events.push_back(event + std::string(step_id));
    return {};
  }

  // Answered from the record; what was under way is made again if it may be.
  Result<void> recall(const CallWish& wish, const CallRecord& record) {
    if (record.state == CallRecord::State::ended) {
      said_.push_back(record.outcome);
      said_.back().is_recorded = true;
    } else if (record.state == CallRecord::State::awaiting) {
      said_.push_back({.key = wish.key, .end = End::awaiting_approval, .is_recorded = true});
    } else if (const auto tool = lab_.find(wish.tool); tool && tool->is_repeatable) {
      make(wish);
    } else {
      if (auto written = write(); !written) return written;
      said_.push_back({.key = wish.key, .end = End::interrupted});
      lab_.calls[wish.key] = {.state = CallRecord::State::ended, .outcome = said_.back()};
    }
    return {};
  }

  void make(CallWish wish) {
    lab_.on_call(wish);
    lab_.made.push_back(wish);
    const auto ends_at = lab_.clock.steady_now() + lab_.duration(wish);
    under_way_.push_back({std::move(wish), ends_at});
    lab_.most_at_once = std::max(lab_.most_at_once, under_way_.size());
  }

  PlaybookLab& lab_;
  std::int64_t writes_left_;  // negative: no end
  bool is_dead_ = false;
  store::RunRow run_;
  std::set<std::string> keys_;
  std::vector<UnderWay> under_way_;
  std::vector<CallOutcome> said_;
};

inline std::optional<EngineOutcome> PlaybookLab::run_and_die_at(std::int64_t writes_left) {
  LabSession session(*this, writes_left);
  auto outcome = playbook_engine(*this)(session);
  if (session.is_dead()) return std::nullopt;
  if (!outcome) {
    ADD_FAILURE() << outcome.error().message << " " << outcome.error().cause;
    return EngineOutcome{.kind = Kind::failed, .code = "records"};
  }
  return *std::move(outcome);
}

inline EngineOutcome PlaybookLab::run() { return run_and_die_at(-1).value(); }

}  // namespace weir::tools::runs::testing
