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

std::string key_for(const ServerOptions& options) {
  std::string key = options.key.empty() ? from_environment("WEIR_KEY") : options.key;
  return key.empty() ? first_line_of(std::filesystem::path(options.data_dir) / kAdminKeyFile) : key;
}

}  // namespace

std::optional<Place> chosen_server(const ServerOptions& options) {
  std::string url = options.url.empty() ? from_environment("WEIR_URL") : options.url;
  if (url.empty()) return std::nullopt;
  return Place{std::move(url), key_for(options)};
}

std::optional<Place> running_server(const ServerOptions& options) {
  std::string url = first_line_of(std::filesystem::path(options.data_dir) / kServerUrlFile);
  if (url.empty()) return std::nullopt;
  return Place{std::move(url), key_for(options)};
}

Result<std::unique_ptr<Client>> client_for(const ServerOptions& options) {
  auto place = chosen_server(options);
  if (!place) place = running_server(options);
  if (!place) place = Place{"http://127.0.0.1:8080", key_for(options)};
  return Client::create(place->url, std::move(place->key));
}

UrlFile::UrlFile(const std::string& data_dir, const std::string& url)
    : path_(std::filesystem::path(data_dir) / kServerUrlFile) {
  std::ofstream(path_) << url << "\n";
}

UrlFile::~UrlFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace weir::cli
