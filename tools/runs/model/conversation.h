// What the model of a run has said and heard, as recorded, and as it is sent: the messages of the runs that this one
// goes on from, then its own. A run that is taken up again walks through its own messages instead of asking again.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/models/model_provider.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// A message with what the run has to know of it besides. Not thread-safe: a value.
struct Said {
  models::ModelMessage message;
  models::ModelTurn::Stop stop = models::ModelTurn::Stop::end;  // of an assistant: why it ended
  std::string used_up{};    // of an assistant: the budget that it used up; "" : none
  bool is_tainted = false;  // holds text that others wrote
};

// Not thread-safe: owned by the execution of one run.
class Conversation {
 public:
  // Returns internal if a recorded message is none of ours.
  static Result<Conversation> load(RunSession& session);

  // The next of the run's recorded messages, if it has that role: then it has been walked over.
  std::optional<Said> next(models::ModelMessage::Role role);
  // Records a message at the end; everything that is recorded must have been walked over.
  Result<void> add(RunSession& session, Said said);

  // What is sent: every message that there is, mended so that providers accept it. A call without an answer (its run
  // had ended before) gets one that says so, an answer without a call and a message without content are left out, and
  // what a user said in several messages in a row becomes one.
  [[nodiscard]] std::vector<models::ModelMessage> to_send() const;
  // Text that others wrote is in it.
  [[nodiscard]] bool is_tainted() const;

 private:
  Conversation() = default;

  std::vector<Said> said_;
  std::size_t next_ = 0;  // in said_: the first of this run's that has not been walked over
};

// The same without a run. Pure.
std::vector<models::ModelMessage> mended(std::vector<models::ModelMessage> messages);

}  // namespace weir::tools::runs
