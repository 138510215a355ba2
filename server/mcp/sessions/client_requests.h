// Requests to the client (elicitation, sampling, roots) in the revisions with sessions: sent on the stream of the call
// that needs them, answered by POSTs of their own.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "base/json.h"
#include "base/random.h"
#include "server/mcp/reply_port.h"

namespace weir::mcp {

// What waits for an answer at once, over all sessions; more is refused.
inline constexpr std::size_t kClientRequestsMax = 10'000;

// Thread-safe.
class ClientRequests {
 public:
  // `random` must outlive this.
  explicit ClientRequests(Random& random) : random_(random) {}
  ~ClientRequests();
  ClientRequests(const ClientRequests&) = delete;
  ClientRequests& operator=(const ClientRequests&) = delete;

  // Sends each of {"key": {"method", "params"}} on the port's stream. `done` gets {"key": result} once every one is
  // answered; a key that the client answered with an error is missing. If the client leaves before, `done` is dropped.
  // False if too many wait.
  bool ask(std::string session_id, const std::shared_ptr<ReplyPort>& port, Json requests,
           std::function<void(Json)> done);
  // The answer to a request; null is an error. False if that session is not asked that.
  bool answer(const std::string& session_id, const Json& id, Json result);

 private:
  struct Round;
  struct Pending {
    std::string session_id;
    std::string key;
    std::shared_ptr<Round> round;
  };
  using Map = std::map<std::string, Pending>;

  Random& random_;
  const std::shared_ptr<Guarded<Map>> pending_ =
      std::make_shared<Guarded<Map>>();  // shared with ports that outlive this
};

}  // namespace weir::mcp
