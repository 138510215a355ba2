// `weir keys`: works on the data folder itself, so that it needs no running server. A running one notices within a second.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "limits/tiers.h"
#include "server/cli/terminal.h"
#include "store/postgres_settings.h"

namespace weir::cli {

struct KeysOptions {
  enum class Action { create, list, revoke, rotate } action = Action::list;
  std::string data_dir = "./weir-data";
  std::optional<store::PostgresSettings> store_url;  // of the server's configuration, WEIR_STORE_URL
  std::string account;
  std::string tier;  // empty: the account's own, "free" for a new account
  std::vector<std::string> scopes;
  std::string name;
  std::string key;         // id or prefix
  std::string expires_in;  // "90d", "12h", "45m", "30s"; empty: never
  int limit = 0;           // 0: the tier's
  int overlap_hours = 24;
  bool as_json = false;
};

int run_keys(const KeysOptions& options, const limits::Tiers& tiers, Terminal& terminal);

}  // namespace weir::cli
