// libFuzzer entry for the HTML tokenizer: whatever the bytes, it ends, stays within its bounds and says the same
// twice.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "tools/scans/checks/html.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::tools::scans;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HtmlFacts facts = read_html(bytes);
  CHECK(facts.links.size() <= kHtmlLinksMax, "links are bounded");
  std::size_t total = 0;
  for (const auto& link : facts.links) {
    CHECK(!link.empty() || size > 0, "a link was written by somebody");
    total += link.size();
  }
  // A numeric reference of four bytes ("&#1;") becomes at most three bytes; nothing else grows.
  CHECK(total <= size + 3, "links are not longer than the page");
  const HtmlFacts again = read_html(bytes);
  CHECK(again.links == facts.links && again.csp_metas == facts.csp_metas, "the same bytes have the same facts");
  return 0;
}
