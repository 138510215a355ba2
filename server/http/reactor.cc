#include "server/http/reactor.h"

#include <sys/epoll.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "server/http/connection.h"

namespace weir::http {
namespace {

// Deadlines may be late by an eighth of the shortest timeout, and no more than this.
constexpr std::chrono::milliseconds kSweepIntervalMax{250};
constexpr std::chrono::milliseconds kSweepIntervalMin{5};
constexpr std::size_t kExpiredPerSweepMax = 8'192;

}  // namespace

Reactor::Reactor(const ServerSettings& settings, TimerQueue& timers)
    : settings_(settings), timers_(timers), epoll_(epoll_create1(EPOLL_CLOEXEC)), table_(settings.connections_max) {
  CHECK(epoll_.is_open(), "the kernel gives an epoll");
}

Response Reactor::error_response(int status, std::string_view message) const {
  try {
    Response response = error_body(status, message);
    response.status = status;
    return response;
  } catch (const std::exception& failure) {
    log::error("http.error_body_failed", {{"cause", failure.what()}});
    return default_error_body(status, message);
  }
}

bool Reactor::admit_address(const std::string& address) {
  return addresses_.with([&](auto& counts) {
    const auto [place, inserted] = counts.try_emplace(address, 0);
    if (place->second >= settings_.connections_per_address_max) return false;
    ++place->second;
    return true;
  });
}

void Reactor::release_address(const std::string& address) {
  addresses_.with([&](auto& counts) {
    const auto place = counts.find(address);
    if (place != counts.end() && --place->second == 0) counts.erase(place);
  });
}

void Reactor::note_closed(ConnectionToken token, const std::string& address) {
  release_address(address);
  table_.remove(token);
  if (is_draining() && table_.size() == 0) {
    { const std::lock_guard lock(empty_mutex_); }
    empty_.notify_all();
  }
}

void Reactor::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(empty_mutex_);
  empty_.wait_until(lock, deadline, [this] { return table_.size() == 0; });
}

void Reactor::rest_accepting() {
  is_accepting_rested_.store(true);
  keep_sweeping();
}

std::chrono::milliseconds Reactor::sweep_interval() const {
  const auto shortest = std::min({settings_.head_timeout, settings_.body_timeout, settings_.idle_timeout,
                                  settings_.write_timeout, settings_.stream_heartbeat});
  return std::clamp(shortest / 8, kSweepIntervalMin, kSweepIntervalMax);
}

void Reactor::keep_sweeping() { arm_sweep(); }

void Reactor::arm_sweep() {
  sweep_.with([&](Sweep& sweep) {
    if (sweep.is_stopped || sweep.timer != 0) return;
    sweep.timer = timers_.at(std::chrono::steady_clock::now() + sweep_interval(), [self = weak_from_this()] {
      if (const auto reactor = self.lock()) reactor->sweep();
    });
  });
}

void Reactor::stop_sweeping() {
  const TimerQueue::Id timer = sweep_.with([](Sweep& sweep) {
    sweep.is_stopped = true;
    return std::exchange(sweep.timer, 0);
  });
  if (timer != 0) timers_.cancel(timer);
}

void Reactor::sweep() {
  sweep_.with([](Sweep& sweep) { sweep.timer = 0; });
  if (is_accepting_rested_.exchange(false) && !work_.post([this, self = shared_from_this()] { resume_accepting(); })) {
    is_accepting_rested_.store(true);
  }
  // The last sweep's work may still wait behind other work; then the next one finds what this one would.
  if (!is_sweep_posted_.load()) {
    auto tokens = table_.expired(std::chrono::steady_clock::now(), kExpiredPerSweepMax);
    if (!tokens.empty()) {
      is_sweep_posted_.store(true);
      const bool is_posted = work_.post([self = shared_from_this(), tokens = std::move(tokens)] {
        for (const ConnectionToken token : tokens) {
          if (const auto connection = self->table_.find(token)) connection->on_deadline();
        }
        self->is_sweep_posted_.store(false);
      });
      if (!is_posted) is_sweep_posted_.store(false);
    }
  }
  if (table_.size() > 0 || is_accepting_rested_.load()) arm_sweep();
}

}  // namespace weir::http
