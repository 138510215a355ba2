#include <unistd.h>

#include "server/cli/event_path.h"
#include "server/cli/interrupt_watch.h"
#include "server/cli/line_input.h"
#include "server/cli/run_command.h"
#include "server/cli/run_decisions.h"
#include "server/cli/run_view.h"
#include "server/cli/tool_answer.h"

namespace weir::cli {
namespace {

constexpr std::size_t kAnswerBytesMax = 1'000;
// The stream has ended: the run has, too, within moments.
constexpr int kLastWaitSeconds = 10;

// One run as it is followed. Not thread-safe: owned by follow_run.
class Follower {
 public:
  Follower(const FollowOptions& options, Client& client, Terminal& terminal)
      : options_(options),
        client_(client),
        terminal_(terminal),
        is_for_people_(terminal.is_terminal() && !options.as_json),
        view_(options.run_id, options.approves ? RunView::Decisions::asked_here : RunView::Decisions::by_command,
              terminal) {}

  int run() {
    while (true) {
      const Result<void> followed = follow_once();
      if (is_interrupted_) return leave();
      if (!must_ask_) return conclude(followed);
      must_ask_ = false;
      if (!ask()) return leave();
    }
  }

 private:
  // Until the run has ended, a person is to be asked, or Ctrl-C.
  Result<void> follow_once() {
    const InterruptWatch watch;
    const std::string path = event_path({.resource = options_.run_id, .types = "", .after = std::to_string(last_seq_)});
    Result<void> done = client_.follow(
        path, [&](const streaming::SseEvent& event) { return take(event); }, watch.token(), kFollowReconnectsMax);
    is_interrupted_ = watch.has_come();
    return done;
  }

  // False ends the following.
  bool take(const streaming::SseEvent& event) {
    const auto envelope = parse_json(event.data);
    if (!envelope || event.type == "snapshot") return true;
    const auto seq = integer_member(*envelope, "seq");
    if (seq && *seq <= last_seq_) return true;
    last_seq_ = seq.value_or(last_seq_);
    const Json* data = find_member(*envelope, "data");
    if (!is_for_people_) {
      terminal_.line(to_text(event.type == "gap" ? Json{{"type", "gap"}, {"data", *envelope}} : *envelope));
    } else if (data != nullptr) {
      view_.show(event.type, *data);
    }
    must_ask_ = options_.approves && event.type == "run.requires_action";
    return !must_ask_ && !is_last_frame(event.type, *envelope);
  }

  int leave() {
    terminal_.note("\nThe run goes on without you.\n  come back  weir runs follow " + options_.run_id +
                   "\n  end it     weir runs cancel " + options_.run_id);
    return kExitOk;
  }

  // Each call that waits; false on Ctrl-C or at the end of the input.
  bool ask() {
    const auto run = ask_tool(client_, terminal_, "get_run", {{"run_id", options_.run_id}});
    if (!run) return true;
    Json decisions = Json::array();
    for (const Json& call : calls_to_decide(*run)) {
      terminal_.note("Allow " + string_or(call, "name", "") + " " + string_or(call, "tool_call_id", "") + "? [y/N] ");
      std::string line;
      const LineInput::Read read = input_.next(line);
      if (read == LineInput::Read::stopped || read == LineInput::Read::end) return false;
      const bool is_allowed = read == LineInput::Read::line && (line == "y" || line == "Y" || line == "yes");
      decisions.push_back(decision_about(call, is_allowed ? Verdict::allow : Verdict::deny,
                                         is_allowed ? "" : "Refused on the command line."));
    }
    // Somebody else was quicker.
    if (decisions.empty()) return true;
    if (!send_decisions(client_, terminal_, options_.run_id, decisions)) {
      terminal_.note("Nothing was decided. The run waits; somebody with the scope runs:approve can answer it.");
      return false;
    }
    return true;
  }

  // The run itself is what counts, whatever became of the stream.
  int conclude(const Result<void>& followed) {
    const auto run =
        ask_tool(client_, terminal_, "get_run", {{"run_id", options_.run_id}, {"wait_seconds", kLastWaitSeconds}});
    if (!run) return kExitFailed;
    if (!followed) terminal_.error(followed.error().message);
    if (is_for_people_) view_.show_end(*run);
    return run_exit_code(*run);
  }

  const FollowOptions options_;
  Client& client_;
  Terminal& terminal_;
  const bool is_for_people_;
  RunView view_;
  LineInput input_{STDIN_FILENO, kAnswerBytesMax};
  std::int64_t last_seq_ = 0;
  bool must_ask_ = false;
  bool is_interrupted_ = false;
};

}  // namespace

int follow_run(const FollowOptions& options, Client& client, Terminal& terminal) {
  return Follower(options, client, terminal).run();
}

}  // namespace weir::cli
