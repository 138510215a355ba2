// The methods that exist only with sessions: initialize and ping, and what they answer.
#pragma once
#include <memory>
#include <string_view>

#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

// The version that a session gets: the one asked for if it is served with sessions, else our latest one.
Revision negotiate(std::string_view asked);

void handle_initialize(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_ping(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
