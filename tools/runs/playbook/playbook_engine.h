// Executes the runs of playbook agents: no model, tokens 0, the same steps for the same input.
//
// - A step begins when all that it needs has ended. Steps that can run do so side by side, at most limits().max_parallel
//   calls at a time, items of one step and calls of others in turn.
// - A step whose `when` is false is skipped. A step that needs a skipped or failed one runs if everything that it reads is
//   there (default() counts), else it is skipped, too, and says which value it lacked.
// - on_error stop: what has begun is finished, nothing else begins, and the run fails with that step's error: of several the
//   first in the playbook's order. continue: the run goes on, `steps.<id>.error` says what happened; in a for_each step the
//   other items go on, and the step has failed only if all have. retry: passing failures of tools that may be called again are
//   tried max_attempts times; then as stop.
// - A call that waits for a person holds up only what needs it. When nothing else can go on the run requires action.
// - A call that was under way when the server stopped and may not be made twice ends the run: server_restarted.
// - Steps at or after position limits().max_steps do not begin: the run is incomplete, max_steps. A refused call: the same with
//   max_tool_calls. What has begun is finished.
// - A step's timeout counts from when it is begun or taken up again, without the time that its calls are held.
#pragma once
#include "tools/runs/callable_tool.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// `directory` must outlive the engine: it tells why a call is not repeated. The engine may be used for many runs at once.
Engine playbook_engine(const ToolDirectory& directory);

}  // namespace weir::tools::runs
