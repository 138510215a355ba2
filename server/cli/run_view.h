// A run's events as a person reads them: each step and tool call a line with its duration, a model's text as it comes,
// what is waited for, and what is asked. What others wrote (a model, a target) is printed without control characters.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "server/cli/terminal.h"

namespace weir::cli {

// Text that others wrote, for a terminal: line breaks and tabs stay, other control characters are shown as "\xNN", so that
// it cannot move the cursor or change colours.
std::string plain_text(std::string_view text);
// "40 ms", "1.4 s", "12 s", "3 min 5 s".
std::string duration_text(std::int64_t milliseconds);
// A run's output for people: a text as it is, of an object each member on a line, texts of several lines below their name.
std::string output_text(const Json& output);

// The exit code of terminal.h for a run as get_run shows it: its own failure is kExitFailed; of one that has completed the
// output decides: a gate that failed (`gate.pass`, or `pass`, is false) is kExitGateFailed, one that is inconclusive
// kExitFailed.
int run_exit_code(const Json& run);

// What is asked of a person: from tool_call.approval_requested, or a call of required_action.
void show_open_call(const Json& call, Terminal& terminal);

// Not thread-safe: owned by the command.
class RunView {
 public:
  enum class Decisions { by_command, asked_here };

  // `terminal` must outlive the view. With asked_here the commands that decide are not printed.
  RunView(std::string run_id, Decisions decisions, Terminal& terminal);

  // One event, in order. Unknown types are ignored.
  void show(const std::string& type, const Json& data);
  // How the run ended, as get_run shows it.
  void show_end(const Json& run);

 private:
  void show_step(const Json& data);
  void show_call_end(const std::string& type, const Json& data);
  void show_decision(const std::string& type, const Json& data);
  void ask(const Json& data);
  void show_status(const Json& data);
  void show_progress(const Json& data);
  void show_message(const Json& data);

  const std::string run_id_;
  const Decisions decisions_;
  Terminal& terminal_;
  bool has_deltas_ = false;  // of the message that is being written
  std::string last_message_;
};

}  // namespace weir::cli
