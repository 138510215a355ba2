// What a person decides about the calls that a run waits for: each decision names the hash of the arguments that were shown.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/cli/client.h"
#include "server/cli/terminal.h"

namespace weir::cli {

enum class Verdict { allow, deny };

// From a run as get_run shows it, in the order in which they were asked.
std::vector<Json> calls_to_decide(const Json& run);
// `call`: one of calls_to_decide(). An empty reason is left out.
Json decision_about(const Json& call, Verdict verdict, const std::string& reason);
// False after the refusal has been printed.
bool send_decisions(Client& client, Terminal& terminal, const std::string& run_id, const Json& decisions);

}  // namespace weir::cli
