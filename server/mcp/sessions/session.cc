#include "server/mcp/sessions/session.h"

#include <algorithm>

namespace weir::mcp {

namespace {

// A session in use is written at most this often: a write for every request would be the most expensive part of it.
constexpr std::chrono::milliseconds kTouchInterval{60'000};
// What a client says about itself is kept only up to this size.
constexpr std::size_t kClientBytesMax = 16 * 1024;

Error no_such_session() {
  return {ErrorCode::not_found, "Session not found: it ended, expired or belongs to another key; initialize again"};
}

Json bounded(Json value) {
  return value.is_object() && to_text(value).size() <= kClientBytesMax ? std::move(value) : Json::object();
}

// Visible ASCII of our length; anything else is never looked up.
bool has_id_form(std::string_view id) {
  return id.size() == kSessionIdCharacters && std::ranges::all_of(id, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
         });
}

}  // namespace

Result<std::string> Sessions::open(const tools::Caller& caller, Opening opening) {
  store::SessionRow row;
  row.id = random_.base62(kSessionIdCharacters);
  row.account_id = caller.account_id;
  row.key_id = caller.key_id;
  row.protocol_version = to_string(opening.revision);
  row.client_info = bounded(std::move(opening.client_info));
  row.client_capabilities = bounded(std::move(opening.client_capabilities));
  row.created_at = clock_.now();
  row.last_used_at = row.created_at;
  auto written =
      database_.write([&](store::Transaction& transaction) { return store::insert_session(transaction, row); });
  if (!written) return std::move(written).error();
  return row.id;
}

Result<store::SessionRow> Sessions::find(std::string_view id, const tools::Caller& caller) {
  if (!has_id_form(id)) return no_such_session();
  auto row = database_.read_for([&](store::Transaction& transaction) { return store::session_by_id(transaction, id); });
  if (!row) {
    if (row.error().code == ErrorCode::not_found) return no_such_session();
    return row;
  }
  const UnixMillis now = clock_.now();
  if (row->key_id != caller.key_id || now - row->last_used_at > idle_max_) return no_such_session();
  if (now - row->last_used_at >= std::min(kTouchInterval, idle_max_ / 4)) {
    auto touched =
        database_.write([&](store::Transaction& transaction) { return store::touch_session(transaction, id, now); });
    if (!touched) return std::move(touched).error();
    row->last_used_at = now;
  }
  return row;
}

Result<void> Sessions::set_log_level(std::string_view id, std::string_view level) {
  return database_.write(
      [&](store::Transaction& transaction) { return store::set_session_log_level(transaction, id, level); });
}

Result<void> Sessions::end(std::string_view id, const tools::Caller& caller) {
  auto row = find(id, caller);
  if (!row) return std::move(row).error();
  auto was_there =
      database_.write_for([&](store::Transaction& transaction) { return store::delete_session(transaction, id); });
  if (!was_there) return std::move(was_there).error();
  if (!*was_there) return no_such_session();
  return {};
}

Result<std::int64_t> Sessions::sweep() {
  const UnixMillis since = clock_.now() - idle_max_;
  return database_.write_for(
      [&](store::Transaction& transaction) { return store::delete_sessions_unused_since(transaction, since); });
}

}  // namespace weir::mcp
