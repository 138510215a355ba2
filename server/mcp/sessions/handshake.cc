#include "server/mcp/sessions/handshake.h"

#include "server/error_reply.h"
#include "server/mcp/instructions.h"
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
                 {"capabilities", {{"tools", Json::object()}}},
                 {"serverInfo", server_info(call->revision, dispatch.settings.version)},
                 {"instructions", instructions()}},
                headers);
}

void handle_ping(const Dispatch&, const std::shared_ptr<Call>& call) { call->succeed(Json::object()); }

}  // namespace weir::mcp
