// What a scan saw, compared with an earlier scan of the same target (scans.md section 7): new, reopened, recurring, fixed
// or not tested. Reads what the scans have stored; writes nothing.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "store/findings_store.h"
#include "store/scans_store.h"

namespace weir::tools::scans {

inline constexpr std::array<std::string_view, 5> kDiffStates{"new", "reopened", "recurring", "fixed", "not_tested"};

// Each with its state, critical first. Not thread-safe: a value.
struct ScanComparison {
  std::vector<std::pair<std::string, store::FindingRow>> findings;
};

// `scan` and `baseline` have completed and are of one target, the baseline the earlier one. Without a baseline it is
// compared with everything that was known of the target, as its counts are.
//   new         seen now, and for the first time after the baseline
//   reopened    seen now, not by the baseline, though known before it
//   recurring   seen now and by the baseline, or open then without having been tested
//   fixed       open at the baseline, not seen now though its rule ran
//   not_tested  open at the baseline, and its rule did not run now
Result<ScanComparison> compare_scans(store::Transaction& transaction, const store::ScanRow& scan,
                                     const std::optional<store::ScanRow>& baseline);

// At most this many findings of each state are shown; the counts are of all.
inline constexpr std::size_t kDiffShownMax = 50;
Json comparison_json(const store::ScanRow& scan, const std::optional<std::string>& baseline_id,
                     const ScanComparison& comparison);
Json comparison_schema();

}  // namespace weir::tools::scans
