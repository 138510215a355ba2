// Reads of an HTML page what the checks ask about: the policies in <meta>, whether a password is asked for, where
// the links lead. A tolerant tokenizer (WHATWG HTML §13.2.5, without the tree): enough for facts about tags, not
// for anything that depends on the document's structure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir::tools::scans {

// Links beyond these are not kept: a page may hold any number.
inline constexpr std::size_t kHtmlLinksMax = 2'000;
inline constexpr std::size_t kHtmlAttributesMax = 64;

// Not thread-safe: a value.
struct HtmlFacts {
  std::vector<std::string> csp_metas;   // contents of <meta http-equiv=Content-Security-Policy> inside <head>
  bool has_frame_options_meta = false;  // <meta http-equiv=X-Frame-Options>, which browsers ignore
  bool has_password_field = false;
  std::string base_href;           // of the first <base href>
  std::vector<std::string> links;  // href, src and action values as written, in order, at most kHtmlLinksMax
};

// Never fails: bytes that are not HTML have no facts.
HtmlFacts read_html(std::string_view bytes);

}  // namespace weir::tools::scans
