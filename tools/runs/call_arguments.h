// What is looked at in a call's arguments before it is made: whether they fit the tool, and which hosts they name.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "tools/runs/callable_tool.h"
#include "tools/schema.h"

namespace weir::tools::runs {

// Compiles each tool's schema once. Not thread-safe: owned by one run's thread.
class ArgumentCheck {
 public:
  // Returns validation_failed, with one FieldError for each mistake and a message that a model can act on.
  Result<void> check(const CallableTool& tool, const Json& arguments);

 private:
  std::map<std::string, Schema, std::less<>> schemas_;
};

// Hosts that the arguments name: of every URL within any text, and of members called host, url, domain, target and the like.
// Lower case, without repeats.
std::vector<std::string> hosts_in(const Json& arguments);

// The first of `hosts` that no registered target of the account covers; "" if all are. Blocks for a read of the targets.
Result<std::string> unregistered_host(store::Transaction& transaction, std::string_view account_id,
                                      const std::vector<std::string>& hosts);

}  // namespace weir::tools::runs
