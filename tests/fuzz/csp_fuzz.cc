// libFuzzer entry for Content Security Policies: whatever the bytes, parsing ends and the answers agree with each
// other.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "tools/scans/checks/csp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::tools::scans;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const CspPolicy& policy : parse_csp_list(text)) {
    CHECK(!policy.directives.empty(), "a policy has a directive");
    for (const auto& [name, sources] : policy.directives) {
      CHECK(policy.find(name) == &sources, "names are unique");
      CHECK(!name.empty() && name.find_first_of(" \t\n;,") == std::string::npos, "a name is one word");
      for (const auto& source : sources) CHECK(!source.empty(), "no source is empty");
    }
    const ScriptSources scripts = script_sources(policy);
    if (scripts.is_unrestricted) CHECK(scripts.allows_inline && scripts.allows_any_host, "no list allows everything");
    CHECK(scripts.is_unrestricted == !policy.effective("script-src").has_value(), "effective agrees");
  }
  Page page;
  page.html.csp_metas.emplace_back(text);
  for (const CspPolicy& policy : csp_of(page).enforced) {
    CHECK(policy.find("frame-ancestors") == nullptr, "meta cannot hold frame-ancestors");
  }
  return 0;
}
