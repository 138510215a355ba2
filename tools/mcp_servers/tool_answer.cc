#include "tools/mcp_servers/tool_answer.h"

#include <map>

#include "base/log.h"
#include "tools/mcp_servers/server_spec.h"

namespace weir::tools::mcp_servers {
namespace {

constexpr std::size_t kNotesMax = 16;
constexpr std::size_t kUriBytesMax = 500;
// Of an error, which is shown as a message.
constexpr std::size_t kErrorTextBytesMax = 4 * 1024;

// Collects text up to a bound. Not thread-safe: owned by tool_answer().
class TextBlocks {
 public:
  void add(std::string_view text) {
    if (has_any_) append("\n");
    has_any_ = true;
    append(text);
  }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  std::string take() { return std::move(text_); }
  [[nodiscard]] std::size_t size() const { return text_.size(); }

 private:
  void append(std::string_view piece) {
    std::size_t room = kResultBytesMax - text_.size();
    if (piece.size() > room) {
      is_cut_ = true;
      while (room > 0 && (static_cast<unsigned char>(piece[room]) & 0xC0U) == 0x80U) --room;
      piece = piece.substr(0, room);
    }
    if (!is_cut_ || !piece.empty()) text_.append(piece);
  }

  std::string text_;
  bool has_any_ = false;
  bool is_cut_ = false;
};

// Reads the content blocks of one result. Not thread-safe: owned by tool_answer().
class Content {
 public:
  void add(const Json& block) {
    const std::string type = string_or(block, "type", "");
    if (type == "text") {
      text_.add(string_or(block, "text", ""));
    } else if (type == "resource") {
      add_resource(block);
    } else if (type == "resource_link") {
      text_.add("[resource " + printable(string_or(block, "uri", ""), kUriBytesMax) + "]");
    } else {
      ++dropped_[type == "image" || type == "audio" ? type : "unknown"];
    }
  }
  TextBlocks& text() { return text_; }
  void say_dropped(std::vector<std::string>& notes) const {
    for (const auto& [type, count] : dropped_) {
      notes.push_back(std::to_string(count) + (count == 1 ? " block" : " blocks") + " of content of type " + type +
                      " left out.");
    }
  }

 private:
  void add_resource(const Json& block) {
    const Json* const resource = find_member(block, "resource");
    const auto text = resource == nullptr ? std::nullopt : string_member(*resource, "text");
    if (text) {
      text_.add(*text);
    } else {
      ++dropped_["resource"];
    }
  }

  TextBlocks text_;
  std::map<std::string, int> dropped_;
};

}  // namespace

Result<ToolResult> tool_answer(const Json& result, std::string_view name, std::vector<std::string> notes) {
  Content content;
  if (const Json* blocks = find_member(result, "content")) {
    if (!blocks->is_array()) {
      return Error(ErrorCode::unavailable, std::string(name) + " answered with content that is no list.");
    }
    for (const Json& block : *blocks) content.add(block);
  }
  const Json* const structured = find_member(result, "structuredContent");
  if (bool_or(result, "isError", false)) {
    std::string text = content.text().take();
    if (text.empty() && structured != nullptr) text = to_text(*structured);
    if (text.size() > kErrorTextBytesMax) text = printable(text, kErrorTextBytesMax);
    return Error(ErrorCode::validation_failed,
                 std::string(name) + " answered with an error: " + (text.empty() ? "it gives no reason" : text));
  }
  content.say_dropped(notes);
  if (content.text().is_cut()) {
    notes.push_back("The text was cut off at " + std::to_string(kResultBytesMax) + " bytes.");
  }

  Json data;
  if (structured != nullptr) {
    const std::size_t bytes = to_text(*structured).size();
    if (bytes <= kResultBytesMax - content.text().size()) {
      data = *structured;
    } else if (bytes <= kResultBytesMax) {
      // Servers send the same as text and as data; the data is worth more.
      data = *structured;
      content = Content{};
      notes.emplace_back("The text was left out, because with the data it is larger than " +
                         std::to_string(kResultBytesMax) + " bytes.");
    } else {
      notes.push_back("The data was left out: " + std::to_string(bytes) + " bytes are more than " +
                      std::to_string(kResultBytesMax) + ".");
    }
  }
  if (notes.size() > kNotesMax) notes.resize(kNotesMax);

  std::string text = content.text().take();
  ToolResult answer;
  answer.summary = std::string(name) + " answered with " + std::to_string(text.size()) + " bytes of text" +
                   (data.is_null() ? "." : " and with data.");
  for (const std::string& note : notes) answer.summary += " " + note;
  answer.document =
      Document{.media_type = "text/plain", .text = text.empty() && !data.is_null() ? to_text(data) : text};
  answer.structured = {{"text", std::move(text)}, {"data", std::move(data)}, {"notes", std::move(notes)}};
  return answer;
}

}  // namespace weir::tools::mcp_servers
