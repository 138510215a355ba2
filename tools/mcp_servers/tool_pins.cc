#include "tools/mcp_servers/tool_pins.h"

#include "store/accounts_store.h"
#include "store/audit_store.h"

namespace weir::tools::mcp_servers {
namespace {

// The column `tools` holds {"seen": [...], "approved": [...]}.
std::optional<ToolList> approved_list(const store::McpServerRow& row) {
  const Json* const pinned = find_member(row.tools, "approved");
  if (pinned == nullptr || !row.approved_sha256) return std::nullopt;
  auto list = ToolList::from_pinned(*pinned, row.alias);
  // Only what was agreed to: a table that somebody else has written is no approval.
  if (!list || list->sha256() != *row.approved_sha256) return std::nullopt;
  return *std::move(list);
}

}  // namespace

store::McpServerRow ToolPins::row_of(const ToolList& seen, Json approved) const {
  store::McpServerRow row;
  row.alias = alias_;
  row.seen_sha256 = seen.sha256();
  row.tools = {{"seen", seen.pinned()}, {"approved", std::move(approved)}};
  row.seen_at = clock_.now();
  return row;
}

Result<Approval> ToolPins::read(const std::shared_ptr<const ToolList>& known) {
  auto stored = database_.read_for(
      [&](store::Transaction& transaction) { return store::mcp_server_by_alias(transaction, alias_); });
  if (!stored) return std::move(stored).error();
  Approval approval;
  if (!*stored || !(*stored)->approved_sha256) return approval;
  approval.by_key = (*stored)->approved_by_key;
  approval.at = (*stored)->approved_at;
  if (known && known->sha256() == *(*stored)->approved_sha256) {
    approval.list = known;
  } else if (auto list = approved_list(**stored)) {
    approval.list = std::make_shared<const ToolList>(*std::move(list));
  }
  return approval;
}

Result<void> ToolPins::keep(const ToolList& seen) {
  return database_.write([&](store::Transaction& transaction) -> Result<void> {
    auto stored = store::mcp_server_by_alias(transaction, alias_);
    if (!stored) return std::move(stored).error();
    const Json* const agreed = *stored ? find_member((*stored)->tools, "approved") : nullptr;
    auto put = store::put_seen_mcp_server(transaction, row_of(seen, agreed == nullptr ? Json() : *agreed));
    if (!put || !*stored) return put;
    return audit_change(transaction, **stored, seen);
  });
}

Result<void> ToolPins::audit_change(store::Transaction& transaction, const store::McpServerRow& before,
                                    const ToolList& seen) {
  const bool was_approved =
      before.approved_sha256 && before.approved_by_key && before.seen_sha256 == before.approved_sha256;
  if (!was_approved || seen.sha256() == *before.approved_sha256) return {};
  auto approver = store::key_with_account(transaction, *before.approved_by_key);
  if (!approver) return approver.error().code == ErrorCode::not_found ? Result<void>() : std::move(approver).error();
  Json data = {{"sha256", seen.sha256()}, {"approved_sha256", *before.approved_sha256}};
  if (const auto old = approved_list(before)) {
    const ToolChanges changes = seen.since(*old);
    data.update({{"added", changes.added}, {"removed", changes.removed}, {"changed", changes.changed}});
  }
  return store::insert_audit(transaction, {.account_id = approver->account.id,
                                           .actor = "mcp:" + alias_,
                                           .action = "mcp_server.changed",
                                           .subject = alias_,
                                           .data = std::move(data),
                                           .at = clock_.now()});
}

Result<void> ToolPins::approve(const ToolList& seen, const std::string& account_id, const std::string& key_id) {
  const UnixMillis at = clock_.now();
  return database_.write([&](store::Transaction& transaction) -> Result<void> {
    if (auto put = store::put_seen_mcp_server(transaction, row_of(seen, seen.pinned())); !put) return put;
    auto approved = store::approve_mcp_server(transaction, alias_, seen.sha256(), key_id, at);
    if (!approved) return approved;
    const Json data = {{"sha256", seen.sha256()}, {"tools", seen.tools().size()}, {"endpoint", endpoint_}};
    return store::insert_audit(transaction, {.account_id = account_id,
                                             .actor = key_id,
                                             .action = "mcp_server.approved",
                                             .subject = alias_,
                                             .data = data,
                                             .at = at});
  });
}

}  // namespace weir::tools::mcp_servers
