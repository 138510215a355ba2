// A run without a database: what RunSession promises, on records in memory. The records outlive the session, so that a
// test can end the process at any write and go on with a new session. Not thread-safe: owned by the test.
#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "tests/support/fake_clock.h"
#include "tools/runs/run_session.h"

namespace weir::testing {

// What a database would keep. Not thread-safe: a value.
struct FakeRunRecords {
  store::RunRow run;
  std::vector<store::RunMessageRow> messages;                                     // earlier runs' first
  std::map<std::string, std::optional<tools::runs::StepEnd>, std::less<>> steps;  // nothing: has not ended
  std::set<std::string, std::less<>> started_calls;
  std::set<std::string, std::less<>> waiting_calls;                    // for a person
  std::map<std::string, tools::runs::CallOutcome, std::less<>> calls;  // those that have ended
  std::vector<store::RunAttemptRow> attempts;
  std::vector<tools::runs::TurnUsage> usage;
  std::vector<std::pair<std::string, Json>> events;
  bool is_tainted = false;

  [[nodiscard]] std::vector<std::string> event_types() const {
    std::vector<std::string> types;
    types.reserve(events.size());
    for (const auto& [type, data] : events) types.push_back(type);
    return types;
  }
  // The texts that came as deltas of that kind, since the last message began.
  [[nodiscard]] std::string streamed(const std::string& kind) const {
    std::string text;
    for (const auto& [type, data] : events) {
      if (type == "message.started") text.clear();
      if (type == "message.delta" && data.value("kind", "") == kind) text += data.value("text", "");
    }
    return text;
  }
};

class FakeRunSession final : public tools::runs::RunSession {
 public:
  using Wish = tools::runs::CallWish;
  using Outcome = tools::runs::CallOutcome;
  using Row = store::RunMessageRow;

  FakeRunSession(FakeRunRecords& records, tools::agents::AgentDefinition agent)
      : records_(records), agent_(std::move(agent)) {}

  // How a tool answers; key and tool_call_id are filled in. Called once for each call that is made. awaiting_approval,
  // refused_by_limit and stopped are not recorded: the next session asks again.
  std::function<Outcome(const Wish&)> tool = [](const Wish&) { return Outcome{}; };
  std::vector<tools::runs::CallableTool> offered;
  // The answer of add_usage.
  std::function<std::optional<std::string>(const tools::runs::TurnUsage&)> budget;
  // The process ends when so many records have been written: later writes fail. Negative: never.
  std::int64_t writes_left = -1;
  bool must_stop = false;
  bool answers_last_first = false;  // calls end in the opposite order
  std::vector<Wish> made;           // calls that this session has really made
  std::vector<std::chrono::milliseconds> waits;
  FakeClock fake_clock;

  void request_stop() {
    must_stop = true;
    stop_.request_stop();
  }

  [[nodiscard]] const store::RunRow& run() const override { return records_.run; }
  [[nodiscard]] const tools::agents::AgentDefinition& agent() const override { return agent_; }
  [[nodiscard]] const tools::agents::RunLimits& limits() const override { return agent_.limits; }
  [[nodiscard]] std::vector<tools::runs::CallableTool> tools() const override { return offered; }
  [[nodiscard]] bool is_tainted() const override { return records_.is_tainted; }
  [[nodiscard]] bool should_stop() const override { return must_stop; }
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.get_token(); }
  [[nodiscard]] const Clock& clock() const override { return fake_clock; }

  bool wait(std::chrono::milliseconds delay) override {
    waits.push_back(delay);
    fake_clock.advance(delay);
    return !must_stop;
  }

  Result<std::optional<tools::runs::StepEnd>> begin_step(std::string_view step_id,
                                                         std::string_view step_tool) override {
    const auto known = records_.steps.find(step_id);
    if (known != records_.steps.end()) return known->second;
    if (Result<void> written = write(); !written) return std::move(written).error();
    records_.steps.emplace(step_id, std::nullopt);
    tell("step.started", {{"step_id", step_id}, {"tool", step_tool}});
    return std::optional<tools::runs::StepEnd>();
  }

  Result<void> end_step(std::string_view step_id, const tools::runs::StepEnd& end) override {
    if (Result<void> written = write(); !written) return written;
    records_.steps[std::string(step_id)] = end;
    tell("step.completed", {{"step_id", step_id}, {"status", static_cast<int>(end.status)}});
    return {};
  }

  Result<void> skip_step(std::string_view step_id, std::string_view, const tools::runs::StepEnd& end) override {
    return has_begun(step_id) ? Result<void>() : end_step(step_id, end);
  }

  [[nodiscard]] bool has_begun(std::string_view step_id) const override { return records_.steps.contains(step_id); }

  Result<void> start_call(Wish wish) override {
    const bool is_known = records_.started_calls.contains(wish.key);
    if (!is_known) {
      if (Result<void> written = write(); !written) return written;
      records_.started_calls.insert(wish.key);
      tell("tool_call.created", {{"key", wish.key}, {"name", wish.tool}, {"arguments", wish.arguments}});
    }
    under_way_.push_back({std::move(wish), is_known});
    return {};
  }

  std::optional<Outcome> next_call(std::optional<std::chrono::steady_clock::time_point> deadline) override {
    if (must_stop || under_way_.empty()) return std::nullopt;
    if (deadline && fake_clock.steady_now() >= *deadline) return std::nullopt;
    UnderWay next = answers_last_first ? under_way_.back() : under_way_.front();
    answers_last_first ? under_way_.pop_back() : under_way_.pop_front();
    if (const auto ended = records_.calls.find(next.wish.key); ended != records_.calls.end()) return ended->second;
    Outcome outcome;
    if (next.was_started && !is_repeatable(next.wish.tool) && !records_.waiting_calls.contains(next.wish.key)) {
      outcome.end = Outcome::End::interrupted;
    } else {
      made.push_back(next.wish);
      outcome = tool(next.wish);
    }
    outcome.key = next.wish.key;
    outcome.tool_call_id = "tcl_" + next.wish.key;
    if (outcome.end == Outcome::End::stopped) request_stop();
    if (outcome.end == Outcome::End::awaiting_approval) records_.waiting_calls.insert(next.wish.key);
    if (outcome.end == Outcome::End::awaiting_approval || outcome.end == Outcome::End::refused_by_limit ||
        outcome.end == Outcome::End::stopped) {
      return outcome;
    }
    if (Result<void> written = write(); !written) {
      must_stop = true;
      return std::nullopt;
    }
    records_.calls[next.wish.key] = outcome;
    records_.is_tainted = records_.is_tainted || outcome.is_tainted;
    tell("tool_call.ended", {{"key", next.wish.key}, {"end", static_cast<int>(outcome.end)}});
    return outcome;
  }

  [[nodiscard]] std::size_t calls_under_way() const override { return under_way_.size(); }

  Result<void> abandon_call(std::string_view key) override {
    if (Result<void> written = write(); !written) return written;
    std::erase_if(under_way_, [&](const UnderWay& one) { return one.wish.key == key; });
    records_.calls[std::string(key)] = {
        .key = std::string(key), .end = Outcome::End::timed_out, .error_code = "timed_out"};
    return {};
  }

  Result<std::vector<Row>> messages() override { return records_.messages; }

  Result<void> add_message(std::string_view role, Json content, std::string_view text) override {
    if (Result<void> written = write(); !written) return written;
    records_.messages.push_back({.run_id = records_.run.id,
                                 .position = static_cast<std::int64_t>(records_.messages.size()),
                                 .role = std::string(role),
                                 .content = std::move(content)});
    if (role == "assistant") tell("message.completed", {{"text", text}});
    return {};
  }

  Result<void> begin_message() override {
    if (Result<void> written = write(); !written) return written;
    tell("message.started", Json::object());
    return {};
  }

  Result<void> add_delta(DeltaKind kind, std::string_view piece) override {
    tell("message.delta", {{"kind", kind == DeltaKind::text ? "text" : "reasoning"}, {"text", piece}});
    return {};
  }

  Result<std::optional<std::string>> add_usage(const tools::runs::TurnUsage& usage) override {
    if (Result<void> written = write(); !written) return std::move(written).error();
    records_.usage.push_back(usage);
    return budget ? budget(usage) : std::nullopt;
  }

  Result<void> add_attempt(std::string_view subject, std::int64_t n, std::string_view outcome, std::string_view detail,
                           UnixMillis started_at) override {
    if (Result<void> written = write(); !written) return written;
    records_.attempts.push_back({.run_id = records_.run.id,
                                 .subject = std::string(subject),
                                 .n = n,
                                 .outcome = std::string(outcome),
                                 .detail = std::string(detail),
                                 .started_at = started_at,
                                 .finished_at = fake_clock.now()});
    return {};
  }

  Result<void> warn(std::string_view code, std::string_view message) override {
    if (Result<void> written = write(); !written) return written;
    tell("warning", {{"code", code}, {"message", message}});
    return {};
  }

 private:
  struct UnderWay {
    Wish wish;
    bool was_started = false;  // by an earlier session
  };

  Result<void> write() {
    if (writes_left == 0) return internal_error("the process has ended");
    if (writes_left > 0) --writes_left;
    return {};
  }
  void tell(std::string type, Json data) { records_.events.emplace_back(std::move(type), std::move(data)); }
  [[nodiscard]] bool is_repeatable(const std::string& name) const {
    return std::any_of(offered.begin(), offered.end(),
                       [&](const auto& one) { return one.name == name && one.is_repeatable; });
  }

  FakeRunRecords& records_;
  tools::agents::AgentDefinition agent_;
  std::deque<UnderWay> under_way_;
  std::stop_source stop_;
};

}  // namespace weir::testing
