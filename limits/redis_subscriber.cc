#include "limits/redis_subscriber.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/log.h"

namespace weir::limits {
namespace {

using std::chrono::milliseconds;

// Connecting and each answer of the greeting.
constexpr milliseconds kGreetingMax{1'000};
// A channel may be quiet for long: after this time the server is asked whether it is still there, and has as long to answer.
constexpr milliseconds kSilenceMax{10'000};
constexpr milliseconds kPauseFirst{50};
constexpr milliseconds kPauseMax{1'000};

}  // namespace

// One connection. Not thread-safe: owned by the thread.
class RedisSubscriber::Link {
 public:
  Link(const RedisSubscriber& owner, const std::stop_token& stop) : owner_(owner), stop_(stop) {}

  // Until the connection is lost or the end comes; why it was lost.
  std::string serve() {
    if (auto why = subscribe()) return *why;
    log::info("redis.subscribed", {{"server", owner_.settings_.shown()}});
    has_subscribed_ = true;
    bool is_asked = false;
    while (!stop_.stop_requested()) {
      pollfd sources[2] = {{context_->fd, POLLIN, 0}, {owner_.wake_, POLLIN, 0}};
      const int ready = poll(sources, 2, static_cast<int>(kSilenceMax.count()));
      if (ready < 0 && errno != EINTR) return "poll failed";
      if (ready == 0) {
        if (is_asked) return "no answer for " + std::to_string(kSilenceMax.count()) + " ms";
        is_asked = true;
        if (!send({"PING"})) return context_->errstr;
      }
      if (ready <= 0 || sources[0].revents == 0) continue;
      is_asked = false;
      if (redisBufferRead(context_.get()) != REDIS_OK) return context_->errstr;
      if (auto why = receive()) return *why;
    }
    return "Weir is stopping";
  }
  [[nodiscard]] bool has_subscribed() const { return has_subscribed_; }

 private:
  struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  struct FreeReply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };

  std::optional<std::string> subscribe() {
    const RedisSettings& settings = owner_.settings_;
    const timeval longest{kGreetingMax.count() / 1'000, (kGreetingMax.count() % 1'000) * 1'000};
    context_.reset(settings.host.empty() ? redisConnectUnixWithTimeout(settings.socket_path.c_str(), longest)
                                         : redisConnectWithTimeout(settings.host.c_str(), settings.port, longest));
    if (context_ == nullptr) return "out of memory";
    if (context_->err != 0) return context_->errstr;
    redisSetTimeout(context_.get(), longest);
    if (!settings.password.empty()) {
      std::vector<std::string> auth{"AUTH"};
      if (!settings.username.empty()) auth.push_back(settings.username);
      auth.push_back(settings.password);
      if (auto why = ask(auth)) return why;
    }
    return ask({"SUBSCRIBE", owner_.channel_});
  }

  // What is wrong with the answer, if anything.
  std::optional<std::string> ask(const std::vector<std::string>& command) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& argument : command) {
      texts.push_back(argument.data());
      sizes.push_back(argument.size());
    }
    const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(
        redisCommandArgv(context_.get(), static_cast<int>(command.size()), texts.data(), sizes.data())));
    if (reply == nullptr) return context_->errstr;
    if (reply->type == REDIS_REPLY_ERROR) return std::string(reply->str, reply->len);
    return std::nullopt;
  }

  bool send(const std::vector<std::string>& command) {
    std::string text = "*" + std::to_string(command.size()) + "\r\n";
    for (const std::string& argument : command)
      text += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
    int is_done = 0;
    return redisAppendFormattedCommand(context_.get(), text.data(), text.size()) == REDIS_OK &&
           redisBufferWrite(context_.get(), &is_done) == REDIS_OK;
  }

  std::optional<std::string> receive() {
    for (;;) {
      void* parsed = nullptr;
      if (redisGetReplyFromReader(context_.get(), &parsed) != REDIS_OK) return context_->errstr;
      if (parsed == nullptr) return std::nullopt;
      const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(parsed));
      if (reply->type == REDIS_REPLY_ERROR) return std::string(reply->str, reply->len);
      // ["message", channel, text]; everything else is about the subscription.
      if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) continue;
      const redisReply& kind = *reply->element[0];
      const redisReply& text = *reply->element[2];
      if (kind.type != REDIS_REPLY_STRING || text.type != REDIS_REPLY_STRING) continue;
      if (std::string_view(kind.str, kind.len) == "message") owner_.receiver_(std::string_view(text.str, text.len));
    }
  }

  const RedisSubscriber& owner_;
  const std::stop_token& stop_;
  std::unique_ptr<redisContext, FreeContext> context_;
  bool has_subscribed_ = false;
};

RedisSubscriber::RedisSubscriber(RedisSettings settings, std::string channel, Receiver receiver)
    : settings_(std::move(settings)),
      channel_(std::move(channel)),
      receiver_(std::move(receiver)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(wake_ >= 0, "file descriptors are left");
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "weir-hints");
    run(stop);
  });
}

RedisSubscriber::~RedisSubscriber() {
  thread_.request_stop();
  const std::uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0) log::debug("redis.wake", {{"errno", errno}});
  thread_.join();
  close(wake_);
}

void RedisSubscriber::run(const std::stop_token& stop) {
  milliseconds pause = kPauseFirst;
  bool is_loss_logged = false;
  while (!stop.stop_requested()) {
    Link link(*this, stop);
    const std::string why = link.serve();
    if (stop.stop_requested()) return;
    if (link.has_subscribed()) {
      pause = kPauseFirst;
      is_loss_logged = false;
    }
    if (!is_loss_logged) log::warning("redis.not_subscribed", {{"server", settings_.shown()}, {"reason", why}});
    is_loss_logged = true;
    pollfd wake{wake_, POLLIN, 0};
    poll(&wake, 1, static_cast<int>(pause.count()));
    pause = std::min(pause * 2, kPauseMax);
  }
}

}  // namespace weir::limits
