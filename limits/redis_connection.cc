#include "limits/redis_connection.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "base/log.h"

namespace weir::limits {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Under load a command waits at most this long for others to share its packet: a tenth of a fast network's round trip
// at a hundred thousand decisions per second saves nine system calls of ten.
constexpr microseconds kGatherMax{200};
// Connecting, AUTH and SELECT together. Far above a deadline, so that a slow network is not taken for a dead one.
constexpr milliseconds kGreetingMax{1'000};
// A command without an answer for this long: the server hangs, or the network lost the connection without telling.
constexpr milliseconds kSilenceMax{1'000};
// Between attempts: short at first, for a server that restarts; a second at most, for one that is away.
constexpr milliseconds kPauseFirst{20};
constexpr milliseconds kPauseMax{1'000};

void append_length(std::string& out, char kind, std::size_t length) {
  out += kind;
  out += std::to_string(length);
  out += "\r\n";
}

// The Redis serialisation protocol: an array of bulk strings.
std::string command_of(std::span<const std::string_view> arguments) {
  std::size_t size = 16;
  for (const std::string_view argument : arguments) size += argument.size() + 16;
  std::string command;
  command.reserve(size);
  append_length(command, '*', arguments.size());
  for (const std::string_view argument : arguments) {
    append_length(command, '$', argument.size());
    command += argument;
    command += "\r\n";
  }
  return command;
}

RedisReply reply_of(const redisReply& reply) {
  RedisReply made;
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      made.kind = RedisReply::Kind::integers;
      made.integers.push_back(reply.integer);
      break;
    case REDIS_REPLY_ARRAY:
      made.kind = RedisReply::Kind::integers;
      made.integers.reserve(reply.elements);
      for (std::size_t i = 0; i < reply.elements; ++i) made.integers.push_back(reply.element[i]->integer);
      break;
    case REDIS_REPLY_NIL: break;
    default:
      made.kind = reply.type == REDIS_REPLY_ERROR ? RedisReply::Kind::error : RedisReply::Kind::text;
      made.text.assign(reply.str, reply.len);
  }
  return made;
}

}  // namespace

// Where one caller waits, or who is called back. Thread-safe: mutex guards answer, and `then` is the thread's alone once
// it was submitted.
struct RedisConnection::Call {
  bool is_called_back = false;
  Answered then;    // empty once called
  TimePoint until;  // of one who is called back; one who waits looks at the clock himself
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Result<RedisReply>> answer;
  std::atomic<bool> is_abandoned{false};
};

// The thread's side: the socket, the parser and what is unanswered. Not thread-safe: owned by the thread.
class RedisConnection::Link {
 public:
  explicit Link(RedisConnection& owner) : owner_(owner) {}

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      wait();
      step();
    }
    is_loss_logged_ = true;  // an end is no loss
    close("Weir is stopping");
  }

 private:
  enum class Phase { closed, connecting, greeting, ready };
  struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  struct Sent {
    std::shared_ptr<Call> call;  // null: nobody waits
    TimePoint sent_at;
    bool is_greeting = false;
  };

  // Blocks until the socket or the queue has something, or until due().
  void wait() {
    short events = POLLIN;
    if (phase_ == Phase::connecting || has_unwritten_) events |= POLLOUT;
    pollfd sources[2] = {{phase_ == Phase::closed ? -1 : context_->fd, events, 0},
                         // While gathering, more commands change nothing.
                         {gather_until_ ? -1 : owner_.wake_, POLLIN, 0}};
    timespec pause{};
    const std::optional<TimePoint> until = due();
    if (until) {
      const auto left = std::max(*until - steady_clock::now(), steady_clock::duration::zero());
      pause.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      pause.tv_nsec = (left % std::chrono::seconds{1}).count();
    }
    const int ready = ppoll(sources, 2, until ? &pause : nullptr, nullptr);
    socket_events_ = ready > 0 ? sources[0].revents : short{0};
    if (ready > 0 && sources[1].revents != 0) {
      std::uint64_t ignored = 0;
      if (read(owner_.wake_, &ignored, sizeof ignored) < 0) log::debug("redis.wake", {{"errno", errno}});
    }
  }

  // When something must happen although nothing is heard.
  [[nodiscard]] std::optional<TimePoint> due() const {
    switch (phase_) {
      case Phase::closed: return attempt_at_;
      case Phase::connecting:
      case Phase::greeting: return greeting_until_;
      case Phase::ready: break;
    }
    std::optional<TimePoint> until = gather_until_;
    if (!until && !sent_.empty()) until = sent_.front().sent_at + kSilenceMax;
    if (until && !called_back_.empty()) return std::min(*until, called_back_.front()->until);
    return until;
  }

  void step() {
    if (phase_ == Phase::closed) {
      if (steady_clock::now() >= attempt_at_) open();
      return;
    }
    if (phase_ == Phase::connecting && socket_events_ != 0) {
      greet();
    } else if ((socket_events_ & (POLLIN | POLLHUP | POLLERR)) != 0) {
      receive();
    }
    if (phase_ == Phase::ready) take_queue();
    if (phase_ == Phase::ready || phase_ == Phase::greeting) send();

    const auto now = steady_clock::now();
    give_up_late(now);
    if ((phase_ == Phase::connecting || phase_ == Phase::greeting) && now >= greeting_until_) {
      close("no connection within " + std::to_string(kGreetingMax.count()) + " ms");
    } else if (phase_ == Phase::ready && !sent_.empty() && now >= sent_.front().sent_at + kSilenceMax) {
      close("no answer for " + std::to_string(kSilenceMax.count()) + " ms");
    }
  }

  void open() {
    const RedisSettings& settings = owner_.settings_;
    greeting_until_ = steady_clock::now() + kGreetingMax;
    // A host name is resolved here, on this thread: callers have their deadline meanwhile.
    context_.reset(settings.host.empty() ? redisConnectUnixNonBlock(settings.socket_path.c_str())
                                         : redisConnectNonBlock(settings.host.c_str(), settings.port));
    if (context_ == nullptr) return close("out of memory");
    if (context_->err != 0) return close(context_->errstr);
    phase_ = Phase::connecting;
  }

  void greet() {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return close(std::strerror(error));

    phase_ = Phase::greeting;
    const RedisSettings& settings = owner_.settings_;
    if (!settings.password.empty()) {
      std::vector<std::string_view> auth{"AUTH"};
      if (!settings.username.empty()) auth.push_back(settings.username);
      auth.push_back(settings.password);
      append(command_of(auth), {nullptr, steady_clock::now(), true});
    }
    // Also the sign that the server answers at all.
    const std::string database = std::to_string(settings.database);
    append(command_of(std::vector<std::string_view>{"SELECT", database}), {nullptr, steady_clock::now(), true});
  }

  void become_ready() {
    phase_ = Phase::ready;
    pause_ = kPauseFirst;
    owner_.queue_.with([](Queue& queue) { queue.is_open = true; });
    owner_.is_connected_ = true;
    is_loss_logged_ = false;
    log::info("redis.connected", {{"server", owner_.settings_.shown()}});
  }

  void receive() {
    if (redisBufferRead(context_.get()) != REDIS_OK) return close(context_->errstr);
    for (;;) {
      void* parsed = nullptr;
      if (redisGetReplyFromReader(context_.get(), &parsed) != REDIS_OK) return close(context_->errstr);
      if (parsed == nullptr) return;
      const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(parsed));
      if (sent_.empty()) return close("an answer that nothing asked for");
      const Sent asked = std::move(sent_.front());
      sent_.pop_front();
      if (!asked.is_greeting) {
        answer(asked.call, reply_of(*reply));
      } else if (reply->type == REDIS_REPLY_ERROR) {
        return close(std::string(reply->str, reply->len));
      } else if (sent_.empty()) {
        become_ready();
      }
    }
  }

  // Takes what waits if nothing is unanswered or if the oldest has waited long enough.
  void take_queue() {
    const auto now = steady_clock::now();
    std::vector<Pending> taken;
    gather_until_ = owner_.queue_.with([&](Queue& queue) -> std::optional<TimePoint> {
      if (queue.waiting.empty()) return std::nullopt;
      const TimePoint until = queue.waiting.front().queued_at + kGatherMax;
      if (!sent_.empty() && now < until) return until;
      taken.swap(queue.waiting);
      return std::nullopt;
    });
    for (Pending& each : taken) {
      // Nobody would hear that the units are spent.
      if (each.call != nullptr && each.call->is_abandoned) {
        --owner_.unanswered_;
        continue;
      }
      if (each.call != nullptr && each.call->then) called_back_.push_back(each.call);
      append(each.command, {std::move(each.call), now, false});
    }
  }

  // Those who wait look at the clock themselves; those who are called must be told.
  void give_up_late(TimePoint now) {
    while (!called_back_.empty() && (called_back_.front()->then == nullptr || called_back_.front()->until <= now)) {
      const std::shared_ptr<Call> late = std::move(called_back_.front());
      called_back_.pop_front();
      // Its answer may still come: then it finds nobody.
      if (const Answered then = std::exchange(late->then, nullptr)) then(owner_.away("no answer within the deadline"));
    }
  }

  void append(const std::string& command, Sent sent) {
    CHECK(redisAppendFormattedCommand(context_.get(), command.data(), command.size()) == REDIS_OK, "memory is left");
    has_unwritten_ = true;
    sent_.push_back(std::move(sent));
  }

  void send() {
    if (!has_unwritten_) return;
    int is_done = 0;
    if (redisBufferWrite(context_.get(), &is_done) != REDIS_OK) return close(context_->errstr);
    has_unwritten_ = is_done == 0;
  }

  void answer(const std::shared_ptr<Call>& call, Result<RedisReply> answer) {
    --owner_.unanswered_;
    if (call == nullptr) return;
    if (call->is_called_back) {
      if (const Answered then = std::exchange(call->then, nullptr)) then(std::move(answer));
      return;
    }
    {
      const std::lock_guard lock(call->mutex);
      call->answer = std::move(answer);
    }
    call->answered.notify_one();
  }

  // Ends the connection or the attempt, fails everyone who waits, and sets the time of the next attempt.
  void close(std::string_view reason) {
    const std::string why(reason);  // hiredis's own text dies with the context
    owner_.is_connected_ = false;
    std::vector<Pending> taken;
    owner_.queue_.with([&](Queue& queue) {
      queue.is_open = false;
      queue.why_closed = why;
      taken.swap(queue.waiting);
    });
    for (const Sent& each : sent_) {
      if (!each.is_greeting) answer(each.call, owner_.away(why));
    }
    for (const Pending& each : taken) answer(each.call, owner_.away(why));
    sent_.clear();
    called_back_.clear();
    gather_until_.reset();
    has_unwritten_ = false;
    context_.reset();
    phase_ = Phase::closed;
    attempt_at_ = steady_clock::now() + pause_;
    pause_ = std::min(pause_ * 2, kPauseMax);
    if (!is_loss_logged_) log::warning("redis.away", {{"server", owner_.settings_.shown()}, {"reason", why}});
    is_loss_logged_ = true;
  }

  RedisConnection& owner_;
  std::unique_ptr<redisContext, FreeContext> context_;
  Phase phase_ = Phase::closed;
  std::deque<Sent> sent_;                          // in the order in which answers come
  std::deque<std::shared_ptr<Call>> called_back_;  // of those sent, in the order of their deadlines
  bool has_unwritten_ = false;
  short socket_events_ = 0;
  std::optional<TimePoint> gather_until_;  // set while commands wait for company
  TimePoint greeting_until_;
  TimePoint attempt_at_ = steady_clock::now();
  milliseconds pause_ = kPauseFirst;
  bool is_loss_logged_ = false;  // once a loss, not once an attempt
};

RedisConnection::RedisConnection(RedisSettings settings)
    : settings_(std::move(settings)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(wake_ >= 0, "a file descriptor is left when the server starts");
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "redis");
    // hiredis writes without MSG_NOSIGNAL: a closed connection must be an error here, not the process's end.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const std::stop_callback on_stop(stop, [this] { wake(); });
    Link(*this).run(stop);
  });
}

RedisConnection::~RedisConnection() {
  stop();
  ::close(wake_);
}

void RedisConnection::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Result<RedisReply> RedisConnection::call(std::span<const std::string_view> arguments) {
  return call(arguments, steady_clock::now() + settings_.deadline);
}

Result<RedisReply> RedisConnection::call(std::span<const std::string_view> arguments, TimePoint until) {
  if (std::this_thread::get_id() == thread_.get_id()) return away("asked by the thread that brings the answer");
  const auto call = std::make_shared<Call>();
  if (auto accepted = submit(arguments, call); !accepted) return std::move(accepted).error();
  std::unique_lock lock(call->mutex);
  if (!call->answered.wait_until(lock, until, [&] { return call->answer.has_value(); })) {
    call->is_abandoned = true;
    return away("no answer within the deadline");
  }
  return *std::move(call->answer);
}

Result<void> RedisConnection::call_back(std::span<const std::string_view> arguments, Answered answered) {
  const auto call = std::make_shared<Call>();
  call->then = std::move(answered);
  call->is_called_back = true;
  call->until = steady_clock::now() + settings_.deadline;
  return submit(arguments, call);
}

bool RedisConnection::post(std::span<const std::string_view> arguments) {
  return is_connected() && submit(arguments, nullptr).has_value();
}

Result<void> RedisConnection::submit(std::span<const std::string_view> arguments, std::shared_ptr<Call> call) {
  if (unanswered_.fetch_add(1) >= settings_.calls_max) {
    --unanswered_;
    return away("more than " + std::to_string(settings_.calls_max) + " calls wait for an answer");
  }
  Pending pending{command_of(arguments), std::move(call), steady_clock::now()};
  bool is_first = false;
  const auto refused = queue_.with([&](Queue& queue) -> std::optional<std::string> {
    if (!queue.is_open) return queue.why_closed;
    is_first = queue.waiting.empty();
    queue.waiting.push_back(std::move(pending));
    return std::nullopt;
  });
  if (refused) {
    --unanswered_;
    return away(*refused);
  }
  if (is_first) wake();
  return {};
}

Error RedisConnection::away(std::string why) const {
  return Error{ErrorCode::unavailable, "the rate limiter's Redis cannot be asked now; try again in a second"}
      .because(settings_.shown() + ": " + std::move(why))
      .retry_in(std::chrono::seconds{1});
}

void RedisConnection::wake() const {
  const std::uint64_t one = 1;
  // Full only after 2^64 - 1 wakes unread; then it is awake anyway.
  if (write(wake_, &one, sizeof one) < 0) log::debug("redis.wake", {{"errno", errno}});
}

}  // namespace weir::limits
