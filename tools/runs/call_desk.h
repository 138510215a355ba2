// The tool calls of one run: which are allowed, which wait for a person, which wait for a place, which are under way, and how
// each ends. Every step of a call is recorded before it is taken, its end with what comes next, so that a run that is taken up again makes no call twice.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/runs/call_arguments.h"
#include "tools/runs/call_inbox.h"
#include "tools/runs/run_record.h"
#include "tools/runs/run_session.h"
#include "tools/runs/run_watch.h"

namespace weir::tools::runs {

// Not thread-safe: owned by the run's thread.
class CallDesk {
 public:
  // More tool_call.progress events of one call than one in this time would tell nobody more.
  static constexpr std::chrono::milliseconds kProgressInterval{1'000};
  // What is held for less is no news: at the edge of a limit each call waits for some milliseconds.
  static constexpr std::chrono::milliseconds kHoldToldAfter{100};
  // How long a call is held by the gate before it is refused and asked for again: longer than most waits.
  static constexpr std::chrono::milliseconds kHoldMax{30'000};

  // All must outlive the desk.
  CallDesk(const RunParts& parts, RunRecord& record, RunStop& stop, const RunWatch& watch);
  CallDesk(const CallDesk&) = delete;
  CallDesk& operator=(const CallDesk&) = delete;

  // Reads what was recorded before. First.
  Result<void> load();

  // As RunSession's.
  [[nodiscard]] std::vector<CallableTool> tools() const;
  Result<void> start(CallWish wish);
  std::optional<CallOutcome> next(std::optional<std::chrono::steady_clock::time_point> deadline);
  [[nodiscard]] std::size_t under_way() const { return calls_.size(); }
  Result<void> abandon(std::string_view key);
  [[nodiscard]] std::chrono::milliseconds held_time() const;

  // Takes in what has arrived about calls while the run's thread waits for something else. Blocks up to `longest`.
  void wait(std::chrono::milliseconds longest);
  // The run has done something that is no step of a playbook or turn of a model: what follows is not our own overhead.
  void forget_last_answer() { last_answer_at_.reset(); }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  // A call that has not ended. Not thread-safe: a value.
  struct Call {
    enum class Phase : std::uint8_t { queued, resting, in_flight };
    store::ToolCallRow row{};
    CallableTool tool{};
    bool may_retry = false;
    std::int64_t max_attempts = 1;
    std::chrono::milliseconds timeout{0};
    Phase phase = Phase::queued;
    bool is_recorded = false;
    bool is_refused = false;    // by the rate limit: the next try is the same attempt
    std::uint64_t attempt = 0;  // of CallReport
    bool is_admitted = false;
    bool is_held = false;
    TimePoint held_since{};
    std::chrono::milliseconds held{0};
    std::optional<TimePoint> deadline{};  // of the try under way; none while it is held
    TimePoint rests_until{};
    UnixMillis try_began{};
    bool has_rested = false;  // a try before this one came to nothing
    std::optional<TimePoint> progress_told_at{};
    Json progress{};  // not told yet
    std::shared_ptr<PendingCall> pending{};
  };

  // What stands against a wish before any policy: (code, message).
  std::optional<Error> refusal_of(const CallWish& wish, const store::ToolCallRow& row,
                                  const std::optional<CallableTool>& tool, std::string& code);
  [[nodiscard]] std::string names_of_tools() const;

  Result<void> admit(CallWish wish);
  Result<void> resume(const CallWish& wish, store::ToolCallRow row);
  Result<void> enqueue(Call call);
  Result<void> launch(Call& call);
  void hand_over(Call& call);

  Result<void> deny(store::ToolCallRow row, std::string_view code, const std::string& message);
  Result<void> refuse_arguments(store::ToolCallRow row, const Error& error);
  Result<void> ask(store::ToolCallRow row, std::string_view required_by, const std::string& reason);

  // Everything that is due: reports, places, rests, deadlines, progress.
  Result<void> work();
  Result<void> take_in(CallReport report);
  Result<void> answered(Call& call, Result<ToolResult> answer, TimePoint at);
  void complete(Call& call, const ToolResult& result);
  Result<void> failed(Call& call, const Error& error);
  // Has the next write record and tell how it ended, and hands the outcome to next().
  void end(Call& call, std::string_view outcome, std::string_view detail);
  Result<void> rest(Call& call, std::chrono::milliseconds delay, const Error& error);
  Result<void> tell_progress(Call& call);
  // The call begins to wait for the rate limit, and ends to.
  void hold(Call& call, std::chrono::milliseconds about);
  void let_go(Call& call);
  // Remembers when the first call is held, and when none is any more.
  void note_held(std::optional<std::chrono::milliseconds> about);
  void tell_hold();
  [[nodiscard]] TimePoint next_due(TimePoint latest) const;
  [[nodiscard]] std::size_t in_flight() const;
  Result<void> audit(store::Transaction& transaction, const store::ToolCallRow& row, std::string_view action,
                     std::string_view because) const;

  const RunParts& parts_;
  RunRecord& record_;
  RunStop& stop_;
  const RunWatch& watch_;
  const std::shared_ptr<CallInbox> inbox_ = std::make_shared<CallInbox>();
  ArgumentCheck arguments_;
  std::map<std::string, store::ToolCallRow, std::less<>> rows_;  // everything recorded, by key
  std::map<std::string, Call, std::less<>> calls_;               // what has not ended
  std::deque<std::string> queue_;                                // keys that wait for a place, in the order of asking
  std::deque<CallOutcome> ready_;
  std::uint64_t attempts_ = 0;
  std::size_t held_ = 0;
  std::optional<TimePoint> held_since_;
  std::optional<std::chrono::milliseconds> held_about_;  // as it was told then
  bool is_hold_told_ = false;
  std::chrono::milliseconds held_before_{0};
  std::optional<TimePoint> last_answer_at_;
};

}  // namespace weir::tools::runs
