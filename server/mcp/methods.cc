#include "server/mcp/methods.h"

#include <algorithm>
#include <array>

#include "server/mcp/instructions.h"
#include "server/mcp/sessions/handshake.h"
#include "server/mcp/tool_methods.h"

namespace weir::mcp {

namespace {

// How long a client may believe server/discover: it changes only with a release.
constexpr std::int64_t kDiscoverTtlMs = 3'600'000;

// MCP 2026-07-28 "server/discover". Only what is served without a session is listed: a client that took another
// version from here would be refused with it.
void handle_discover(const Dispatch&, const std::shared_ptr<Call>& call) {
  call->succeed({{"supportedVersions", Json::array({to_string(kModernRevision)})},
                 {"capabilities", {{"tools", Json::object()}}},
                 {"instructions", instructions()},
                 {"ttlMs", kDiscoverTtlMs},
                 {"cacheScope", "public"}});
}

constexpr auto kRequest = Message::Kind::request;
constexpr auto kNotification = Message::Kind::notification;
constexpr auto kFirst = Revision::r2025_03_26;
constexpr auto kLastSession = kLatestSessionRevision;
constexpr auto kModern = kModernRevision;
constexpr auto kNoScope = tools::Scope::none;

// The handshakes, ping and notifications cost nothing: a client that cannot connect cannot be told to wait.
constexpr std::array kMethods{
    Method{"server/discover", kRequest, kModern, kModern, kNoScope, 0, false, handle_discover},
    Method{"initialize", kRequest, kFirst, kLastSession, kNoScope, 0, false, handle_initialize},
    Method{"ping", kRequest, kFirst, kLastSession, kNoScope, 0, false, handle_ping},
    Method{"tools/list", kRequest, kFirst, kModern, kNoScope, 1, false, handle_tools_list},
    Method{"tools/call", kRequest, kFirst, kModern, kNoScope, 1, true, handle_tools_call},
    Method{"notifications/initialized", kNotification, kFirst, kLastSession, kNoScope, 0, false, nullptr},
    Method{"notifications/cancelled", kNotification, kFirst, kModern, kNoScope, 0, false, nullptr},
};

}  // namespace

std::span<const Method> all_methods() { return kMethods; }

const Method* find_method(std::string_view name, Revision revision, Message::Kind kind) {
  const auto found = std::ranges::find_if(kMethods, [&](const Method& method) {
    return method.name == name && method.kind == kind && method.first <= revision && revision <= method.last;
  });
  return found == kMethods.end() ? nullptr : &*found;
}

server::CallSpec spec_of(const Method& method, const tools::Tool* tool) {
  if (method.is_tool_call && tool != nullptr) return {tool->name, tool->scope, tool->cost};
  return {method.name, method.scope, method.cost};
}

}  // namespace weir::mcp
