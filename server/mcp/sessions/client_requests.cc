#include "server/mcp/sessions/client_requests.h"

#include <vector>

#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

namespace {

// Unguessable, although an answer must come from the session that was asked.
constexpr std::size_t kIdCharacters = 22;

}  // namespace

// Not thread-safe: guarded with the map that holds it.
struct ClientRequests::Round {
  Json responses = Json::object();
  std::size_t missing = 0;
  std::function<void(Json)> done;
};

ClientRequests::~ClientRequests() = default;

bool ClientRequests::ask(std::string session_id, const std::shared_ptr<ReplyPort>& port, Json requests,
                         std::function<void(Json)> done) {
  auto round = std::make_shared<Round>();
  round->missing = requests.size();
  round->done = std::move(done);
  std::vector<Json> messages;
  std::vector<std::pair<std::string, Pending>> entries;
  for (auto& [key, request] : requests.items()) {
    std::string id = random_.base62(kIdCharacters);
    messages.push_back({{"jsonrpc", "2.0"}, {"id", id}, {"method", request["method"]}, {"params", request["params"]}});
    entries.emplace_back(std::move(id), Pending{session_id, key, round});
  }
  const bool has_room = pending_->with([&](Map& map) {
    if (map.size() + entries.size() > kClientRequestsMax) return false;
    for (auto& [id, pending] : entries) map.emplace(id, std::move(pending));
    return true;
  });
  if (!has_room) return false;
  port->on_departed([weak = std::weak_ptr(pending_), round = std::weak_ptr(round)] {
    const auto pending = weak.lock();
    const auto departed = round.lock();
    if (!pending || !departed) return;
    const auto dropped = pending->with([&](Map& map) {
      std::erase_if(map, [&](const auto& entry) { return entry.second.round == departed; });
      return std::move(departed->done);
    });
  });
  for (const Json& message : messages) port->notify(message);
  return true;
}

bool ClientRequests::answer(const std::string& session_id, const Json& id, Json result) {
  if (!id.is_string()) return false;
  Json responses;
  std::function<void(Json)> done;
  const bool is_known = pending_->with([&](Map& map) {
    const auto found = map.find(id.get<std::string>());
    if (found == map.end() || found->second.session_id != session_id) return false;
    Round& round = *found->second.round;
    if (!result.is_null()) round.responses[found->second.key] = std::move(result);
    if (--round.missing == 0) {
      responses = std::move(round.responses);
      done = std::move(round.done);
    }
    map.erase(found);
    return true;
  });
  if (done) done(std::move(responses));
  return is_known;
}

}  // namespace weir::mcp
