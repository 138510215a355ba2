#include "server/mcp/sessions/handshake.h"

#include "server/error_reply.h"
#include "server/mcp/capabilities.h"
#include "server/mcp/instructions.h"
#include "server/mcp/log_level.h"
#include "server/mcp/sessions/session.h"
#include "server/mcp/tool_results.h"

namespace weir::mcp {

Revision negotiate(std::string_view asked) {
  const auto revision = revision_from(asked);
  return revision && has_sessions(*revision) ? *revision : kLatestSessionRevision;
}

void handle_initialize(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto asked = string_member(call->message.params, "protocolVersion");
  if (!asked) {
    return call->fail({code::kInvalidParams, "Invalid params: initialize needs a protocolVersion, a string"});
  }
  Sessions::Opening opening;
  opening.revision = negotiate(*asked);
  if (const Json* info = find_member(call->message.params, "clientInfo")) opening.client_info = *info;
  if (const Json* capabilities = find_member(call->message.params, "capabilities")) {
    opening.client_capabilities = *capabilities;
  }
  call->revision = opening.revision;
  const auto id = dispatch.sessions.open(*call->caller, std::move(opening));
  if (!id) {
    return call->fail({server::json_rpc_code(id.error().code), id.error().message,
                       server::error_object(id.error(), call->request_id), server::http_status(id.error().code)});
  }
  http::Headers headers;
  headers.add("Mcp-Session-Id", *id);
  call->succeed({{"protocolVersion", to_string(call->revision)},
                 {"capabilities", capabilities(dispatch.offers, call->revision)},
                 {"serverInfo", server_info(call->revision, dispatch.settings.version)},
                 {"instructions", instructions()}},
                headers);
}

void handle_set_level(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const std::string level = string_or(call->message.params, "level", "");
  if (!is_log_level(level)) {
    return call->fail({code::kInvalidParams,
                       "Invalid params: level must be one of debug, info, notice, warning, error, "
                       "critical, alert, emergency"});
  }
  if (auto kept = dispatch.sessions.set_log_level(call->session_id, level); !kept) return call->fail(kept.error());
  call->succeed(Json::object());
}

void handle_ping(const Dispatch&, const std::shared_ptr<Call>& call) { call->succeed(Json::object()); }

}  // namespace weir::mcp
