#include "tools/models/provider_key.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "base/log.h"

namespace weir::tools::models {
namespace {

// Keys have some hundred characters, tokens of cloud accounts some thousand.
constexpr std::size_t kKeyBytesMax = 16 * 1024;

std::string trimmed(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, is_space));
  return text;
}

Result<std::string> checked(std::string key, const std::string& place) {
  key = trimmed(std::move(key));
  if (key.empty()) return Error(ErrorCode::unauthorized, "The provider's key is missing: " + place + " is empty.");
  const bool is_visible = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7F; });
  if (key.size() > kKeyBytesMax || !is_visible) {
    return Error(ErrorCode::unauthorized, "The provider's key in " + place +
                                              " is none: it must be one word of visible ASCII characters, at most " +
                                              std::to_string(kKeyBytesMax) + ".");
  }
  return key;
}

}  // namespace

Result<std::string> read_provider_key(const ProviderSettings& settings, const Environment& environment) {
  if (!settings.api_key_env.empty()) {
    const std::string place = "the variable " + settings.api_key_env;
    const char* value = environment ? environment(settings.api_key_env.c_str()) : nullptr;
    if (value == nullptr) {
      return Error(ErrorCode::unauthorized,
                   "The provider's key is missing: " + place +
                       " is not set. Set it for the process of the server and start it again.");
    }
    return checked(value, place);
  }
  if (settings.api_key_file.empty()) return std::string();
  const std::string place = "the file " + settings.api_key_file;
  std::ifstream file(settings.api_key_file, std::ios::binary);
  std::string text(kKeyBytesMax + 2, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad()) {
    return Error(ErrorCode::unauthorized, "The provider's key is missing: " + place +
                                              " cannot be read. Is it there, and may the server's user read it?");
  }
  return checked(std::move(text), place);
}

bool is_key_file_open_to_others(const ProviderSettings& settings) {
  struct stat info {};
  return !settings.api_key_file.empty() && stat(settings.api_key_file.c_str(), &info) == 0 &&
         (info.st_mode & 0077) != 0;
}

}  // namespace weir::tools::models
