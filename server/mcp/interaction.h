// One run of a prompt or of a tool that exists only over MCP: what its handler may do before it answers. The same
// handler serves every revision: what one asks of the client is a result with `input_required` since 2026-07-28
// (SEP-2322) and a request to the client before, and in both the handler is run again with the answers.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "server/mcp/jsonrpc.h"
#include "server/mcp/revision.h"
#include "server/mcp/tasks.h"

namespace weir::mcp {

class Interaction;
// Must answer, fail or ask, now or later, exactly once. Must not block for longer than a database call.
using InteractionHandler = std::function<void(const std::shared_ptr<Interaction>&)>;

// Thread-safe.
class Interaction : public std::enable_shared_from_this<Interaction> {
 public:
  // Reads the answers that the request brings, verifies its requestState and runs the handler; answers -32602 instead if
  // either is not what it must be.
  static void run(const Dispatch& dispatch, const std::shared_ptr<Call>& call, Json arguments,
                  const InteractionHandler& handler);
  Interaction(const Dispatch& dispatch, std::shared_ptr<Call> call, Json arguments, InteractionHandler handler);
  ~Interaction();

  [[nodiscard]] const Json& arguments() const { return arguments_; }
  // What the client answered to ask(), by key: the result of each request. Empty in the first round; a key that is
  // missing was not answered.
  [[nodiscard]] const Json& responses() const { return responses_; }
  // The state given to the ask() of the round before; null in the first round.
  [[nodiscard]] const Json& state() const { return state_; }
  [[nodiscard]] const Dispatch& dispatch() const;
  [[nodiscard]] tools::CallContext context() const;
  [[nodiscard]] Revision revision() const;
  // True if the client declares what a request of that method needs.
  [[nodiscard]] bool can_ask(std::string_view method) const;
  // True if the answer may be a task.
  [[nodiscard]] bool may_be_task() const;
  // True once nobody waits for the answer any more.
  [[nodiscard]] bool is_abandoned() const { return is_abandoned_; }

  // Each opens the stream of this request if need be. Progress is told only to a client that gave a token, a log line
  // only to one that wants lines of that level (RFC 5424 names). Never block.
  void progress(double done, double total, std::string_view message = "");
  void log(std::string_view level, Json data);
  // From here on the answer is the end of a stream, if the client reads streams.
  void open_stream();
  // Ends the connection but not the call: the client is to come back for the answer. False where it could not.
  bool break_stream();

  void answer(Json result);
  void answer_task(const Task& task);
  void fail(const RpcError& error);
  // Asks the client: `requests` is {"key": {"method", "params"}, ...}. Then the handler runs again, with `state`.
  // A client that does not declare what a request needs gets -32021 (2026-07-28) or a failed result.
  void ask(Json requests, Json state = nullptr);
  // Runs `work` on the executor after the delay, unless the interaction was abandoned by then.
  void later(std::chrono::milliseconds delay, std::function<void()> work);

 private:
  void ask_in_session(Json requests, Json state);

  const std::shared_ptr<const Dispatch> dispatch_;
  const std::shared_ptr<Call> call_;
  const Json arguments_;
  const InteractionHandler handler_;
  Json responses_ = Json::object();  // both constant once run
  Json state_ = nullptr;
  std::atomic<bool> is_abandoned_{false};
  std::atomic<bool> has_stream_{false};
};

// A CallToolResult with one text.
Json text_result(std::string text, bool is_error = false);

}  // namespace weir::mcp
