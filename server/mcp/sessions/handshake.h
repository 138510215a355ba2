// The methods that exist only with sessions: initialize, ping and logging/setLevel.
#pragma once
#include <memory>
#include <string_view>

#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

// The version that a session gets: the one asked for if it is served with sessions, else our latest one.
Revision negotiate(std::string_view asked);

void handle_initialize(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
// logging/setLevel: kept with the session.
void handle_set_level(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_ping(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
