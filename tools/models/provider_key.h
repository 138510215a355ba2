// A provider's key, from where the configuration says it is. Read at each opening, so that a file that is replaced acts on
// the next run. Never logged, never shown.
#pragma once
#include <functional>
#include <string>

#include "base/result.h"
#include "tools/models/provider_settings.h"

namespace weir::tools::models {

// getenv, or a test's. Null: not set.
using Environment = std::function<const char*(const char* name)>;

// "" if the provider needs none. Returns unauthorized, saying where the key was looked for and what to do, if it is not
// there or cannot be sent in a header. Blocks for a file.
Result<std::string> read_provider_key(const ProviderSettings& settings, const Environment& environment);

// True if others than its owner may read the file of the key.
bool is_key_file_open_to_others(const ProviderSettings& settings);

}  // namespace weir::tools::models
