// The streams of sessions (MCP 2025-03-26 to 2025-11-25): the ones that GET opens, for what is not the answer to a POST,
// and those of calls that are answered on a stream, which GET resumes. And what sessions subscribed to.
//
// What outlives a restart: subscriptions, and the request and the answer of each streamed call, for kResumeLife. A call
// that a restart cut is made again from its request, if that can do no harm (session_listening). A reader that comes back to a GET
// stream after a restart is told of each of its subscriptions once, since any of them may have changed meanwhile.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "server/mcp/offers.h"
#include "server/mcp/sessions/resumable_stream.h"
#include "server/mcp/watch.h"
#include "store/database.h"
#include "store/session_streams_store.h"
#include "tools/call_context.h"

namespace weir::mcp {

// How long a stream without a reader can be resumed.
inline constexpr std::chrono::minutes kResumeLife{15};
// GET streams of one session at once; more are refused.
inline constexpr std::size_t kListeningPerSessionMax = 8;
// Sessions with anything in memory; more are refused.
inline constexpr std::size_t kStreamingSessionsMax = 20'000;

// Thread-safe.
class SessionStreams {
 public:
  // All must outlive this.
  SessionStreams(store::Database& database, const Clock& clock, Random& random, const Offers& offers);
  ~SessionStreams();
  SessionStreams(const SessionStreams&) = delete;
  SessionStreams& operator=(const SessionStreams&) = delete;

  // A stream for the answer to `request`, kept from here on; null if too many sessions have streams. Blocks for the
  // database.
  std::shared_ptr<ResumableStream> open_call(const std::string& session_id, const Json& request);
  // The stream of a call that is made again, going on after `position`.
  std::shared_ptr<ResumableStream> reopen_call(const std::string& session_id, const StreamPosition& position);
  // The answer, kept and sent; null if there will be none. Blocks for the database.
  void finish_call(ResumableStream& stream, const Json& answer);

  // The stream that a new reader of GET listens to. Returns conflict if the session has too many, unavailable if too many
  // sessions have any. Blocks for the database.
  Result<std::shared_ptr<ResumableStream>> listen(const tools::CallContext& context, const std::string& session_id);
  // A stream of this process that is to be read on; null if there is none.
  std::shared_ptr<ResumableStream> find(const std::string& session_id, const std::string& stream_id);
  // A streamed call that an earlier process knew. Blocks for the database.
  Result<std::optional<store::SessionCallRow>> stored_call(const std::string& session_id, const std::string& stream_id);
  // To a reader that was away too long to know what it has missed: whatever is listened to may have changed.
  void tell_all(const std::string& session_id);
  // True for the ids of streams that GET opened, in whatever process.
  static bool is_listening_id(std::string_view stream_id);

  // Returns not_found if the resource is none that can be watched, conflict if there are too many. Blocks for the database.
  Result<void> subscribe(const tools::CallContext& context, const std::string& session_id, const std::string& uri);
  Result<void> unsubscribe(const std::string& session_id, const std::string& uri);
  // A notification on the session's GET stream; kept for the next reader if there is none now. Never blocks.
  void notify(const std::string& session_id, const Json& notification);

  // The session has ended: its streams end, its watches too.
  void end(const std::string& session_id);
  // The server stops: nobody reads what calls still in progress have to say.
  void give_up_all();
  // Forgets what has waited for its reader for longer than kResumeLife. Blocks for the database.
  void sweep();
  // Sessions with anything in memory.
  [[nodiscard]] std::size_t size() const;

 private:
  class Channel;
  using Channels = std::unordered_map<std::string, std::shared_ptr<Channel>>;

  std::shared_ptr<Channel> find_channel(const std::string& session_id) const;
  // Null if there are too many.
  std::shared_ptr<Channel> channel(const std::string& session_id);
  Result<std::shared_ptr<Channel>> listening_channel(const tools::CallContext& context, const std::string& session_id);
  std::shared_ptr<Watch> watch(const std::shared_ptr<Channel>& channel, const tools::CallContext& context,
                               const std::string& uri);
  std::string new_id(char kind);

  store::Database& database_;
  const Clock& clock_;
  Random& random_;
  const Offers& offers_;
  const std::shared_ptr<Guarded<Channels>> channels_ = std::make_shared<Guarded<Channels>>();  // shared with watches
  std::shared_ptr<Watch> lists_;
};

}  // namespace weir::mcp
