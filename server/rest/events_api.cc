#include "server/rest/events_api.h"

#include <charconv>
#include <utility>

#include "base/ids.h"
#include "base/log.h"
#include "store/events_store.h"
#include "streaming/sse.h"

namespace weir::rest {
namespace {

using streaming::Feed;

constexpr std::size_t kResourceCharactersMax = 64;

// Feeds a connection. Thread-safe.
class StreamSink final : public streaming::FrameSink {
 public:
  explicit StreamSink(std::shared_ptr<http::SseStream> stream) : stream_(std::move(stream)) {}
  bool send(streaming::Frame frame) override { return stream_->send(std::move(frame)); }
  bool send_all(const std::vector<streaming::Frame>& frames) override { return stream_->send_all(frames); }
  void when_drained(std::function<void()> callback) override { stream_->when_drained(std::move(callback)); }
  void close() override { stream_->close(); }

 private:
  const std::shared_ptr<http::SseStream> stream_;
};

Error wrong(const std::string& field, std::string_view given, const std::string& expected) {
  const std::string problem = "is \"" + printable(given, 60) + "\"; expected " + expected;
  return Error(ErrorCode::validation_failed, field + " " + problem + ".").with_field(field, problem);
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A number, or "<epoch>-<seq>" of whatever log: what is not even that is a mistake and no old position.
bool has_position_form(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  if (dash == 0) return false;
  std::string_view number = dash == std::string_view::npos ? text : text.substr(dash + 1);
  if (dash != std::string_view::npos && number.starts_with('a')) number.remove_prefix(1);
  const auto seq = integer_of(number);
  return seq && *seq >= 0;
}

// SSE unless the caller names JSON and not SSE: curl and EventSource get the stream.
bool wants_pages(const http::Request& request) {
  if (request.method == "HEAD") return true;
  const std::string_view accept = request.headers.find("Accept").value_or("");
  return accept.find("application/json") != std::string_view::npos &&
         accept.find("text/event-stream") == std::string_view::npos;
}

Error no_such_resource(const StreamResource& resource, const std::string& id) {
  return Error(ErrorCode::not_found, "There is no " + std::string(resource.type) + " " + printable(id, 64) +
                                         " in this account. " + std::string(resource.list_route) +
                                         " shows which there are.");
}

Result<streaming::EventFilter> filter_of(const http::Request& request, const EventsCall& call) {
  streaming::EventFilter filter;
  auto types = streaming::parse_patterns("types", request.query_value("types").value_or(""));
  if (!types) return std::move(types).error();
  filter.types = std::move(*types);
  if (!call.shows_runs) filter.hidden = "run";
  if (const auto resource = request.query_value("resource"); resource && call.resource_type.empty()) {
    if (resource->size() > kResourceCharactersMax || resource->find('_') == std::string_view::npos) {
      return wrong("resource", *resource, "the id of a resource, such as a scan's");
    }
    filter.resource_id = *resource;
  }
  return filter;
}

}  // namespace

void EventsApi::serve(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context,
                      const EventsCall& call) {
  const Feed feed{.kind = call.resource_type.empty() ? Feed::Kind::account : Feed::Kind::resource,
                  .id = call.resource_type.empty() ? call.account_id : call.resource_id};
  Result<void> exists;
  if (const StreamResource* const resource = find_stream_resource(call.resource_type)) {
    exists = no_such_resource(*resource, call.resource_id);
    if (is_id(call.resource_id, resource->id_prefix)) {
      exists = parts_.database.read([&](store::Transaction& transaction) -> Result<void> {
        auto found = resource->snapshot(transaction, call.account_id, call.resource_id);
        if (found) return {};
        return found.error().code == ErrorCode::not_found ? no_such_resource(*resource, call.resource_id)
                                                          : found.error();
      });
    }
  }
  if (!exists) {
    exchange->reply(error_reply(context, exists.error()));
    return;
  }
  const http::Request& request = exchange->request();
  auto filter = filter_of(request, call);
  if (!filter) {
    exchange->reply(error_reply(context, filter.error()));
    return;
  }
  if (wants_pages(request)) {
    exchange->reply(page(request, context, feed, *filter));
    return;
  }
  if (has_seen_the_end(request, feed)) {
    http::Response nothing_more = text_reply(context, 204, "", "");
    if (call.token_hash) nothing_more.headers.set("Access-Control-Allow-Origin", "*");
    exchange->reply(std::move(nothing_more));
    return;
  }
  streaming::StreamStart start{
      .feed = feed, .position = std::nullopt, .snapshot = std::nullopt, .filter = std::move(*filter)};
  const auto id = request.headers.find("Last-Event-ID");
  const auto after = request.query_value("after");
  if (id && !id->empty())
    start.position = std::string(*id);
  else if (after && !after->empty())
    start.position = std::string(*after);
  stream(exchange, context, call, std::move(start));
}

// EventSource comes back whenever a stream ends; 204 tells it to stay away (WHATWG HTML §9.2.3).
bool EventsApi::has_seen_the_end(const http::Request& request, const Feed& feed) {
  const auto id = request.headers.find("Last-Event-ID");
  if (!id || id->empty() || feed.kind != Feed::Kind::resource) return false;
  const auto seq = parts_.log.seq_at(feed.kind, *id);
  const auto last = seq ? parts_.log.last_event(feed.id) : Result<std::optional<streaming::Event>>(std::nullopt);
  return last && *last && (*last)->seq == *seq && streaming::is_terminal_event((*last)->type);
}

http::Response EventsApi::page(const http::Request& request, const ReplyContext& context, const Feed& feed,
                               const streaming::EventFilter& filter) {
  std::int64_t limit = kEventPageDefault;
  if (const auto text = request.query_value("limit")) {
    const std::optional<std::int64_t> number = integer_of(*text);
    if (!number || *number < 1 || *number > streaming::EventLog::kReadLimitMax) {
      return error_reply(
          context, wrong("limit", *text, "an integer from 1 to " + std::to_string(streaming::EventLog::kReadLimitMax)));
    }
    limit = *number;
  }
  const std::string_view after = request.query_value("after").value_or("");
  if (!after.empty() && !has_position_form(after)) {
    return error_reply(context, wrong("after", after, "a seq such as 17, or the id of an event"));
  }
  auto selected = parts_.log.select(feed, filter, after, limit);
  if (!selected) return error_reply(context, selected.error());
  Json body = {{"data", Json::array()}, {"last_seq", selected->last}, {"next_after", nullptr}, {"gap", nullptr}};
  for (const streaming::Event& event : selected->events) body["data"].push_back(parts_.log.to_json(event));
  if (selected->next_after) body["next_after"] = *selected->next_after;
  if (selected->gap) body["gap"] = parts_.log.to_json(feed.kind, *selected->gap);
  return json_reply(context, 200, body);
}

// The state and the newest event that it includes, read in one transaction.
Result<streaming::StreamSnapshot> EventsApi::snapshot(const EventsCall& call, const Feed& feed) {
  const StreamResource* const resource = find_stream_resource(call.resource_type);
  return parts_.database.read_for([&](store::Transaction& transaction) -> Result<streaming::StreamSnapshot> {
    auto state = resource != nullptr ? resource->snapshot(transaction, call.account_id, call.resource_id)
                                     : account_snapshot(transaction, call.account_id, UnixMillis{}, call.shows_runs);
    if (!state) return std::move(state).error();
    auto counters = resource != nullptr ? store::resource_event_counters(transaction, feed.id)
                                        : store::account_event_counters(transaction, feed.id);
    if (!counters) return std::move(counters).error();
    Json envelope{{"id", parts_.log.position_text(feed.kind, counters->last)},
                  {"seq", counters->last},
                  {"type", "snapshot"},
                  {"resource", feed.id},
                  {"account", call.account_id},
                  {"data", std::move(state->data)}};
    if (resource != nullptr) envelope["ts"] = to_rfc3339(state->at);
    return streaming::StreamSnapshot{.frame = std::make_shared<const std::string>(streaming::encode_sse(
                                         {.id = parts_.log.position_text(feed.kind, counters->last),
                                          .type = "snapshot",
                                          .data = to_text(envelope),
                                          .retry = std::nullopt})),
                                     .seq = counters->last};
  });
}

void EventsApi::stream(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context,
                       const EventsCall& call, streaming::StreamStart start) {
  if (!start.position) {
    auto first = snapshot(call, start.feed);
    if (!first) {
      exchange->reply(error_reply(context, first.error()));
      return;
    }
    start.snapshot = std::move(*first);
  }
  http::Response head;
  add_common_headers(head.headers, context);
  head.headers.set("Cache-Control", "no-cache, no-transform");
  head.headers.set("X-Accel-Buffering", "no");
  // Whoever has the token may read: no cookie or other authority of the browser is involved.
  if (call.token_hash) head.headers.set("Access-Control-Allow-Origin", "*");
  const std::shared_ptr<http::SseStream> reader = exchange->start_stream(std::move(head));
  if (reader == nullptr) return;  // gone already
  static const auto retry = std::make_shared<const std::string>("retry: " + std::to_string(kStreamRetryMs) + "\n\n");
  reader->send(retry);
  auto events = streaming::EventStream::open(parts_.log, parts_.hub, parts_.executor, std::move(start),
                                             std::make_shared<StreamSink>(reader));
  if (!events) {
    log::warning("rest.stream_refused", {{"feed", call.resource_id}, {"message", events.error().message}});
    reader->send(std::make_shared<const std::string>(streaming::encode_sse_comment(events.error().message)));
    reader->close();
    return;
  }
  // The connection holds the stream of events; that one lets go of the connection when either side ends.
  std::function<void()> ended = [held = *events] { held->close(); };
  if (call.token_hash && parts_.tokens != nullptr) {
    // Not run if the server stops: its next start says the same to all tokens.
    ended = [before = std::move(ended), tokens = parts_.tokens, executor = &parts_.executor, hash = *call.token_hash] {
      before();
      executor->post([tokens, hash] { tokens->closed(hash); });
    };
  }
  if (parts_.lifetime.count() > 0 && parts_.timers != nullptr && parts_.random != nullptr) {
    ended = [before = std::move(ended), timers = parts_.timers, timer = end_later(*events)] {
      timers->cancel(timer);
      before();
    };
  }
  reader->on_closed(std::move(ended));
}

TimerQueue::Id EventsApi::end_later(const std::shared_ptr<streaming::EventStream>& stream) {
  const auto full = std::chrono::duration_cast<std::chrono::milliseconds>(parts_.lifetime);
  const auto tenth = static_cast<std::uint64_t>(full.count() / 10 + 1);
  const auto jitter = std::chrono::milliseconds(static_cast<std::int64_t>(parts_.random->below(2 * tenth)));
  const auto life = full - std::chrono::milliseconds(static_cast<std::int64_t>(tenth)) + jitter;
  return parts_.timers->at(std::chrono::steady_clock::now() + life, [weak = std::weak_ptr(stream)] {
    if (const auto held = weak.lock()) held->close();
  });
}

}  // namespace weir::rest
