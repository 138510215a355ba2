// Every MCP method that exists, in one table: since when and until when, what it needs, what it costs, who handles it.
// What is not in the table is -32601.
#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "server/gate.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/revision.h"

namespace weir::mcp {

// What must be offered for a method to exist.
enum class Need : std::uint8_t { nothing, resources, prompts, completions, tasks, subscriptions, logging, skills };

// Immutable.
struct Method {
  std::string_view name;
  Message::Kind kind = Message::Kind::request;
  Revision first = Revision::r2024_11_05;  // the revisions that have it, both included
  Revision last = kModernRevision;
  tools::Scope scope = tools::Scope::none;
  std::uint32_t cost = 0;
  bool is_tool_call = false;                                                 // then scope and cost are the tool's
  void (*handler)(const Dispatch&, const std::shared_ptr<Call>&) = nullptr;  // null for notifications
  Need need = Need::nothing;
};

std::span<const Method> all_methods();
// False if what the method is about is not offered here.
bool is_offered(const Method& method, const Offers& offers);
// Null if that revision has no such request or notification.
const Method* find_method(std::string_view name, Revision revision, Message::Kind kind);
// What only the parameters tell: the scope of a resource, a prompt or a task; the method's own for all else.
tools::Scope scope_of(const Dispatch& dispatch, const Method& method, const Message& message);
// What the gate is asked. `tool` is null if the call names none that exists: then it costs one unit, so that names
// cannot be tried for nothing. Valid as long as both.
server::CallSpec spec_of(const Method& method, const tools::Tool* tool);

}  // namespace weir::mcp
