// Finds the server and the key that a command should use.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "server/cli/client.h"
#include "server/cli/commands.h"

namespace weir::cli {

// Flags win over WEIR_URL and WEIR_KEY; a key that is given nowhere is read from DIR/admin.key, a URL from DIR/server.url
// (written by a running server), else http://127.0.0.1:8080. Returns validation_failed for a bad URL.
Result<std::unique_ptr<Client>> client_for(const ServerOptions& options);

// A server and the key to it. Not thread-safe: a value.
struct Place {
  std::string url;
  std::string key;
};
// The server that a flag or WEIR_URL names; nothing if neither does.
std::optional<Place> chosen_server(const ServerOptions& options);
// The one that runs on the data folder; nothing if none has said so.
std::optional<Place> running_server(const ServerOptions& options);

// The files of the data folder that commands read.
inline constexpr std::string_view kAdminKeyFile = "admin.key";
inline constexpr std::string_view kServerUrlFile = "server.url";

// Says where the server of a data folder is, while it runs. Not thread-safe: owned by the command.
class UrlFile {
 public:
  UrlFile(const std::string& data_dir, const std::string& url);
  ~UrlFile();
  UrlFile(const UrlFile&) = delete;
  UrlFile& operator=(const UrlFile&) = delete;

 private:
  const std::filesystem::path path_;
};

}  // namespace weir::cli
