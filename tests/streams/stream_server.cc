#include "tests/streams/stream_server.h"

#include <charconv>
#include <cstdio>
#include <thread>

#include "server/http/server.h"
#include "server/rest/events_api.h"
#include "server/signals.h"
#include "store/database.h"

namespace weir::streams {
namespace {

constexpr int kEventsPerTransaction = 10;
constexpr unsigned kWorkers = 8;

// Not thread-safe but for publish(): owned by serve().
class Publisher {
 public:
  Publisher(store::Database& database, streaming::EventLog& log) : database_(database), log_(log) {}

  // Any thread.
  bool publish(int count, const std::function<Json(int)>& data) {
    return database_
        .write([&](store::Transaction& transaction) -> Result<void> {
          for (int i = 0; i < count; ++i) {
            auto event = log_.append(transaction, {.account_id = kAccount,
                                                   .resource_type = "scan",
                                                   .resource_id = kResource,
                                                   .type = "scan.progress",
                                                   .data = data(i)});
            if (!event) return event.error();
          }
          return {};
        })
        .has_value();
  }

  void start(int count) {
    thread_ = std::jthread([this, count](const std::stop_token& stop) {
      for (int done = 0; done < count && !stop.stop_requested(); done += kEventsPerTransaction) {
        publish(std::min(kEventsPerTransaction, count - done), [&](int i) { return Json{{"n", done + i + 1}}; });
      }
    });
  }

 private:
  store::Database& database_;
  streaming::EventLog& log_;
  std::jthread thread_;
};

}  // namespace

int serve(const std::string& folder, int port) {
  server::block_stop_signals();
  SystemClock clock;
  TimerQueue timers;
  auto database = store::Database::open({.path = folder + "/weir.db"}).value();
  http::ServerSettings settings;
  settings.port = static_cast<std::uint16_t>(port);
  settings.workers = kWorkers;
  settings.connections_per_address_max = settings.connections_max;
  auto http = http::Server::open(settings, timers).value();
  auto hub = streaming::EventHub::create(*http);
  auto log = streaming::EventLog::open(*database, *hub, clock).value();
  rest::EventsApi events({.database = *database, .log = *log, .hub = *hub, .executor = *http});
  Publisher publisher(*database, *log);

  http->start([&](std::shared_ptr<http::Exchange> exchange) {
    const http::Request& request = exchange->request();
    if (request.path == "/v1/events") {
      events.serve(exchange, {.request_id = "req", .decision = std::nullopt},
                   {.account_id = kAccount, .resource_type = "", .resource_id = "", .token_hash = std::nullopt});
      return;
    }
    http::Response response;
    response.status = 202;
    if (const auto count = request.query_value("count")) {
      int number = 0;
      std::from_chars(count->data(), count->data() + count->size(), number);
      publisher.start(number);
    } else {
      auto body = parse_json(request.body);
      if (!body || !publisher.publish(1, [&](int) { return *body; })) response.status = 500;
    }
    exchange->reply(std::move(response));
  });
  std::printf("%u\n", unsigned{http->port()});
  std::fflush(stdout);
  server::wait_for_stop_signal();
  http->stop();
  timers.stop();
  return 0;
}

}  // namespace weir::streams
