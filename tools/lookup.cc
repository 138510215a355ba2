#include "tools/lookup.h"

#include "base/ids.h"
#include "base/log.h"
#include "store/finding_history.h"

namespace weir::tools {
namespace {

Error missing(std::string_view noun, std::string_view id, std::string_view where) {
  return Error(ErrorCode::not_found, "There is no " + std::string(noun) + " " + printable(id, 64) +
                                         " in this account. " + std::string(where) + " shows which there are.");
}

template <typename Row>
Result<Row> named(Result<Row> row, const Error& error) {
  if (!row && row.error().code == ErrorCode::not_found) return error;
  return row;
}

}  // namespace

Result<store::TargetRow> find_target(store::Transaction& transaction, const CallContext& context, std::string_view id) {
  const Error error = missing("target", id, "list_targets");
  if (!is_id(id, "tgt")) return error;
  return named(store::target_by_id(transaction, context.caller->account_id, id), error);
}

Result<store::ScanRow> find_scan(store::Transaction& transaction, const CallContext& context, std::string_view id) {
  const Error error = missing("scan", id, "list_scans");
  if (!is_id(id, "scn")) return error;
  return named(store::scan_by_id(transaction, context.caller->account_id, id), error);
}

Result<store::FindingRow> find_finding(store::Transaction& transaction, const CallContext& context,
                                       std::string_view id) {
  const Error error = missing("finding", id, "list_findings");
  if (!is_id(id, "fnd")) return error;
  return named(store::finding_by_id(transaction, context.caller->account_id, id), error);
}

Result<store::RunRow> find_run(store::Transaction& transaction, const CallContext& context, std::string_view id) {
  const Error error = missing("run", id, "list_runs");
  if (!is_id(id, "run")) return error;
  return named(store::run_by_id(transaction, context.caller->account_id, id), error);
}

Result<store::AgentRow> find_agent(store::Transaction& transaction, const CallContext& context,
                                   std::string_view id_or_slug) {
  const Error error(ErrorCode::not_found,
                    "There is no agent \"" + printable(id_or_slug, 64) +
                        "\", neither in this account nor public. list_agents shows which there are.");
  const std::string& account_id = context.caller->account_id;
  return named(is_id(id_or_slug, "agt") ? store::agent_by_id(transaction, account_id, id_or_slug)
                                        : store::agent_by_slug(transaction, account_id, id_or_slug),
               error);
}

}  // namespace weir::tools
