// What get_quota says about a key's calls. It costs no unit, so nothing paces it: answers are remembered for a second,
// which is as new as the counts are.
#pragma once
#include <chrono>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "tools/call_context.h"

namespace weir::tools {

// Remembers at most kKeysMax keys; beyond, it forgets all of them. Thread-safe.
class RecentUsage {
 public:
  static constexpr std::size_t kKeysMax = 1'024;
  static constexpr std::chrono::seconds kRemembered{1};

  // Both must outlive this object.
  RecentUsage(store::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // {"last_24h": {"admitted", "refused"}, "last_7d", "last_30d", "by_tool_24h": {tool: {...}}}. Blocks for a database
  // read when nothing is remembered.
  Result<Json> of(const Caller& caller);
  static Json schema();

 private:
  struct Answer {
    std::chrono::steady_clock::time_point at;
    Json usage;
  };
  Result<Json> read(const Caller& caller);

  store::Database& database_;
  const Clock& clock_;
  Guarded<std::unordered_map<std::string, Answer>> answers_;
};

}  // namespace weir::tools
