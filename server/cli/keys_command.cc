#include "server/cli/keys_command.h"

#include <charconv>
#include <map>

#include "base/ids.h"
#include "base/log.h"
#include "server/account_views.h"
#include "server/cli/data_folder.h"
#include "server/key_admin.h"
#include "store/usage_store.h"

namespace weir::cli {
namespace {

constexpr std::string_view kActor = "cli";

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : " ") + item;
  return text;
}

// "90d" and the like; nothing for anything else, for 0 and for more than ten years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::int64_t unit_s = 0;
  switch (text.back()) {
    case 's': unit_s = 1; break;
    case 'm': unit_s = 60; break;
    case 'h': unit_s = 3'600; break;
    case 'd': unit_s = 86'400; break;
    default: return std::nullopt;
  }
  constexpr std::int64_t kMostSeconds = 3'650LL * 86'400;
  std::int64_t count = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stopped != end || count < 1 || count > kMostSeconds / unit_s) return std::nullopt;
  return std::chrono::seconds{count * unit_s};
}

// One run of `weir keys`. Not thread-safe: owned by run_keys.
class KeysRun {
 public:
  KeysRun(const KeysOptions& options, const limits::Tiers& tiers, Terminal& terminal, store::Database& database)
      : options_(options), terminal_(terminal), database_(database), admin_(database, tiers, clock_, ids_, random_) {}

  int run() {
    switch (options_.action) {
      case KeysOptions::Action::create: return create();
      case KeysOptions::Action::list: return list();
      case KeysOptions::Action::revoke: return revoke();
      case KeysOptions::Action::rotate: return rotate();
    }
    return kExitUsage;
  }

 private:
  int failed(const Error& error) { return show_failure(terminal_, error); }

  int show_created(const Result<server::CreatedKey>& created) {
    if (!created) return failed(created.error());
    if (options_.as_json) {
      Json json = server::key_json(created->key, created->account, clock_.now());
      json["key"] = created->secret;
      terminal_.line(to_pretty_text(json));
      return kExitOk;
    }
    terminal_.line("  " + terminal_.paint(Colour::bold, created->secret));
    terminal_.line("");
    terminal_.line(created->key.id + " of account " + created->account.name + ", tier " + created->account.tier +
                   ", scopes " + joined(created->key.scopes) + ". The key is shown this once only.");
    return kExitOk;
  }

  int create() {
    server::KeyRequest request;
    request.account = options_.account;
    if (!options_.tier.empty()) request.tier = options_.tier;
    if (!options_.name.empty()) request.name = options_.name;
    request.scopes = options_.scopes.empty() ? std::vector<std::string>{"read", "write"} : options_.scopes;
    if (!options_.expires_in.empty()) {
      const auto life = parse_duration(options_.expires_in);
      if (!life) {
        terminal_.error("--expires-in expects a time such as 90d, 12h, 45m or 30s (at most ten years), got \"" +
                        printable(options_.expires_in) + "\".");
        return kExitUsage;
      }
      request.expires_at = clock_.now() + *life;
    }
    if (options_.limit > 0) request.limit_override = options_.limit;
    return show_created(admin_.create_key(request, kActor));
  }

  // Of the last 24 hours; keys without calls are not in it.
  Result<std::map<std::string, store::UsageTotals>> calls_of(const std::vector<store::KeyWithAccount>& keys) {
    std::vector<std::string> ids;
    for (const store::KeyWithAccount& each : keys) ids.push_back(each.key.id);
    return database_.read_for([&](store::Transaction& transaction) {
      return store::usage_of_keys(transaction, ids, clock_.now() - store::kUsageDay);
    });
  }

  int list() {
    const auto keys = admin_.list_keys(options_.account);
    if (!keys) return failed(keys.error());
    const auto calls = calls_of(*keys);
    if (!calls) return failed(calls.error());
    const auto calls_of_key = [&](const std::string& id) {
      const auto found = calls->find(id);
      return found == calls->end() ? store::UsageTotals{} : found->second;
    };
    if (options_.as_json) {
      Json all = Json::array();
      for (const auto& [key, account] : *keys) {
        all.push_back(server::key_json(key, account, clock_.now()));
        all.back()["calls_24h"] = server::calls_json(calls_of_key(key.id));
      }
      terminal_.line(to_pretty_text(Json{{"data", all}}));
      return kExitOk;
    }
    if (keys->empty()) {
      terminal_.line("No keys. Make one: weir keys create --account NAME --tier free");
      return kExitOk;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, account] : *keys) {
      const store::UsageTotals made = calls_of_key(key.id);
      rows.push_back({key.prefix, account.name, account.tier, key.name,
                      std::string(server::to_string(server::state_of(key, clock_.now()))),
                      key.last_used_at ? to_rfc3339(*key.last_used_at) : "never", std::to_string(made.admitted),
                      std::to_string(made.refused), joined(key.scopes)});
    }
    print_table(terminal_,
                {{"PREFIX", "ACCOUNT", "TIER", "NAME", "STATE", "LAST USED", "CALLS 24H", "REFUSED", "SCOPES"},
                 {9, 16, 10, 20, 9, 26, 11, 9, 0}},
                rows);
    return kExitOk;
  }

  int revoke() {
    const auto revoked = admin_.revoke_key(options_.key, kActor);
    if (!revoked) return failed(revoked.error());
    if (options_.as_json) {
      terminal_.line(to_pretty_text(server::key_json(revoked->key, revoked->account, clock_.now())));
    } else {
      terminal_.line(revoked->key.id + " (" + revoked->key.prefix + ", " + revoked->key.name +
                     ") is revoked. A running server refuses it within a second.");
    }
    return kExitOk;
  }

  int rotate() {
    return show_created(admin_.rotate_key(options_.key, std::chrono::hours{options_.overlap_hours}, kActor));
  }

  const KeysOptions& options_;
  Terminal& terminal_;
  store::Database& database_;
  SystemClock clock_;
  SystemRandom random_;
  IdGenerator ids_{clock_, random_};
  server::KeyAdmin admin_;
};

}  // namespace

int run_keys(const KeysOptions& options, const limits::Tiers& tiers, Terminal& terminal) {
  const auto database = open_data_folder(options.data_dir, options.store_url, terminal);
  if (database == nullptr) return kExitFailed;
  return KeysRun(options, tiers, terminal, *database).run();
}

}  // namespace weir::cli
