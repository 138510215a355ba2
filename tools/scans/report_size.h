// Reports that keep to a number of characters without becoming something else than what they are: markdown is cut
// between lines, JSON and SARIF lose evidence first and then its least severe findings. Pure.
#pragma once
#include <cstdint>
#include <string>

#include "tools/scans/report/report.h"

namespace weir::tools::scans {

// Not thread-safe: a value.
struct SizedReport {
  std::string media_type;
  std::string text;
  bool is_truncated = false;
};

// `bytes_max` 0: everything.
SizedReport sized_markdown_report(const ReportInput& input, std::int64_t bytes_max);
SizedReport sized_json_report(ReportInput input, std::int64_t bytes_max);
SizedReport sized_sarif_report(ReportInput input, std::int64_t bytes_max);

}  // namespace weir::tools::scans
