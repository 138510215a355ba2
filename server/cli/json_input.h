// A JSON object from the command line: as it stands, from a file (@path), or from standard input (-).
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace weir::cli {

// More than a definition or an input ever is.
inline constexpr std::size_t kInputBytesMax = 1024 * 1024;

// `flag` is for messages ("--input"). Returns validation_failed if the file cannot be read, is too large, or what it holds
// is not a JSON object.
Result<Json> json_object_from(std::string_view flag, const std::string& text);

}  // namespace weir::cli
