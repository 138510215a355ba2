// A finding in one line, for lists that are an answer among others (a diff, a gate). Pure.
#pragma once
#include <string_view>

#include "base/json.h"
#include "store/findings_store.h"

namespace weir::tools::scans {

Json finding_brief_json(const store::FindingRow& finding);
Json finding_brief_schema();

// Seen by the scan, whatever a person has decided about it: new, recurring or reopened.
bool is_seen_state(std::string_view diff_state);
// accepted_risk and false_positive: a person has decided that it does not count.
bool is_set_aside_status(std::string_view status);

}  // namespace weir::tools::scans
