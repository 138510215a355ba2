// completion/complete: values for the argument of a prompt or the variable of a resource template.
#pragma once
#include <memory>

namespace weir::mcp {

class Call;
struct Dispatch;

void handle_complete(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
