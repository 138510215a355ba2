// A log and a hub over a database of their own, and an executor of two threads. Not thread-safe.
#pragma once
#include <string>

#include "base/bounded_queue.h"
#include "base/executor.h"
#include "streaming/event_hub.h"
#include "streaming/event_log.h"
#include "tests/support/temp_dir.h"

namespace weir::streaming {

class PoolExecutor final : public Executor {
 public:
  PoolExecutor() {
    for (int i = 0; i < 2; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) {
        while (auto work = queue_.pop(stop)) (*work)();
      });
    }
  }
  bool post(std::function<void()> work) override { return !is_refusing && queue_.push(std::move(work)); }

  std::atomic<bool> is_refusing = false;

 private:
  BoundedQueue<std::function<void()>> queue_{10'000};
  std::vector<std::jthread> threads_;
};

class StreamingTest : public ::testing::Test {
 protected:
  StreamingTest() {
    auto database = store::Database::open({.path = (folder_.path() / "weir.db").string()});
    if (!database) throw std::runtime_error(database.error().message);
    database_ = std::move(*database);
    auto log = EventLog::open(*database_, *hub_, clock_);
    if (!log) throw std::runtime_error(log.error().message);
    log_ = std::move(*log);
  }

  Event append(const std::string& resource, const std::string& type = "scan.progress", Json data = Json::object()) {
    auto event = database_->write_for([&](store::Transaction& t) {
      return log_->append(
          t, {.account_id = "acc_1", .resource_type = "scan", .resource_id = resource, .type = type, .data = data});
    });
    if (!event) throw std::runtime_error(event.error().message + event.error().cause);
    return *event;
  }
  void trim(const std::string& resource, std::int64_t through) {
    const auto done = database_->write([&](store::Transaction& t) { return store::trim_events(t, resource, through); });
    if (!done) throw std::runtime_error(done.error().message);
  }

  testing::TempDir folder_;
  SystemClock clock_;
  std::unique_ptr<EventHub> hub_ = EventHub::create();
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<EventLog> log_;
};

}  // namespace weir::streaming
