#include "tools/catalog.h"

#include <set>
#include <utility>

#include "base/log.h"

namespace weir::tools {
namespace {

// Keeps a wait alive for the caller. Thread-safe.
class WaitingCall final : public PendingCall {
 public:
  explicit WaitingCall(std::shared_ptr<streaming::Wait> wait) : wait_(std::move(wait)) {}

 private:
  const std::shared_ptr<streaming::Wait> wait_;
};

void check_tool(const Tool& tool) {
  CHECK(!tool.name.empty() && !tool.title.empty() && !tool.description.empty(), "a tool says what it is");
  CHECK(static_cast<bool>(tool.handler), "a tool has a handler");
  CHECK(string_or(tool.input_schema, "type", "") == "object", "MCP wants a root object for input");
  CHECK(string_or(tool.output_schema, "type", "") == "object", "MCP wants a root object for output");
  CHECK(!bool_or(tool.input_schema, "additionalProperties", true), "an unknown argument must be refused");
}

// "/v1/scans/{scan_id}" and "/v1/scans/{id}" are one route.
std::string route_shape(const RestRoute& route) {
  std::string shape = route.method + " ";
  bool is_placeholder = false;
  for (const char c : route.path) {
    if (c == '{') is_placeholder = true;
    if (!is_placeholder) shape += c;
    if (c == '}') {
      is_placeholder = false;
      shape += "{}";
    }
  }
  return shape;
}

}  // namespace

Catalog::Catalog(std::vector<Tool> tools, streaming::ResourceWaiter& waiter)
    : tools_(std::move(tools)), waiter_(waiter) {
  std::set<std::string> routes;
  inputs_.reserve(tools_.size());
  for (std::size_t i = 0; i < tools_.size(); ++i) {
    const Tool& tool = tools_[i];
    check_tool(tool);
    CHECK(by_name_.emplace(tool.name, i).second, "tool names are unique");
    if (tool.rest) CHECK(routes.insert(route_shape(*tool.rest)).second, "REST routes are unique");
    inputs_.emplace_back(tool.input_schema);
    const Schema output_is_a_schema(tool.output_schema);
  }
}

const Tool* Catalog::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tools_[found->second];
}

Result<void> Catalog::validate(const Tool& tool, const Json& arguments) const {
  const auto found = by_name_.find(tool.name);
  CHECK(found != by_name_.end(), "the tool is of this catalog");
  std::vector<FieldError> violations = inputs_[found->second].violations(arguments);
  if (violations.empty()) return {};
  std::string message = "Wrong arguments for " + tool.name + ": ";
  for (std::size_t i = 0; i < violations.size(); ++i) {
    message +=
        (i == 0 ? "" : "; ") + violations[i].field + (violations[i].field.empty() ? "" : " ") + violations[i].message;
  }
  Error error(ErrorCode::validation_failed, message + ".");
  error.fields = std::move(violations);
  return error;
}

std::shared_ptr<PendingCall> Catalog::call(const Tool& tool, const CallContext& context, Json arguments, Done done,
                                           std::function<void(const streaming::Event&)> on_event) const {
  const auto found = by_name_.find(tool.name);
  CHECK(found != by_name_.end(), "the tool is of this catalog");
  if (arguments.is_null()) arguments = Json::object();
  arguments = inputs_[found->second].with_defaults(std::move(arguments));
  if (Result<void> valid = validate(tool, arguments); !valid) {
    done(std::move(valid).error());
    return nullptr;
  }

  Result<ToolResult> result = tool.handler(context, arguments);
  if (!result || !result->waiting) {
    done(std::move(result));
    return nullptr;
  }
  const bool is_replayed = result->is_replayed;
  Waiting waiting = std::move(*result->waiting);
  const auto finish = [is_replayed, read = std::move(waiting.finish), done = std::move(done)] {
    Result<ToolResult> answer = read();
    if (answer && is_replayed) answer->is_replayed = true;
    done(std::move(answer));
  };
  streaming::ResourceWaiter::Callbacks callbacks;
  callbacks.on_event = std::move(on_event);
  callbacks.on_done = [finish](streaming::ResourceWaiter::Outcome) { finish(); };
  return std::make_shared<WaitingCall>(
      waiter_.wait(std::move(waiting.resource_id), waiting.timeout, std::move(callbacks)));
}

}  // namespace weir::tools
