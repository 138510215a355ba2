// The RunSession of the server: records in the database, events in the log, calls through the desk.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "streaming/delta_coalescer.h"
#include "tools/runs/call_desk.h"
#include "tools/runs/run_record.h"
#include "tools/runs/run_session.h"
#include "tools/runs/run_watch.h"

namespace weir::tools::runs {

// Not thread-safe: owned by the run's thread.
class DatabaseRunSession final : public RunSession {
 public:
  // How many runs back `previous_run_id` is followed for their messages, and how many messages that may be.
  static constexpr int kChainMax = 50;
  static constexpr std::size_t kMessagesMax = 2'000;

  // All must outlive the session.
  DatabaseRunSession(const RunParts& parts, RunRecord& record, RunStop& stop, const RunWatch& watch);

  ~DatabaseRunSession() override;
  DatabaseRunSession(const DatabaseRunSession&) = delete;
  DatabaseRunSession& operator=(const DatabaseRunSession&) = delete;

  // Reads what was recorded before. First.
  Result<void> load();

  [[nodiscard]] const store::RunRow& run() const override { return record_.row(); }
  [[nodiscard]] const agents::AgentDefinition& agent() const override { return record_.agent(); }
  [[nodiscard]] const agents::RunLimits& limits() const override { return record_.limits(); }
  [[nodiscard]] std::vector<CallableTool> tools() const override { return desk_.tools(); }
  [[nodiscard]] bool is_tainted() const override { return record_.row().is_tainted; }

  [[nodiscard]] bool should_stop() const override { return stop_.is_requested(); }
  [[nodiscard]] std::stop_token stop_token() const override { return stop_.token(); }
  [[nodiscard]] const Clock& clock() const override { return parts_.clock; }
  bool wait(std::chrono::milliseconds delay) override;

  Result<std::optional<StepEnd>> begin_step(std::string_view step_id, std::string_view tool) override;
  [[nodiscard]] bool has_begun(std::string_view step_id) const override { return steps_.contains(step_id); }
  Result<void> end_step(std::string_view step_id, const StepEnd& end) override;
  Result<void> skip_step(std::string_view step_id, std::string_view tool, const StepEnd& end) override;

  Result<void> start_call(CallWish wish) override { return desk_.start(std::move(wish)); }
  std::optional<CallOutcome> next_call(std::optional<std::chrono::steady_clock::time_point> deadline) override {
    return desk_.next(deadline);
  }
  [[nodiscard]] std::size_t calls_under_way() const override { return desk_.under_way(); }
  Result<void> abandon_call(std::string_view key) override { return desk_.abandon(key); }
  [[nodiscard]] std::chrono::milliseconds held_time() const override { return desk_.held_time(); }

  Result<std::vector<store::RunMessageRow>> messages() override;
  Result<void> add_message(std::string_view role, Json content, std::string_view text) override;
  Result<void> begin_message() override;
  Result<void> add_delta(DeltaKind kind, std::string_view piece) override;

  Result<std::optional<std::string>> add_usage(const TurnUsage& usage) override;
  Result<void> add_attempt(std::string_view subject, std::int64_t n, std::string_view outcome, std::string_view detail,
                           UnixMillis started_at) override;
  Result<void> warn(std::string_view code, std::string_view message) override;

 private:
  [[nodiscard]] store::RunStepRow new_step(std::string_view step_id, std::string_view tool) const;
  // A playbook's steps are written together with the call that follows them, or before the run waits: the engine comes to
  // the same steps again. A model's turn begins with a wait.
  Result<void> write_step(std::function<Result<void>(store::Transaction&)> body);
  Result<void> store_end(store::RunStepRow step, const StepEnd& end);
  Result<void> tell_delta(DeltaKind kind, std::string text);
  Result<void> flush_deltas();

  const RunParts& parts_;
  RunRecord& record_;
  RunStop& stop_;
  CallDesk desk_;
  std::map<std::string, store::RunStepRow, std::less<>> steps_;
  std::int64_t messages_ = 0;  // of this run
  streaming::DeltaCoalescer text_;
  streaming::DeltaCoalescer reasoning_;
};

// How a recorded step ended; nothing while it has not.
std::optional<StepEnd> end_of_step(const store::RunStepRow& step);

}  // namespace weir::tools::runs
