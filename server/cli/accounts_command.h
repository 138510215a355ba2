// `weir accounts`: like `weir keys`, on the data folder itself.
#pragma once
#include <optional>
#include <string>

#include "limits/tiers.h"
#include "server/cli/terminal.h"
#include "store/postgres_settings.h"

namespace weir::cli {

struct AccountsOptions {
  enum class Action { create, list, set_tier } action = Action::list;
  std::string data_dir = "./weir-data";
  std::optional<store::PostgresSettings> store_url;  // of the server's configuration, WEIR_STORE_URL
  std::string account;                               // its name, or its id for set_tier
  std::string tier;
  int limit = 0;  // of the tier "custom"; 0: none
  bool as_json = false;
};

int run_accounts(const AccountsOptions& options, const limits::Tiers& tiers, Terminal& terminal);

}  // namespace weir::cli
