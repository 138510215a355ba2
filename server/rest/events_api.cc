#include "server/rest/events_api.h"

#include <charconv>

#include "base/ids.h"
#include "base/log.h"
#include "store/events_store.h"
#include "store/scans_store.h"
#include "streaming/event_stream.h"
#include "streaming/sse.h"
#include "tools/scans/scan_views.h"

namespace weir::rest {
namespace {

// Feeds a connection. Thread-safe.
class StreamSink final : public streaming::FrameSink {
 public:
  explicit StreamSink(std::shared_ptr<http::SseStream> stream) : stream_(std::move(stream)) {}
  bool send(std::shared_ptr<const std::string> frame) override { return stream_->send(std::move(frame)); }
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

// SSE unless the caller names JSON and not SSE: curl and EventSource get the stream.
bool wants_pages(const http::Request& request) {
  if (request.method == "HEAD") return true;
  const std::string_view accept = request.headers.find("Accept").value_or("");
  return accept.find("application/json") != std::string_view::npos &&
         accept.find("text/event-stream") == std::string_view::npos;
}

Error no_such_scan(const std::string& scan_id) {
  return Error(ErrorCode::not_found,
               "There is no scan " + printable(scan_id, 64) + " in this account. GET /v1/scans shows which there are.");
}

}  // namespace

void EventsApi::serve(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context,
                      const std::string& account_id, const std::string& scan_id) {
  Result<void> exists = no_such_scan(scan_id);
  if (is_id(scan_id, "scn")) {
    exists = database_.read([&](store::Transaction& transaction) -> Result<void> {
      Result<store::ScanRow> scan = store::scan_by_id(transaction, account_id, scan_id);
      if (scan) return {};
      return scan.error().code == ErrorCode::not_found ? no_such_scan(scan_id) : scan.error();
    });
  }
  if (!exists) {
    exchange->reply(error_reply(context, exists.error()));
  } else if (wants_pages(exchange->request())) {
    exchange->reply(page(exchange->request(), context, scan_id));
  } else {
    stream(exchange, context, account_id, scan_id);
  }
}

http::Response EventsApi::page(const http::Request& request, const ReplyContext& context, const std::string& scan_id) {
  std::int64_t limit = kEventPageDefault;
  if (const auto text = request.query_value("limit")) {
    const std::optional<std::int64_t> number = integer_of(*text);
    if (!number || *number < 1 || *number > streaming::EventLog::kReadLimitMax) {
      return error_reply(context, wrong("limit", *text, "an integer from 1 to " +
                                                            std::to_string(streaming::EventLog::kReadLimitMax)));
    }
    limit = *number;
  }
  std::int64_t after = 0;
  if (const auto text = request.query_value("after")) {
    std::optional<std::int64_t> seq = integer_of(*text);
    if (!seq) seq = log_.seq_of(*text);
    if (!seq || *seq < 0) return error_reply(context, wrong("after", *text, "a seq such as 17, or the id of an event"));
    after = *seq;
  }
  auto events = log_.read_after(scan_id, after, limit);
  if (!events) return error_reply(context, events.error());
  auto last = log_.last_seq(scan_id);
  if (!last) return error_reply(context, last.error());
  Json body = {{"data", Json::array()}, {"last_seq", *last}, {"next_after", nullptr}};
  for (const streaming::Event& event : *events) body["data"].push_back(log_.to_json(event));
  if (!events->empty() && events->back().seq < *last) body["next_after"] = events->back().seq;
  return json_reply(context, 200, body);
}

void EventsApi::stream(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context,
                       const std::string& account_id, const std::string& scan_id) {
  const http::Request& request = exchange->request();
  streaming::StreamStart start;
  start.resource_id = scan_id;
  if (const auto id = request.headers.find("Last-Event-ID"); id && !id->empty()) start.position = std::string(*id);
  else if (const auto after = request.query_value("after")) start.position = std::string(*after);

  if (!start.position) {
    auto snapshot = database_.read_for([&](store::Transaction& transaction) -> Result<streaming::StreamSnapshot> {
      Result<store::ScanRow> scan = store::scan_by_id(transaction, account_id, scan_id);
      if (!scan) return std::move(scan).error();
      Result<std::int64_t> seq = store::last_event_seq(transaction, scan_id);
      if (!seq) return std::move(seq).error();
      const streaming::Event event{.account_id = account_id, .resource_type = "scan", .resource_id = scan_id, .seq = *seq,
                                   .account_seq = 0, .type = "snapshot", .at = scan->updated_at,
                                   .data = tools::scans::scan_json(*scan)};
      return streaming::StreamSnapshot{
          .frame = std::make_shared<const std::string>(streaming::encode_sse(
              {.id = log_.id_of(event), .type = event.type, .data = to_text(log_.to_json(event)), .retry = std::nullopt})),
          .seq = *seq};
    });
    if (!snapshot) {
      exchange->reply(error_reply(context, snapshot.error()));
      return;
    }
    start.snapshot = std::move(*snapshot);
  }

  http::Response head;
  add_common_headers(head.headers, context);
  head.headers.set("Cache-Control", "no-cache, no-transform");
  head.headers.set("X-Accel-Buffering", "no");
  const std::shared_ptr<http::SseStream> reader = exchange->start_stream(std::move(head));
  if (reader == nullptr) return;  // gone already
  reader->send(std::make_shared<const std::string>("retry: " + std::to_string(kStreamRetryMs) + "\n\n"));
  auto events = streaming::EventStream::open(log_, hub_, executor_, std::move(start), std::make_shared<StreamSink>(reader));
  if (!events) {
    log::warning("rest.stream_refused", {{"scan", scan_id}, {"message", events.error().message}});
    reader->send(std::make_shared<const std::string>(streaming::encode_sse_comment(events.error().message)));
    reader->close();
    return;
  }
  // The connection holds the stream of events; that one lets go of the connection when either side ends.
  reader->on_closed([held = *events] { held->close(); });
}

}  // namespace weir::rest
