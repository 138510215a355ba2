#include "server/auth/subject_accounts.h"

#include <algorithm>

#include "base/hmac.h"
#include "base/log.h"
#include "store/audit_store.h"

namespace weir::auth {
namespace {

constexpr std::string_view kActor = "oauth";
constexpr std::size_t kNameBytesMax = 90;
constexpr std::size_t kShortMark = 16;  // hex digits of a digest in a name: told apart, not proven

// Where the row is found: no API key's digest looks like it. The line feed cannot be in an issuer, which is a URL.
std::string mark_of(const Identity& identity) {
  return "oauth:" + to_hex(sha256(identity.issuer + "\n" + identity.subject));
}

// Shown in lists, logs and messages.
bool is_showable(std::string_view text) {
  return text.size() <= kNameBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '"'; });
}

std::string short_mark(const std::string& mark) { return mark.substr(mark.find(':') + 1, kShortMark); }

}  // namespace

std::string SubjectAccounts::mapped_account(const std::string& subject) const {
  for (const std::string& text : settings_.account_map) {
    const auto pair = parse_pair(text);
    if (pair && pair->first == subject) return pair->second;
  }
  return "";
}

Result<store::KeyWithAccount> SubjectAccounts::find_or_make(const Identity& identity) {
  const std::string mark = mark_of(identity);
  const auto look = [&](store::Transaction& transaction) { return store::key_by_hash(transaction, mark); };
  auto found = database_.read_for(look);
  if (found || found.error().code != ErrorCode::not_found) return found;
  auto made = database_.write_for([&](store::Transaction& transaction) -> Result<store::KeyWithAccount> {
    // Another call of the same subject may have been faster.
    auto again = look(transaction);
    if (again || again.error().code != ErrorCode::not_found) return again;
    return make(transaction, identity, mark);
  });
  // Or another server on the same database, which this transaction could not see.
  if (!made && made.error().code == ErrorCode::conflict) return database_.read_for(look);
  return made;
}

Result<store::AccountRow> SubjectAccounts::account_for(store::Transaction& transaction, const Identity& identity,
                                                       const std::string& mark) {
  const std::string shown = printable(identity.subject, 80);
  if (const std::string name = mapped_account(identity.subject); !name.empty()) {
    auto account = store::account_by_name(transaction, name);
    if (account || account.error().code != ErrorCode::not_found) return account;
    return Error(ErrorCode::forbidden,
                 "The subject \"" + shown + "\" is mapped to the account \"" + printable(name, 80) +
                     "\", which does not exist. The operator makes it with: weir accounts create");
  }
  if (settings_.unknown_subjects == UnknownSubjects::refuse) {
    return Error(ErrorCode::forbidden, "The subject \"" + shown +
                                           "\" has no account here. The operator gives it one in "
                                           "auth.account_map.");
  }
  // Never an account that was there before: a subject may be named like one.
  std::string name = "oauth:" + (is_showable(identity.subject) ? identity.subject : short_mark(mark));
  if (auto taken = store::account_by_name(transaction, name); taken || taken.error().code != ErrorCode::not_found) {
    if (!taken) return taken;
    name = "oauth:" + short_mark(mark);
  }
  const UnixMillis now = clock_.now();
  store::AccountRow account{.id = ids_.make("acc"),
                            .name = name,
                            .tier = settings_.tier,
                            .limit_override = std::nullopt,
                            .created_at = now,
                            .updated_at = now};
  if (auto inserted = store::insert_account(transaction, account); !inserted) return std::move(inserted).error();
  auto audited = store::insert_audit(transaction, {.account_id = account.id,
                                                   .actor = std::string(kActor),
                                                   .action = "account.created",
                                                   .subject = account.id,
                                                   .data = {{"name", account.name}, {"tier", account.tier}},
                                                   .at = now});
  if (!audited) return std::move(audited).error();
  return account;
}

Result<store::KeyWithAccount> SubjectAccounts::make(store::Transaction& transaction, const Identity& identity,
                                                    const std::string& mark) {
  auto account = account_for(transaction, identity, mark);
  if (!account) return std::move(account).error();
  const UnixMillis now = clock_.now();
  const std::string shown = is_showable(identity.subject) ? identity.subject : short_mark(mark);
  store::ApiKeyRow row;
  row.id = ids_.make(kSubjectIdPrefix);
  row.account_id = account->id;
  row.name = "subject " + shown;
  row.prefix = std::string(store::kSubjectPrefix);
  row.hash = mark;
  row.created_by_key = std::string(kActor);
  row.created_at = now;
  if (auto inserted = store::insert_key(transaction, row, now); !inserted) return std::move(inserted).error();
  auto audited = store::insert_audit(transaction, {.account_id = account->id,
                                                   .actor = std::string(kActor),
                                                   .action = "subject.created",
                                                   .subject = row.id,
                                                   .data = {{"issuer", identity.issuer}, {"subject", shown}},
                                                   .at = now});
  if (!audited) return std::move(audited).error();
  return store::KeyWithAccount{.key = std::move(row), .account = *std::move(account)};
}

}  // namespace weir::auth
