// Text that somebody else wrote, made safe to stand in Markdown (CommonMark and GitHub's tables): it shows as it
// is and cannot become markup, HTML or a link. Pure.
#pragma once
#include <string>
#include <string_view>

namespace weir::tools::scans {

// For running text and table cells: one line, every punctuation of Markdown escaped, HTML as entities.
std::string markdown_escaped(std::string_view text);
// A code span for running text and table cells, with a fence longer than any run of backticks inside.
std::string markdown_code(std::string_view text);
// A fenced block. Lines are kept; the fence is longer than any run of backticks inside.
std::string markdown_block(std::string_view text);

}  // namespace weir::tools::scans
