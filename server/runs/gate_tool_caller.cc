#include "server/runs/gate_tool_caller.h"

#include <mutex>
#include <utility>

#include "base/log.h"
#include "server/error_reply.h"

namespace weir::server {
namespace {

using tools::PendingCall;
using tools::runs::ToolInvocation;
using Callbacks = tools::runs::ToolCaller::Callbacks;

// Holds what a call waits for now: its slot, then its tool. Shared by who waits for the call and the call's own steps; the
// last of them lets go. Thread-safe.
class Stages {
 public:
  // Keeps `pending` unless the call has moved on from `stage`, or was given up.
  void hold(int stage, std::shared_ptr<PendingCall> pending) {
    std::shared_ptr<PendingCall> dropped;
    const std::lock_guard lock(mutex_);
    if (stage == stage_ && !is_given_up_) {
      current_ = std::move(pending);
    } else {
      dropped = std::move(pending);
    }
  }
  // False if the call was given up.
  bool move_on_to(int stage) {
    std::shared_ptr<PendingCall> before;
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    before.swap(current_);
    return !is_given_up_;
  }
  void give_up() {
    std::shared_ptr<PendingCall> before;
    const std::lock_guard lock(mutex_);
    is_given_up_ = true;
    before.swap(current_);
  }

 private:
  std::mutex mutex_;
  int stage_ = 0;
  bool is_given_up_ = false;
  std::shared_ptr<PendingCall> current_;
};

// What the run holds. Thread-safe.
class RunToolCall final : public PendingCall {
 public:
  explicit RunToolCall(std::shared_ptr<Stages> stages) : stages_(std::move(stages)) {}
  RunToolCall(const RunToolCall&) = delete;
  RunToolCall& operator=(const RunToolCall&) = delete;
  ~RunToolCall() override { stages_->give_up(); }

 private:
  const std::shared_ptr<Stages> stages_;
};

constexpr int kSlot = 0;
constexpr int kTool = 1;
constexpr int kOver = 2;

// One call on its way. Shared by its steps; the last of them lets go. Immutable once made.
struct Course {
  Gate& gate;
  const tools::Catalog& catalog;
  tools::mcp_servers::McpServerSet* servers;
  ToolInvocation invocation;
  Callbacks callbacks;
  std::shared_ptr<const tools::Caller> caller;
  const tools::Tool* tool = nullptr;  // null: another server's
  CallSpec spec;
  std::shared_ptr<Stages> stages = std::make_shared<Stages>();
};
using CoursePtr = std::shared_ptr<const Course>;

Json arguments_of(const Course& course) {
  Json arguments = course.invocation.arguments;
  const Json* const properties = find_member(course.tool->input_schema, "properties");
  // A call that may have been made before is answered as it was then.
  if (properties != nullptr && properties->contains("client_token")) {
    arguments["client_token"] = course.invocation.tool_call_id;
  }
  return arguments;
}

void call_builtin(const CoursePtr& course, limits::Decision decision) {
  tools::CallContext context;
  context.caller = course->caller;
  context.surface = tools::Surface::run;
  context.request_id = course->invocation.tool_call_id;
  context.decision = decision;
  context.run_id = course->invocation.run_id;
  auto done = [course, decision = std::move(decision)](Result<tools::ToolResult> result) mutable {
    course->stages->move_on_to(kOver);
    course->gate.settle(*course->caller, course->spec, end_of(result), decision);
    course->callbacks.done(std::move(result));
  };
  std::function<void(const streaming::Event&)> on_event;
  if (course->callbacks.progress) {
    on_event = [course](const streaming::Event& event) {
      course->callbacks.progress({{"type", event.type}, {"data", event.data}});
    };
  }
  course->stages->hold(
      kTool, course->catalog.call(*course->tool, context, arguments_of(*course), std::move(done), std::move(on_event)));
}

void call_external(const CoursePtr& course, limits::Decision decision) {
  Callbacks callbacks;
  callbacks.progress = course->callbacks.progress;
  callbacks.done = [course, decision = std::move(decision)](Result<tools::ToolResult> result) mutable {
    course->stages->move_on_to(kOver);
    course->gate.settle(*course->caller, course->spec, end_of(result), decision);
    course->callbacks.done(std::move(result));
  };
  course->stages->hold(
      kTool, course->servers->call(course->invocation.name, course->invocation.arguments, std::move(callbacks)));
}

void proceed(const CoursePtr& course, Result<limits::Decision> decision) {
  const bool is_wanted = course->stages->move_on_to(kTool);
  if (!decision) return course->callbacks.done(std::move(decision).error());
  if (!decision->is_allowed) {
    return course->callbacks.done(
        Error(ErrorCode::rate_limit_exceeded, refusal_message(*decision)).retry_in(decision->retry_after));
  }
  if (!is_wanted) return course->gate.refund(*course->caller, course->spec, *decision);
  if (course->callbacks.admitted) course->callbacks.admitted();
  if (course->tool != nullptr) return call_builtin(course, *std::move(decision));
  call_external(course, *std::move(decision));
}

tools::Scopes scopes_of(const ToolInvocation& invocation) {
  auto scopes = tools::Scopes::parse(invocation.owner_scopes);
  return scopes ? *scopes : tools::Scopes();
}

}  // namespace

void GateToolCaller::attach(Gate& gate, const tools::Catalog& catalog, tools::mcp_servers::McpServerSet* servers) {
  gate_ = &gate;
  catalog_ = &catalog;
  servers_ = servers;
}

std::shared_ptr<PendingCall> GateToolCaller::call(const ToolInvocation& invocation, Callbacks callbacks) {
  CHECK(gate_ != nullptr, "calls come after attach()");
  auto caller = gate_->caller_of_key(invocation.key_id, scopes_of(invocation));
  if (!caller) {
    callbacks.done(std::move(caller).error());
    return nullptr;
  }
  const tools::Tool* const tool = catalog_->find(invocation.name);
  const bool is_external = tool == nullptr && servers_ != nullptr && servers_->find(invocation.name).has_value();
  if (tool == nullptr && !is_external) {
    callbacks.done(Error(ErrorCode::not_found, "There is no tool " + printable(invocation.name, 80) + " any more."));
    return nullptr;
  }
  const CallSpec spec =
      tool == nullptr
          ? CallSpec{.name = kExternalName, .scope = tools::Scope::runs_run, .cost = kExternalCost}
          : CallSpec{.name = tool->name, .scope = tool->scope, .cost = tool->cost, .starts_scan = tool->starts_scan};
  const auto course = std::make_shared<const Course>(
      Course{*gate_, *catalog_, servers_, invocation, std::move(callbacks), *std::move(caller), tool, spec});
  Pacing::Moved moved = [course](const Place& place) {
    if (course->callbacks.held) course->callbacks.held(place.about);
  };
  auto ticket = gate_->admit_or_hold(
      course->caller, spec, invocation.hold_max,
      [course](Result<limits::Decision> decision) { proceed(course, std::move(decision)); }, std::move(moved));
  course->stages->hold(kSlot, std::move(ticket));
  return std::make_shared<RunToolCall>(course->stages);
}

}  // namespace weir::server
