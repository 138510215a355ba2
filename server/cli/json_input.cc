#include "server/cli/json_input.h"

#include <fstream>
#include <iostream>
#include <istream>

#include "base/log.h"

namespace weir::cli {
namespace {

Error wrong(std::string_view flag, const std::string& problem) {
  return Error(ErrorCode::validation_failed, std::string(flag) + " " + problem);
}

Result<std::string> read_all(std::string_view flag, std::istream& input, const std::string& name) {
  std::string text(kInputBytesMax + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > kInputBytesMax) {
    return wrong(flag, "is larger than " + std::to_string(kInputBytesMax) + " bytes in " + name + ".");
  }
  return text;
}

Result<std::string> text_of(std::string_view flag, const std::string& text) {
  if (text == "-") return read_all(flag, std::cin, "standard input");
  if (!text.starts_with('@')) return text;
  const std::string path = text.substr(1);
  std::ifstream file(path, std::ios::binary);
  if (!file) return wrong(flag, "cannot be read from " + printable(path) + ".");
  return read_all(flag, file, printable(path));
}

}  // namespace

Result<Json> json_object_from(std::string_view flag, const std::string& text) {
  const Result<std::string> content = text_of(flag, text);
  if (!content) return content.error();
  auto json = parse_json(*content);
  if (!json) {
    return wrong(flag, "is not JSON: " + json.error().message +
                           " Give a JSON object such as '{\"target_id\": \"tgt_...\"}', "
                           "@FILE, or - for standard input.");
  }
  if (!json->is_object()) {
    return wrong(flag, "is a JSON " + std::string(json_type(*json)) +
                           "; expected an object such as '{\"target_id\": "
                           "\"tgt_...\"}', @FILE, or - for standard input.");
  }
  return json;
}

}  // namespace weir::cli
