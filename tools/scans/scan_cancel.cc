#include "tools/scans/scan_cancel.h"

#include "tools/lookup.h"

namespace weir::tools::scans {

Result<store::ScanRow> request_cancellation(const Services& services, const CallContext& context,
                                            std::string_view scan_id, store::Transaction& transaction) {
  Result<store::ScanRow> scan = find_scan(transaction, context, scan_id);
  if (!scan) return scan;
  if (scan->status == "cancelled" || scan->status == "cancelling") return scan;
  if (store::is_terminal_scan_status(scan->status)) {
    return Error(ErrorCode::conflict, "Scan " + scan->id + " cannot be cancelled: it is " + scan->status + " already.");
  }

  const UnixMillis now = services.clock.now();
  const std::string before = scan->status;
  const bool is_queued = before == "queued";
  scan->updated_at = now;
  scan->status = is_queued ? "cancelled" : "cancelling";
  scan->error_code = "cancelled";
  scan->error_message = "Cancelled by key " + context.caller->key_name + ".";
  if (is_queued) scan->finished_at = now;
  if (Result<void> stored = store::update_scan(transaction, *scan, {before}); !stored) return std::move(stored).error();
  if (Result<void> asked = services.jobs.cancel(transaction, scan->id); !asked) return std::move(asked).error();
  Json data = {{"status", scan->status}, {"message", *scan->error_message}};
  if (is_queued) data["finished_at"] = to_rfc3339(now);
  Result<streaming::Event> event =
      services.events.append(transaction, {.account_id = scan->account_id,
                                           .resource_type = "scan",
                                           .resource_id = scan->id,
                                           .type = is_queued ? "scan.cancelled" : "scan.cancelling",
                                           .data = std::move(data)});
  if (!event) return std::move(event).error();
  return scan;
}

}  // namespace weir::tools::scans
