// What is written down of one server: the list of its tools as last seen, the one that was agreed to, and the audit
// rows of both. Which state follows from them is server_link's.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "store/database.h"
#include "store/mcp_servers_store.h"
#include "tools/mcp_servers/tool_list.h"

namespace weir::tools::mcp_servers {

// Not thread-safe: a value.
struct Approval {
  std::shared_ptr<const ToolList> list;  // null: nothing was agreed to
  std::optional<std::string> by_key;
  std::optional<UnixMillis> at;
};

// Thread-safe.
class ToolPins {
 public:
  // All must outlive this.
  ToolPins(store::Database& database, const Clock& clock, std::string alias, std::string endpoint)
      : database_(database), clock_(clock), alias_(std::move(alias)), endpoint_(std::move(endpoint)) {}

  // `known` is used again if it is still what was agreed to. Blocks for the database.
  Result<Approval> read(const std::shared_ptr<const ToolList>& known);
  // Records what is seen now. If it is not what was agreed to, and was before, an audit row tells those who approved;
  // once, whichever node sees it first. Blocks for the database.
  Result<void> keep(const ToolList& seen);
  // Agrees to what is seen now, with an audit row. Blocks for the database.
  Result<void> approve(const ToolList& seen, const std::string& account_id, const std::string& key_id);

 private:
  Result<void> audit_change(store::Transaction& transaction, const store::McpServerRow& before, const ToolList& seen);
  [[nodiscard]] store::McpServerRow row_of(const ToolList& seen, Json approved) const;

  store::Database& database_;
  const Clock& clock_;
  const std::string alias_;
  const std::string endpoint_;
};

}  // namespace weir::tools::mcp_servers
