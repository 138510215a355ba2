// What an engine works with while it executes one run: records, events, tool calls under the run's policies and limits,
// and when to stop. Engines are written as if a run were executed in one go, and are executed from their beginning each
// time a run is taken up (after a restart, after an approval): whatever has been recorded under the same key is answered
// from the record, so that nothing runs twice and no event is repeated.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "store/runs_store.h"
#include "tools/agents/agent_definition.h"
#include "tools/runs/callable_tool.h"

namespace weir::tools::runs {

// A tool call that an engine wants. Not thread-safe: a value.
struct CallWish {
  std::string key;      // unique in the run and the same each time: "scan", "scan[3]", "turn2/call_abc"
  std::string step_id;  // of the step or turn that it belongs to
  std::string tool;
  Json arguments = Json::object();
  bool must_ask = false;  // the playbook says so
  // Text that others wrote has a part in it: for a model, any such text in the run; for a playbook, an argument that reads
  // such a result. Then the taint rule holds.
  bool is_influenced = false;
  bool may_retry = false;  // try again on a passing failure (max_attempts), if the tool is repeatable
  std::int64_t max_attempts = 1;
  std::chrono::milliseconds timeout{60'000};  // without the time that it is held for the owner's rate limit
};

// How a tool call ended. Not thread-safe: a value.
struct CallOutcome {
  enum class End : std::uint8_t {
    completed,
    failed,  // the tool says so, or the arguments are wrong
    denied,  // by policy, by a person, or by the loop breaker
    timed_out,
    awaiting_approval,  // a person decides; the engine ends with requires_action when nothing else can go on
    interrupted,        // a process that is gone was making it, and it must not be made again
    refused_by_limit,   // max_tool_calls: the run ends as incomplete
    stopped,            // the run must stop: see RunSession::should_stop()
  };
  std::string key;
  std::string tool_call_id{};
  End end = End::completed;
  Json result{};             // structured content, capped; null if there is none
  std::string text{};        // for a model: the summary, or the document, or the error's message
  std::string error_code{};  // of failed, denied, timed_out
  bool is_tainted = false;
  bool is_recorded = false;           // answered from the record: nothing was called now
  std::chrono::milliseconds held{0};  // for the owner's rate limit: not part of a step's time
};

// How a step ended. Not thread-safe: a value.
struct StepEnd {
  enum class Status : std::uint8_t { completed, failed, skipped } status = Status::completed;
  Json result{};
  Json error{};  // null, or {code, message}
  bool is_tainted = false;
};

// Tokens and requests of one model turn; nothing where the provider said nothing. Not thread-safe: a value.
struct TurnUsage {
  std::optional<std::int64_t> input_tokens;
  std::optional<std::int64_t> output_tokens;
  std::optional<std::int64_t> cached_input_tokens;
  std::optional<std::int64_t> reasoning_tokens;
  std::optional<std::int64_t> cost_microusd;
  std::int64_t requests = 1;
};

// What an engine came to. Not thread-safe: a value.
struct EngineOutcome {
  enum class Kind : std::uint8_t {
    completed,
    failed,
    incomplete,
    requires_action,  // at least one call awaits approval
    stopped,          // should_stop() says why
  } kind = Kind::completed;
  Json output{};       // of completed, and what there is of incomplete
  std::string code{};  // of failed: an ErrorCode's name or "server_restarted", "timeout", ...
                       // of incomplete: max_steps, max_tokens, ...
  std::string message{};
};

// Not thread-safe: owned by the run's thread.
class RunSession {
 public:
  virtual ~RunSession() = default;

  [[nodiscard]] virtual const store::RunRow& run() const = 0;
  [[nodiscard]] virtual const agents::AgentDefinition& agent() const = 0;
  [[nodiscard]] virtual const agents::RunLimits& limits() const = 0;
  // What the run may call now: the agent's grants, the owner's scopes and the server's policy together.
  [[nodiscard]] virtual std::vector<CallableTool> tools() const = 0;
  // Text that others wrote has come into the run.
  [[nodiscard]] virtual bool is_tainted() const = 0;

  // True for a cancellation, the deadline, a shutdown, a lost lease, a revoked key, an agent that was disabled: the engine
  // returns `stopped` soon, without writing more.
  [[nodiscard]] virtual bool should_stop() const = 0;
  [[nodiscard]] virtual std::stop_token stop_token() const = 0;
  [[nodiscard]] virtual const Clock& clock() const = 0;
  // Blocks for `delay`, or until the run should stop: then false.
  virtual bool wait(std::chrono::milliseconds delay) = 0;

  // Records and tells that a step has begun. If it has ended before, its recorded end, and nothing is told.
  virtual Result<std::optional<StepEnd>> begin_step(std::string_view step_id, std::string_view tool) = 0;
  virtual Result<void> end_step(std::string_view step_id, const StepEnd& end) = 0;
  // Records and tells that a step ends as skipped that never began; once.
  virtual Result<void> skip_step(std::string_view step_id, std::string_view tool, const StepEnd& end) = 0;
  // Whether the step has begun, in this or an earlier life of the run: what has begun is finished, also when something else
  // has failed meanwhile.
  [[nodiscard]] virtual bool has_begun(std::string_view step_id) const = 0;

  // Starts a call; how it ends comes from next_call(). At most limits().max_parallel are under way, the others queue.
  virtual Result<void> start_call(CallWish wish) = 0;
  // Blocks until a started call has ended, until `deadline`, or until the run should stop: then nothing. Also nothing if
  // no call is under way.
  virtual std::optional<CallOutcome> next_call(std::optional<std::chrono::steady_clock::time_point> deadline = {}) = 0;
  [[nodiscard]] virtual std::size_t calls_under_way() const = 0;
  // Gives up a call that is under way: it ends as timed_out in the record, and next_call() tells nothing of it any more.
  virtual Result<void> abandon_call(std::string_view key) = 0;
  // For how long altogether calls have waited for the owner's rate limit: no time that a step has used, so whoever bounds a
  // step by a deadline adds what this has grown by. CallWish::timeout does not count it either.
  [[nodiscard]] virtual std::chrono::milliseconds held_time() const { return std::chrono::milliseconds{0}; }

  // What a model said and heard, this run's and, before it, that of the runs that it goes on from. Oldest first.
  virtual Result<std::vector<store::RunMessageRow>> messages() = 0;
  // Records a message; an assistant's tells message.completed with `text`.
  virtual Result<void> add_message(std::string_view role, Json content, std::string_view text) = 0;
  // A message of the model begins; then its pieces (coalesced, kept for a day), then add_message().
  virtual Result<void> begin_message() = 0;
  enum class DeltaKind : std::uint8_t { text, reasoning };
  virtual Result<void> add_delta(DeltaKind kind, std::string_view piece) = 0;

  // Adds to the run's usage and tells it. Which budget is used up, if any: "max_tokens" or "max_cost".
  virtual Result<std::optional<std::string>> add_usage(const TurnUsage& usage) = 0;
  virtual Result<void> add_attempt(std::string_view subject, std::int64_t n, std::string_view outcome,
                                   std::string_view detail, UnixMillis started_at) = 0;
  // Tells people something that changes nothing: a `warning` event.
  virtual Result<void> warn(std::string_view code, std::string_view message) = 0;
};

// Executes a run from its beginning, see above. Returns an error only if the records cannot be written: then the run is
// taken up again later.
using Engine = std::function<Result<EngineOutcome>(RunSession&)>;

}  // namespace weir::tools::runs
