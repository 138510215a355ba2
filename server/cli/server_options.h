// Finds the server and the key that a command should use.
#pragma once
#include <memory>

#include "server/cli/client.h"
#include "server/cli/commands.h"

namespace weir::cli {

// Flags win over WEIR_URL and WEIR_KEY; a key that is given nowhere is read from DIR/admin.key, a URL from DIR/server.url
// (written by a running server), else http://127.0.0.1:8080. Returns validation_failed for a bad URL.
Result<std::unique_ptr<Client>> client_for(const ServerOptions& options);

// The files of the data folder that commands read.
inline constexpr std::string_view kAdminKeyFile = "admin.key";
inline constexpr std::string_view kServerUrlFile = "server.url";

}  // namespace weir::cli
