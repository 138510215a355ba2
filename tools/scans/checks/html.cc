#include "tools/scans/checks/html.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "tools/scans/checks/ascii.h"

namespace weir::tools::scans {
namespace {

using ascii::is_space;

void append_utf8(std::string& text, std::uint32_t code) {
  if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = 0xFFFD;
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

// The reference at the start of `text` ("&#39;...") is decoded into `out`; returns how many bytes it took, 0 if
// it is none. Named ones: only those that occur in policies and URLs.
std::size_t decode_reference(std::string_view text, std::string& out) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNamed{
      {{"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}}};
  for (const auto& [name, value] : kNamed) {
    if (!text.starts_with(name)) continue;
    out += value;
    return name.size();
  }
  if (!text.starts_with("&#")) return 0;
  const bool is_hex = text.size() > 2 && ascii::lower(text[2]) == 'x';
  const std::size_t begin = is_hex ? 3 : 2;
  std::uint32_t code = 0;
  const char* first = text.data() + std::min(begin, text.size());
  const auto [last, error] = std::from_chars(first, text.data() + text.size(), code, is_hex ? 16 : 10);
  if (last == first) return 0;
  append_utf8(out, error == std::errc{} ? code : 0xFFFD);
  auto taken = static_cast<std::size_t>(last - text.data());
  if (taken < text.size() && text[taken] == ';') ++taken;
  return taken;
}

std::string decoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    std::size_t taken = text.front() == '&' ? decode_reference(text, result) : 0;
    if (taken == 0) {
      result += text.front();
      taken = 1;
    }
    text.remove_prefix(taken);
  }
  return result;
}

struct Tag {
  std::string name;  // lower case
  bool is_end = false;
  std::vector<std::pair<std::string, std::string>> attributes;  // the first of a name counts

  [[nodiscard]] std::string_view attribute(std::string_view wanted) const {
    for (const auto& [name_, value] : attributes) {
      if (name_ == wanted) return value;
    }
    return {};
  }
};

// Elements whose content is text up to their end tag (WHATWG HTML §13.2.6.2).
bool is_raw_text(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames{"script", "style",  "textarea", "title",
                                                   "xmp",    "iframe", "noembed",  "noframes"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// Elements that may stand in <head> without ending it.
bool belongs_in_head(std::string_view name) {
  constexpr std::array<std::string_view, 12> kNames{"html",  "head",     "title",    "base",   "link",     "meta",
                                                    "style", "noframes", "noscript", "script", "template", "bgsound"};
  return std::ranges::find(kNames, name) != kNames.end();
}

// Not thread-safe: owned by read_html().
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  HtmlFacts read() {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    while (!rest_.empty()) step();
    return std::move(facts_);
  }

 private:
  void step() {
    const std::size_t open = rest_.find('<');
    if (!ascii::trimmed(rest_.substr(0, open)).empty()) is_in_head_ = false;  // text starts the body
    if (open == std::string_view::npos) {
      rest_ = {};
      return;
    }
    rest_.remove_prefix(open);
    if (rest_.starts_with("<!--")) return skip_comment();
    const char next = rest_.size() > 1 ? rest_[1] : '\0';
    if (next == '!' || next == '?') return skip_past('>');
    if (ascii::is_alpha(next)) return tag(1, false);
    if (next == '/' && rest_.size() > 2 && ascii::is_alpha(rest_[2])) return tag(2, true);
    if (next == '/') return skip_past('>');
    rest_.remove_prefix(1);  // a lone "<" is text
    is_in_head_ = false;
  }

  void skip_past(char end) {
    const std::size_t at = rest_.find(end);
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + 1);
  }

  void skip_comment() {
    rest_.remove_prefix(4);
    if (rest_.starts_with(">")) return rest_.remove_prefix(1);  // "<!-->" is an empty comment
    const std::size_t plain = rest_.find("-->");
    const std::size_t bang = rest_.substr(0, plain).find("--!>");
    if (bang != std::string_view::npos) return rest_.remove_prefix(bang + 4);
    rest_.remove_prefix(plain == std::string_view::npos ? rest_.size() : plain + 3);
  }

  void tag(std::size_t name_at, bool is_end) {
    rest_.remove_prefix(name_at);
    Tag found;
    found.is_end = is_end;
    std::size_t end = 0;
    while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != '/' && rest_[end] != '>') ++end;
    found.name = ascii::lowered(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (!attributes(found)) return;  // the input ended inside the tag: browsers drop it
    note(found);
    if (!is_end && is_raw_text(found.name)) skip_raw_text(found.name);
  }

  // Reads up to and including ">"; false if the input ends first.
  bool attributes(Tag& found) {
    for (;;) {
      while (!rest_.empty() && (is_space(rest_.front()) || rest_.front() == '/')) rest_.remove_prefix(1);
      if (rest_.empty()) return false;
      if (rest_.front() == '>') {
        rest_.remove_prefix(1);
        return true;
      }
      attribute(found);
    }
  }

  void attribute(Tag& found) {
    std::size_t end = 1;  // a leading "=" is part of the name
    while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != '/' && rest_[end] != '>' && rest_[end] != '=') {
      ++end;
    }
    std::string name = ascii::lowered(rest_.substr(0, end));
    rest_.remove_prefix(end);
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    std::string value;
    if (!rest_.empty() && rest_.front() == '=') {
      rest_.remove_prefix(1);
      value = attribute_value();
    }
    if (found.attributes.size() < kHtmlAttributesMax) found.attributes.emplace_back(std::move(name), std::move(value));
  }

  std::string attribute_value() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    if (rest_.empty() || rest_.front() == '>') return {};
    std::size_t end = 0;
    const char quote = rest_.front();
    if (quote == '"' || quote == '\'') {
      rest_.remove_prefix(1);
      end = std::min(rest_.find(quote), rest_.size());
      std::string value = decoded(rest_.substr(0, end));
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      return value;
    }
    while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != '>') ++end;
    std::string value = decoded(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return value;
  }

  void skip_raw_text(std::string_view name) {
    std::size_t at = 0;
    while ((at = rest_.find("</", at)) != std::string_view::npos) {
      const std::string_view after = rest_.substr(at + 2);
      const bool is_end =
          ascii::starts_with(after, name) && (after.size() == name.size() || is_space(after[name.size()]) ||
                                              after[name.size()] == '/' || after[name.size()] == '>');
      if (is_end) return rest_.remove_prefix(at);
      at += 2;
    }
    rest_ = {};
  }

  void note(const Tag& found) {
    if (found.is_end) {
      if (found.name == "head") is_in_head_ = false;
      return;
    }
    if (!belongs_in_head(found.name)) is_in_head_ = false;
    if (found.name == "meta") note_meta(found);
    if (found.name == "input" && ascii::equal(ascii::trimmed(found.attribute("type")), "password")) {
      facts_.has_password_field = true;
    }
    if (found.name == "base" && facts_.base_href.empty()) facts_.base_href = found.attribute("href");
    for (const auto& [name, value] : found.attributes) {
      const bool is_link = name == "href" || name == "src" || name == "action" || name == "formaction";
      if (is_link && !value.empty() && facts_.links.size() < kHtmlLinksMax) {
        facts_.links.emplace_back(ascii::trimmed(value));
      }
    }
  }

  void note_meta(const Tag& found) {
    const std::string_view equiv = ascii::trimmed(found.attribute("http-equiv"));
    if (ascii::equal(equiv, "x-frame-options")) facts_.has_frame_options_meta = true;
    // CSP3 §3.3: a meta element that is not a child of <head> is ignored.
    if (is_in_head_ && ascii::equal(equiv, "content-security-policy")) {
      facts_.csp_metas.emplace_back(ascii::trimmed(found.attribute("content")));
    }
  }

  std::string_view rest_;
  HtmlFacts facts_;
  bool is_in_head_ = true;
};

}  // namespace

HtmlFacts read_html(std::string_view bytes) { return Reader(bytes).read(); }

}  // namespace weir::tools::scans
