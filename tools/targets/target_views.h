// A target as callers see it, and the schema of that.
#pragma once
#include <string>

#include "base/json.h"
#include "store/targets_store.h"

namespace weir::tools {

Json target_json(const store::TargetRow& target);
Json target_schema();
// Adds `instructions` and whether the call created it.
Json created_target_schema();

// What a caller may do with the target next, in one or two sentences.
std::string target_instructions(const store::TargetRow& target);

}  // namespace weir::tools
