#include "server/rest/stream_resources.h"

#include <array>

#include "store/runs_store.h"
#include "store/scans_store.h"
#include "tools/runs/run_views.h"
#include "tools/scans/scan_views.h"

namespace weir::rest {
namespace {

constexpr std::int64_t kActiveMax = 100;

Result<Snapshot> scan_snapshot(store::Transaction& transaction, const std::string& account_id, const std::string& id) {
  Result<store::ScanRow> scan = store::scan_by_id(transaction, account_id, id);
  if (!scan) return std::move(scan).error();
  return Snapshot{.data = tools::scans::scan_json(*scan), .at = scan->updated_at};
}

Result<Snapshot> run_snapshot(store::Transaction& transaction, const std::string& account_id, const std::string& id) {
  Result<store::RunRow> run = store::run_by_id(transaction, account_id, id);
  if (!run) return std::move(run).error();
  auto calls = store::tool_calls_of(transaction, id);
  if (!calls) return std::move(calls).error();
  std::erase_if(*calls, [](const store::ToolCallRow& call) { return call.status != "awaiting_approval"; });
  return Snapshot{.data = tools::runs::run_json(*run, *calls), .at = run->updated_at};
}

constexpr std::array<StreamResource, 2> kResources{
    {{"scan", "scn", "GET /v1/scans", scan_snapshot}, {"run", "run", "GET /v1/runs", run_snapshot}}};

}  // namespace

const StreamResource* find_stream_resource(std::string_view type) {
  for (const StreamResource& resource : kResources) {
    if (resource.type == type) return &resource;
  }
  return nullptr;
}

Result<Snapshot> account_snapshot(store::Transaction& transaction, const std::string& account_id, UnixMillis now,
                                  bool shows_runs) {
  Json active = Json::array();
  for (const char* status : {"running", "cancelling", "queued"}) {
    auto scans = store::list_scans(transaction, {.account_id = account_id, .target_id = "", .status = status},
                                   {.limit = kActiveMax, .after_id = ""});
    if (!scans) return std::move(scans).error();
    for (const store::ScanRow& scan : scans->items) active.push_back(tools::scans::scan_json(scan));
  }
  Json data = {{"active_scans", std::move(active)}};
  if (!shows_runs) return Snapshot{.data = std::move(data), .at = now};
  Json runs = Json::array();
  for (const char* status : {"running", "requires_action", "cancelling", "queued"}) {
    auto found = store::list_runs(transaction, {.account_id = account_id, .agent_id = "", .status = status},
                                  {.limit = kActiveMax, .after_id = ""});
    if (!found) return std::move(found).error();
    for (const store::RunRow& run : found->items) runs.push_back(tools::runs::run_item_json(run));
  }
  data["active_runs"] = std::move(runs);
  return Snapshot{.data = std::move(data), .at = now};
}

}  // namespace weir::rest
