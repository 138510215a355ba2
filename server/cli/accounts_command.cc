#include "server/cli/accounts_command.h"

#include "base/ids.h"
#include "server/account_views.h"
#include "server/cli/data_folder.h"
#include "server/key_admin.h"

namespace weir::cli {
namespace {

constexpr std::string_view kActor = "cli";

// One run of `weir accounts`. Not thread-safe: owned by run_accounts.
class AccountsRun {
 public:
  AccountsRun(const AccountsOptions& options, const limits::Tiers& tiers, Terminal& terminal, store::Database& database)
      : options_(options), terminal_(terminal), database_(database), admin_(database, tiers, clock_, ids_, random_) {}

  int run() {
    switch (options_.action) {
      case AccountsOptions::Action::create:
        return show(
            admin_.create_account(options_.account, options_.tier.empty() ? "free" : options_.tier, limit(), kActor));
      case AccountsOptions::Action::list: return list();
      case AccountsOptions::Action::set_tier: return set_tier();
    }
    return kExitUsage;
  }

 private:
  [[nodiscard]] std::optional<std::int64_t> limit() const {
    return options_.limit > 0 ? std::optional<std::int64_t>(options_.limit) : std::nullopt;
  }

  static std::string described(const store::AccountRow& account) {
    return account.tier + (account.limit_override ? " " + std::to_string(*account.limit_override) + "/min" : "");
  }

  int show(const Result<store::AccountRow>& account) {
    if (!account) return show_failure(terminal_, account.error());
    if (options_.as_json) {
      terminal_.line(to_pretty_text(server::account_json(*account)));
    } else {
      terminal_.line(account->id + " (" + account->name + ") has the tier " + described(*account) +
                     ". A running server acts on it within a second.");
    }
    return kExitOk;
  }

  int set_tier() {
    // An id works as well as a name, because other commands and REST show ids.
    auto account = database_.read_for([&](store::Transaction& transaction) {
      return is_id(options_.account, "acc") ? store::account_by_id(transaction, options_.account)
                                            : store::account_by_name(transaction, options_.account);
    });
    if (!account) return show_failure(terminal_, account.error());
    return show(admin_.change_tier(account->name, options_.tier, limit(), kActor));
  }

  int list() {
    const auto accounts =
        database_.read_for([](store::Transaction& transaction) { return store::list_accounts(transaction); });
    if (!accounts) return show_failure(terminal_, accounts.error());
    if (options_.as_json) {
      Json all = Json::array();
      for (const store::AccountRow& account : *accounts) all.push_back(server::account_json(account));
      terminal_.line(to_pretty_text(Json{{"data", all}}));
      return kExitOk;
    }
    std::vector<std::vector<std::string>> rows;
    for (const store::AccountRow& account : *accounts) {
      rows.push_back({account.id, described(account), to_rfc3339(account.created_at), account.name});
    }
    print_table(terminal_, {{"ID", "TIER", "CREATED", "NAME"}, {31, 20, 26, 0}}, rows);
    return kExitOk;
  }

  const AccountsOptions& options_;
  Terminal& terminal_;
  store::Database& database_;
  SystemClock clock_;
  SystemRandom random_;
  IdGenerator ids_{clock_, random_};
  server::KeyAdmin admin_;
};

}  // namespace

int run_accounts(const AccountsOptions& options, const limits::Tiers& tiers, Terminal& terminal) {
  const auto database = open_data_folder(options.data_dir, options.store_url, terminal);
  if (database == nullptr) return kExitFailed;
  return AccountsRun(options, tiers, terminal, *database).run();
}

}  // namespace weir::cli
