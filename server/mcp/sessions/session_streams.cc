#include "server/mcp/sessions/session_streams.h"

#include <algorithm>
#include <atomic>

#include "base/log.h"
#include "server/mcp/jsonrpc.h"

namespace weir::mcp {

namespace {

// Of the ids of streams: what they are for. The rest of an id cannot be guessed.
constexpr char kListeningKind = 'l';
constexpr char kCallKind = 'c';
constexpr std::size_t kIdCharacters = 22;
// A session that has had no stream at this many sweeps keeps nothing in memory.
constexpr int kIdleSweepsMax = 2;

Json updated(const std::string& uri) { return notification_message("notifications/resources/updated", {{"uri", uri}}); }

Json list_changed(ListKind kind) {
  const std::string_view list = kind == ListKind::tools ? "tools" : kind == ListKind::prompts ? "prompts" : "resources";
  return notification_message("notifications/" + std::string(list) + "/list_changed", Json::object());
}

}  // namespace

// What one session has open in this process. A stream's lock may be taken under the channel's, never the other way round.
// Thread-safe.
class SessionStreams::Channel {
 public:
  struct State {
    std::vector<std::shared_ptr<ResumableStream>> listening;  // the newest last
    std::map<std::string, std::shared_ptr<ResumableStream>> calls;
    std::map<std::string, std::shared_ptr<Watch>> watches;  // by URI
    int idle_sweeps = 0;
    bool has_ended = false;
  };
  Guarded<State> state;
  std::atomic<bool> has_loaded{false};  // the stored subscriptions

  // Each message goes to one stream only: the newest that is read, else the newest that may be read on.
  std::shared_ptr<ResumableStream> listener(const std::function<std::shared_ptr<ResumableStream>()>& make) {
    return state.with([&](State& all) -> std::shared_ptr<ResumableStream> {
      if (all.has_ended) return nullptr;
      const auto read = std::find_if(all.listening.rbegin(), all.listening.rend(),
                                     [](const auto& stream) { return stream->has_reader(); });
      if (read != all.listening.rend()) return *read;
      if (!all.listening.empty()) return all.listening.back();
      auto made = make();
      if (made) all.listening.push_back(made);
      return made;
    });
  }
};

SessionStreams::SessionStreams(store::Database& database, const Clock& clock, Random& random, const Offers& offers)
    : database_(database), clock_(clock), random_(random), offers_(offers) {
  if (offers_.list_changes == nullptr) return;
  lists_ = offers_.list_changes->watch([weak = std::weak_ptr(channels_)](ListKind kind) {
    const auto channels = weak.lock();
    if (!channels) return;
    const auto all = channels->with([](const Channels& open) { return std::vector(open.begin(), open.end()); });
    for (const auto& [id, of_session] : all) {
      // A session without a stream asks for the lists when it wants them.
      if (const auto stream = of_session->listener([] { return nullptr; })) stream->send(list_changed(kind));
    }
  });
}

SessionStreams::~SessionStreams() = default;

std::string SessionStreams::new_id(char kind) { return kind + random_.base62(kIdCharacters); }

bool SessionStreams::is_listening_id(std::string_view stream_id) { return stream_id.starts_with(kListeningKind); }

std::shared_ptr<SessionStreams::Channel> SessionStreams::find_channel(const std::string& session_id) const {
  return channels_->with([&](const Channels& all) {
    const auto found = all.find(session_id);
    return found == all.end() ? nullptr : found->second;
  });
}

std::shared_ptr<SessionStreams::Channel> SessionStreams::channel(const std::string& session_id) {
  return channels_->with([&](Channels& all) -> std::shared_ptr<Channel> {
    if (const auto found = all.find(session_id); found != all.end()) return found->second;
    if (all.size() >= kStreamingSessionsMax) return nullptr;
    return all.emplace(session_id, std::make_shared<Channel>()).first->second;
  });
}

std::shared_ptr<ResumableStream> SessionStreams::open_call(const std::string& session_id, const Json& request) {
  const auto of_session = channel(session_id);
  if (of_session == nullptr) return nullptr;
  auto stream = std::make_shared<ResumableStream>(new_id(kCallKind), clock_);
  const auto written = database_.write([&](store::Transaction& transaction) {
    return store::insert_session_call(transaction, {stream->id(), session_id, request, std::nullopt, clock_.now()});
  });
  // Then a restart will not know it; this process does.
  if (!written) log::warning("mcp.stream_not_stored", {{"cause", written.error().cause}});
  of_session->state.with([&](Channel::State& all) { all.calls.emplace(stream->id(), stream); });
  return stream;
}

std::shared_ptr<ResumableStream> SessionStreams::reopen_call(const std::string& session_id,
                                                             const StreamPosition& position) {
  const auto of_session = channel(session_id);
  if (of_session == nullptr) return nullptr;
  auto stream = std::make_shared<ResumableStream>(position.stream_id, clock_, position.seq);
  // Null if another reader was faster: then the call is being made already.
  const bool is_first =
      of_session->state.with([&](Channel::State& all) { return all.calls.emplace(stream->id(), stream).second; });
  return is_first ? stream : nullptr;
}

void SessionStreams::finish_call(ResumableStream& stream, const Json& answer) {
  const auto written = database_.write([&](store::Transaction& transaction) {
    return answer.is_null() ? store::delete_session_call(transaction, stream.id())
                            : store::answer_session_call(transaction, stream.id(), answer);
  });
  if (!written) log::warning("mcp.answer_not_stored", {{"cause", written.error().cause}});
  if (answer.is_null()) {
    stream.finish();
  } else {
    stream.finish(answer);
  }
}

Result<std::shared_ptr<SessionStreams::Channel>> SessionStreams::listening_channel(const tools::CallContext& context,
                                                                                   const std::string& session_id) {
  auto of_session = channel(session_id);
  if (of_session == nullptr) {
    return Error(ErrorCode::unavailable, "Too many sessions have streams open; try again later.");
  }
  if (offers_.resources == nullptr || of_session->has_loaded.exchange(true)) return of_session;
  auto uris = database_.read_for(
      [&](store::Transaction& transaction) { return store::subscriptions_of_session(transaction, session_id); });
  if (!uris) {
    of_session->has_loaded = false;
    return std::move(uris).error();
  }
  for (const std::string& uri : *uris) {
    if (auto watched = watch(of_session, context, uri)) {
      of_session->state.with([&](Channel::State& all) { all.watches.emplace(uri, std::move(watched)); });
    }
  }
  return of_session;
}

std::shared_ptr<Watch> SessionStreams::watch(const std::shared_ptr<Channel>& channel, const tools::CallContext& context,
                                             const std::string& uri) {
  if (offers_.resources == nullptr) return nullptr;
  // The id is made here: what the receiver calls must not take the random source's lock under the channel's.
  const auto fresh = std::make_shared<ResumableStream>(new_id(kListeningKind), clock_);
  return offers_.resources->watch(context, uri, [weak = std::weak_ptr(channel), uri, fresh] {
    const auto self = weak.lock();
    const auto stream = self == nullptr ? nullptr : self->listener([&] { return fresh; });
    if (stream) stream->send(updated(uri));
  });
}

Result<std::shared_ptr<ResumableStream>> SessionStreams::listen(const tools::CallContext& context,
                                                                const std::string& session_id) {
  auto of_session = listening_channel(context, session_id);
  if (!of_session) return std::move(of_session).error();
  auto fresh = std::make_shared<ResumableStream>(new_id(kListeningKind), clock_);
  return (*of_session)->state.with([&](Channel::State& all) -> Result<std::shared_ptr<ResumableStream>> {
    // What came before anybody listened waits in a stream that nobody has read yet.
    for (const auto& stream : all.listening) {
      if (stream->claim()) return stream;
    }
    if (all.listening.size() >= kListeningPerSessionMax) {
      const auto left = std::ranges::find_if(all.listening, [](const auto& stream) { return !stream->has_reader(); });
      if (left == all.listening.end()) {
        return Error(ErrorCode::conflict, "This session has " + std::to_string(all.listening.size()) +
                                              " GET streams open, which is the most; close one first.");
      }
      all.listening.erase(left);
    }
    all.listening.push_back(fresh);
    fresh->claim();
    return fresh;
  });
}

std::shared_ptr<ResumableStream> SessionStreams::find(const std::string& session_id, const std::string& stream_id) {
  const auto of_session = find_channel(session_id);
  if (of_session == nullptr) return nullptr;
  return of_session->state.with([&](const Channel::State& all) -> std::shared_ptr<ResumableStream> {
    if (const auto call = all.calls.find(stream_id); call != all.calls.end()) return call->second;
    const auto listening = std::ranges::find(all.listening, stream_id, [](const auto& stream) { return stream->id(); });
    return listening == all.listening.end() ? nullptr : *listening;
  });
}

Result<std::optional<store::SessionCallRow>> SessionStreams::stored_call(const std::string& session_id,
                                                                         const std::string& stream_id) {
  return database_.read_for(
      [&](store::Transaction& transaction) { return store::session_call(transaction, session_id, stream_id); });
}

void SessionStreams::tell_all(const std::string& session_id) {
  const auto of_session = find_channel(session_id);
  if (of_session == nullptr) return;
  const auto uris = of_session->state.with([](const Channel::State& all) {
    std::vector<std::string> found;
    for (const auto& [uri, watch] : all.watches) found.push_back(uri);
    return found;
  });
  for (const std::string& uri : uris) notify(session_id, updated(uri));
  if (offers_.list_changes == nullptr) return;
  notify(session_id, list_changed(ListKind::tools));
  if (!offers_.prompts.empty()) notify(session_id, list_changed(ListKind::prompts));
  if (offers_.resources != nullptr) notify(session_id, list_changed(ListKind::resources));
}

Result<void> SessionStreams::subscribe(const tools::CallContext& context, const std::string& session_id,
                                       const std::string& uri) {
  auto of_session = listening_channel(context, session_id);
  if (!of_session) return std::move(of_session).error();
  auto watched = watch(*of_session, context, uri);
  if (!watched) return Error(ErrorCode::not_found, "There is no such resource that changes.");
  auto stored = database_.write(
      [&](store::Transaction& transaction) { return store::insert_subscription(transaction, session_id, uri); });
  if (!stored) return stored;
  // The one that it replaces is destroyed outside the lock.
  (*of_session)->state.with([&](Channel::State& all) { std::swap(all.watches[uri], watched); });
  return {};
}

Result<void> SessionStreams::unsubscribe(const std::string& session_id, const std::string& uri) {
  if (const auto of_session = find_channel(session_id)) {
    const auto ended = of_session->state.with([&](Channel::State& all) { return all.watches.extract(uri); });
  }
  return database_.write(
      [&](store::Transaction& transaction) { return store::delete_subscription(transaction, session_id, uri); });
}

void SessionStreams::notify(const std::string& session_id, const Json& notification) {
  const auto of_session = find_channel(session_id);
  if (of_session == nullptr) return;
  const auto fresh = std::make_shared<ResumableStream>(new_id(kListeningKind), clock_);
  if (const auto stream = of_session->listener([&] { return fresh; })) stream->send(notification);
}

void SessionStreams::end(const std::string& session_id) {
  const auto removed = channels_->with([&](Channels& all) { return all.extract(session_id); });
  if (removed.empty()) return;
  // Everything is destroyed outside the locks: watches and readers have locks of their own.
  const auto [listening, calls, watches] = removed.mapped()->state.with([](Channel::State& all) {
    all.has_ended = true;
    return std::tuple{std::exchange(all.listening, {}), std::exchange(all.calls, {}), std::exchange(all.watches, {})};
  });
  for (const auto& stream : listening) stream->finish();
  for (const auto& [id, stream] : calls) {
    stream->finish();
    stream->give_up();
  }
}

void SessionStreams::give_up_all() {
  const auto channels = channels_->with([](const Channels& all) { return std::vector(all.begin(), all.end()); });
  for (const auto& [session_id, of_session] : channels) {
    const auto calls = of_session->state.with(
        [](const Channel::State& all) { return std::vector(all.calls.begin(), all.calls.end()); });
    for (const auto& [id, stream] : calls) stream->give_up();
  }
}

void SessionStreams::sweep() {
  const auto removed = database_.write_for([&](store::Transaction& transaction) {
    return store::delete_session_calls_before(transaction, clock_.now() - kResumeLife);
  });
  if (!removed) log::warning("mcp.session_sweep_failed", {{"cause", removed.error().cause}});
  const auto channels = channels_->with([](const Channels& all) { return std::vector(all.begin(), all.end()); });
  for (const auto& [session_id, of_session] : channels) {
    std::vector<std::shared_ptr<ResumableStream>> left;
    const bool is_idle = of_session->state.with([&](Channel::State& all) {
      const auto is_left = [&](const std::shared_ptr<ResumableStream>& stream) {
        if (stream->idle() < kResumeLife) return false;
        left.push_back(stream);
        return true;
      };
      std::erase_if(all.listening, is_left);
      std::erase_if(all.calls, [&](const auto& call) { return is_left(call.second); });
      all.idle_sweeps = all.listening.empty() && all.calls.empty() ? all.idle_sweeps + 1 : 0;
      return all.idle_sweeps >= kIdleSweepsMax;
    });
    for (const auto& stream : left) stream->give_up();
    // Its watches feed nobody; a reader that comes back finds them stored.
    if (is_idle) end(session_id);
  }
}

std::size_t SessionStreams::size() const {
  return channels_->with([](const Channels& all) { return all.size(); });
}

}  // namespace weir::mcp
