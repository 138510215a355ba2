#include "server/cli/server_options.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir::cli {
namespace {

std::string first_line_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<std::unique_ptr<Client>> client_for(const ServerOptions& options) {
  const std::filesystem::path data(options.data_dir);
  std::string url = options.url.empty() ? from_environment("WEIR_URL") : options.url;
  if (url.empty()) url = first_line_of(data / kServerUrlFile);
  if (url.empty()) url = "http://127.0.0.1:8080";
  std::string key = options.key.empty() ? from_environment("WEIR_KEY") : options.key;
  if (key.empty()) key = first_line_of(data / kAdminKeyFile);
  return Client::create(url, std::move(key));
}

}  // namespace weir::cli
