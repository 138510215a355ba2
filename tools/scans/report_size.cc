#include "tools/scans/report_size.h"

namespace weir::tools::scans {
namespace {

constexpr std::string_view kCutNotice =
    "\n\n*The report goes on; it was shortened to fit. list_findings has every finding.*\n";

bool fits(const std::string& text, std::int64_t bytes_max) {
  return bytes_max <= 0 || std::cmp_less_equal(text.size(), bytes_max);
}

// Whether a fenced code block is open at the end of `text`: then the cut has to close it.
bool is_fence_open(std::string_view text) {
  bool is_open = false;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t first = line.find_first_not_of(' ');
    if (first != std::string_view::npos && line.substr(first).starts_with("```")) is_open = !is_open;
    at = end + 1;
  }
  return is_open;
}

SizedReport sized(std::string_view media_type, Json (*make)(const ReportInput&), ReportInput input,
                  std::int64_t bytes_max) {
  SizedReport report{.media_type = std::string(media_type), .text = to_text(make(input)), .is_truncated = false};
  if (fits(report.text, bytes_max)) return report;
  report.is_truncated = true;
  for (store::FindingWithOccurrence& row : input.findings) row.occurrence.evidence = Json::array();
  report.text = to_text(make(input));
  // Halving ends after at most as many rounds as a size has bits.
  while (!fits(report.text, bytes_max) && !input.findings.empty()) {
    input.findings.resize(input.findings.size() / 2);
    report.text = to_text(make(input));
  }
  return report;
}

}  // namespace

SizedReport sized_markdown_report(const ReportInput& input, std::int64_t bytes_max) {
  SizedReport report{
      .media_type = "text/markdown; charset=utf-8", .text = markdown_report(input), .is_truncated = false};
  if (fits(report.text, bytes_max)) return report;
  const auto room = static_cast<std::size_t>(bytes_max) -
                    std::min<std::size_t>(kCutNotice.size(), static_cast<std::size_t>(bytes_max));
  const std::size_t line_end = report.text.rfind('\n', room);
  report.text.resize(line_end == std::string::npos ? 0 : line_end);
  if (is_fence_open(report.text)) report.text += "\n```";
  report.text += kCutNotice;
  report.is_truncated = true;
  return report;
}

SizedReport sized_json_report(ReportInput input, std::int64_t bytes_max) {
  return sized("application/json", json_report, std::move(input), bytes_max);
}

SizedReport sized_sarif_report(ReportInput input, std::int64_t bytes_max) {
  return sized("application/sarif+json", sarif_report, std::move(input), bytes_max);
}

}  // namespace weir::tools::scans
