#include "server/mcp/sessions/waiting_calls.h"

#include "server/mcp/call.h"

namespace weir::mcp {

// Kept by the call; takes its entry along. Immutable.
struct WaitingCalls::Entry {
  Entry(const std::shared_ptr<Guarded<Map>>& all, Key own) : calls(all), key(std::move(own)) {}
  ~Entry() {
    const auto map = calls.lock();
    if (!map) return;
    map->with([this](Map& entries) {
      // A client that used the id again has another call there by now.
      const auto found = entries.find(key);
      if (found != entries.end() && found->second.expired()) entries.erase(found);
    });
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const std::weak_ptr<Guarded<Map>> calls;
  const Key key;
};

void WaitingCalls::add(const std::shared_ptr<Call>& call) {
  if (call->session_id.empty()) return;
  Key key{call->session_id, to_text(call->message.id)};
  calls_->with([&](Map& entries) { entries[key] = call; });
  call->keep(std::make_shared<const Entry>(calls_, std::move(key)));
}

void WaitingCalls::cancel(std::string_view session_id, const Json& request_id, const limits::Decision& state) {
  const auto call = calls_->with([&](Map& entries) {
    const auto found = entries.find(Key(session_id, to_text(request_id)));
    return found == entries.end() ? nullptr : found->second.lock();
  });
  if (call) call->cancel(state);
}

}  // namespace weir::mcp
