// Tasks as they were part of the protocol itself (MCP 2025-11-25 "Tasks", experimental): asked for by the client with
// `params.task`, their result fetched by tasks/result. Over the same provider as the extension that replaced them.
#pragma once
#include <memory>
#include <optional>

#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

// True if the call asks to be answered with a task. Only 2025-11-25 knows that; elsewhere the member means nothing.
bool wants_core_task(const Call& call);
// Why a call may not be answered with a task, or only so: -32601, as the specification has it.
std::optional<RpcError> fault_of_core_task(const Dispatch& dispatch, const Call& call);
// {"task": {...}}
Json core_create_task_result(const Task& task);
// {"taskSupport": ...} of a tool; null if its calls are never tasks.
Json task_support(const Offers& offers, const tools::Tool& tool);

void handle_core_tasks_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_core_tasks_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
// Answers when the task has ended, with what the call itself would have been answered.
void handle_core_tasks_result(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
// Answers with the task. One that has ended already is -32602.
void handle_core_tasks_cancel(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
