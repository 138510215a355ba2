#include "server/rest/stream_resources.h"

#include <array>

#include "store/scans_store.h"
#include "tools/scans/scan_views.h"

namespace weir::rest {
namespace {

constexpr std::int64_t kActiveScansMax = 100;

Result<Snapshot> scan_snapshot(store::Transaction& transaction, const std::string& account_id, const std::string& id) {
  Result<store::ScanRow> scan = store::scan_by_id(transaction, account_id, id);
  if (!scan) return std::move(scan).error();
  return Snapshot{.data = tools::scans::scan_json(*scan), .at = scan->updated_at};
}

constexpr std::array<StreamResource, 1> kResources{{{"scan", "scn", "GET /v1/scans", scan_snapshot}}};

}  // namespace

const StreamResource* find_stream_resource(std::string_view type) {
  for (const StreamResource& resource : kResources) {
    if (resource.type == type) return &resource;
  }
  return nullptr;
}

Result<Snapshot> account_snapshot(store::Transaction& transaction, const std::string& account_id, UnixMillis now) {
  Json active = Json::array();
  for (const char* status : {"running", "cancelling", "queued"}) {
    auto scans = store::list_scans(transaction, {.account_id = account_id, .target_id = "", .status = status},
                                   {.limit = kActiveScansMax, .after_id = ""});
    if (!scans) return std::move(scans).error();
    for (const store::ScanRow& scan : scans->items) active.push_back(tools::scans::scan_json(scan));
  }
  return Snapshot{.data = {{"active_scans", std::move(active)}}, .at = now};
}

}  // namespace weir::rest
