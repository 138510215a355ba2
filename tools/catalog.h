// The tool table: looks a tool up, validates the arguments, calls the handler, waits if it must. Does not
// authenticate or limit: that is server/gate's, before this.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "streaming/resource_waiter.h"
#include "tools/pending_call.h"
#include "tools/schema.h"
#include "tools/tool.h"

namespace weir::tools {

// Thread-safe.
class Catalog {
 public:
  // Crashes on a table that contradicts itself (two tools of one name or route, a schema that is none).
  // `waiter` must outlive the catalog.
  Catalog(std::vector<Tool> tools, streaming::ResourceWaiter& waiter);

  // In the table's order.
  [[nodiscard]] const std::vector<Tool>& tools() const { return tools_; }
  // Null if there is none.
  [[nodiscard]] const Tool* find(std::string_view name) const;

  // Success, or validation_failed with one FieldError for each wrong argument: which, what came, what is expected.
  [[nodiscard]] Result<void> validate(const Tool& tool, const Json& arguments) const;

  using Done = std::function<void(Result<ToolResult>)>;
  // Fills in defaults, validates, calls. `done` is called once: before this returns, or later on the executor if the
  // tool waits (then the result keeps the wait alive; null otherwise). Events of a resource being waited for go to
  // `on_event`, which may be empty and must not block.
  std::shared_ptr<PendingCall> call(const Tool& tool, const CallContext& context, Json arguments, Done done,
                                    std::function<void(const streaming::Event&)> on_event = {}) const;

 private:
  std::vector<Tool> tools_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::vector<Schema> inputs_;  // compiled, parallel to tools_
  streaming::ResourceWaiter& waiter_;
};

}  // namespace weir::tools
