// GET /v1/scans/{scan_id}/events: Server-Sent Events (a snapshot, what followed, the end after the terminal event), or
// pages of JSON for callers that ask for application/json.
#pragma once
#include <memory>
#include <string>

#include "base/executor.h"
#include "server/http/exchange.h"
#include "server/rest/reply.h"
#include "store/database.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"

namespace weir::rest {

// How long a client that lost its stream waits before it comes back.
inline constexpr int kStreamRetryMs = 2'000;
inline constexpr std::int64_t kEventPageDefault = 100;

// Thread-safe.
class EventsApi {
 public:
  // All must outlive the object and the streams that it opened.
  EventsApi(store::Database& database, streaming::EventLog& log, streaming::EventHub& hub, Executor& executor)
      : database_(database), log_(log), hub_(hub), executor_(executor) {}

  // Answers `exchange`: not_found if the account has no such scan, validation_failed for a wrong `limit` or `after`.
  void serve(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context, const std::string& account_id,
             const std::string& scan_id);

 private:
  http::Response page(const http::Request& request, const ReplyContext& context, const std::string& scan_id);
  void stream(const std::shared_ptr<http::Exchange>& exchange, const ReplyContext& context, const std::string& account_id,
              const std::string& scan_id);

  store::Database& database_;
  streaming::EventLog& log_;
  streaming::EventHub& hub_;
  Executor& executor_;
};

}  // namespace weir::rest
