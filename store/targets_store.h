// Targets: what may be scanned, and how that was authorised.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace weir::store {

// Not thread-safe: a value.
struct TargetRow {
  std::string id;
  std::string account_id;
  std::string created_by_key;
  std::string url;  // normalised
  std::string host;
  std::int64_t port = 0;
  std::string name;
  std::string visibility;  // "public", "private" or "loopback"
  bool is_self = false;    // the target is this very server
  std::vector<std::string> scope_hosts;
  std::vector<std::int64_t> expected_ports;
  std::vector<std::string> tags;
  std::string verification_state = "unverified";  // unverified, pending, verified, stale, failed
  Json verification = Json::object();             // method, token, token_expires_at, verified_at, checked_at
  Json attestation;                               // {by, at, text} or null
  UnixMillis created_at{};
  UnixMillis updated_at{};
  std::optional<UnixMillis> archived_at;  // deleted: kept for its scans, shown to nobody
};

struct TargetFilter {
  std::string account_id;
  std::string query;  // part of the name or URL
  std::string tag;
};

Result<void> insert_target(Transaction& transaction, const TargetRow& target);
// Returns not_found if there is none, it is archived, or it belongs to another account.
Result<TargetRow> target_by_id(Transaction& transaction, std::string_view account_id, std::string_view id);
// The account's live target with this normalised URL, if any.
Result<std::optional<TargetRow>> target_by_url(Transaction& transaction, std::string_view account_id,
                                               std::string_view url);
// Newest first.
Result<Page<TargetRow>> list_targets(Transaction& transaction, const TargetFilter& filter, const PageRequest& page);
// Writes every column that can change (not the URL). Returns not_found as target_by_id() does.
Result<void> update_target(Transaction& transaction, const TargetRow& target);
Result<std::int64_t> count_targets(Transaction& transaction, std::string_view account_id);
Result<void> archive_target(Transaction& transaction, std::string_view account_id, std::string_view id, UnixMillis at);

}  // namespace weir::store
