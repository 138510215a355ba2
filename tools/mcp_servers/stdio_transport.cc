#include "tools/mcp_servers/stdio_transport.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "tools/mcp_servers/child_process.h"

namespace weir::tools::mcp_servers {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kErrorLineBytesMax = 500;
// Kept for the message that says why a server failed.
constexpr std::size_t kLastWordsMax = 3;
// For a program that has broken the protocol.
constexpr milliseconds kBrokenGrace{100};
// For what a server asks: a program that does not read its input must not hold up the reading of its output.
constexpr milliseconds kAnswerTimeout{2'000};
// How soon who waits for room in the pipe notices a stop.
constexpr int kWriteLookMs = 100;

int time_left_ms(steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<milliseconds::rep>(left, 0, 3'600'000));
}

}  // namespace

struct StdioTransport::State {
  State(ServerSpec its_spec, Inbox its_inbox, std::unique_ptr<ChildProcess> its_child)
      : spec(std::move(its_spec)),
        inbox(std::move(its_inbox)),
        child(std::move(its_child)),
        wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  const ServerSpec spec;
  const Inbox inbox;
  std::unique_ptr<ChildProcess> child;  // its pipes are used by the reader and under write_mutex; ended by close()
  const Descriptor wake;

  std::timed_mutex write_mutex;  // one line at a time; guards child->input
  std::mutex close_mutex;        // one close() at a time

  mutable std::mutex mutex;
  std::condition_variable_any answered;
  std::map<std::int64_t, std::optional<Reply>> waiting;
  bool is_open = true;
  std::string trouble;
  std::deque<std::string> last_words;

  // The reader's own.
  std::string output_line;
  std::string error_line;
  int stray_lines = 0;
  int logged_lines = 0;
  std::jthread reader;  // last: ends before what it uses

  void run(const std::stop_token& stop);
  bool read_some(int descriptor, bool is_output);
  bool take_output(std::string_view bytes);
  void take_errors(std::string_view bytes);
  void take_error_line();
  bool take_line(std::string_view line);
  void dispatch(const Incoming& message);
  void fail(std::string why);
  Result<void> write_line(const Json& message, steady_clock::time_point deadline, const std::stop_token& stop = {});
  std::string last_said() const;  // with the mutex held
};

std::string StdioTransport::State::last_said() const {
  std::string text;
  for (const std::string& line : last_words) text += (text.empty() ? "" : " / ") + line;
  return text;
}

void StdioTransport::State::fail(std::string why) {
  {
    const std::lock_guard lock(mutex);
    if (!is_open) return;
    is_open = false;
    trouble = std::move(why);
    if (const std::string said = last_said(); !said.empty()) trouble += "; it said: " + said;
  }
  answered.notify_all();
  if (inbox.closed) inbox.closed();
}

void StdioTransport::State::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "mcp-read");
  bool has_errors = true;
  while (!stop.stop_requested()) {
    std::array<pollfd, 3> ready = {{{.fd = wake.get(), .events = POLLIN, .revents = 0},
                                    {.fd = child->output.get(), .events = POLLIN, .revents = 0},
                                    {.fd = has_errors ? child->errors.get() : -1, .events = POLLIN, .revents = 0}}};
    if (poll(ready.data(), ready.size(), -1) < 0) {
      if (errno == EINTR) continue;
      fail("its pipes cannot be waited for");
      return;
    }
    // What it says about its end comes before the end.
    if (ready[2].revents != 0) has_errors = read_some(child->errors.get(), false);
    if (ready[1].revents != 0 && !read_some(child->output.get(), true)) {
      while (has_errors && !stop.stop_requested()) {
        pollfd rest{.fd = child->errors.get(), .events = POLLIN, .revents = 0};
        has_errors = poll(&rest, 1, 0) > 0 && read_some(child->errors.get(), false);
      }
      take_error_line();
      fail("ended");
      return;
    }
  }
}

bool StdioTransport::State::read_some(int descriptor, bool is_output) {
  std::array<char, kReadBytes> buffer{};
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  if (is_output) return take_output(bytes);
  take_errors(bytes);
  return true;
}

bool StdioTransport::State::take_output(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    output_line.append(bytes.substr(0, end));
    if (output_line.size() > kMessageBytesMax) {
      fail("sent a message of more than " + std::to_string(kMessageBytesMax) + " bytes");
      return false;
    }
    if (end == std::string_view::npos) return true;
    const bool goes_on = take_line(output_line);
    output_line.clear();
    if (!goes_on) return false;
    bytes.remove_prefix(end + 1);
  }
  return true;
}

bool StdioTransport::State::take_line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
  auto messages = read_messages(line);
  if (messages) {
    for (const Incoming& message : *messages) dispatch(message);
    return true;
  }
  // Programs print greetings where only messages belong; one that does nothing else is no MCP server.
  log::warning(
      "mcp_server.stray_line",
      {{"alias", spec.alias}, {"line", spec.without_secrets(printable(line))}, {"why", messages.error().message}});
  if (++stray_lines <= kStrayLinesMax) return true;
  fail("wrote more than " + std::to_string(kStrayLinesMax) + " lines to its standard output that are no messages");
  return false;
}

void StdioTransport::State::take_errors(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    error_line.append(piece.substr(0, kErrorLineBytesMax - std::min(kErrorLineBytesMax, error_line.size())));
    if (end == std::string_view::npos) return;
    take_error_line();
    bytes.remove_prefix(end + 1);
  }
}

void StdioTransport::State::take_error_line() {
  const std::string text = spec.without_secrets(printable(error_line, kErrorLineBytesMax));
  error_line.clear();
  if (text.empty()) return;
  {
    const std::lock_guard lock(mutex);
    last_words.push_back(text);
    if (last_words.size() > kLastWordsMax) last_words.pop_front();
  }
  if (++logged_lines < kLoggedLinesMax) {
    log::info("mcp_server.stderr", {{"alias", spec.alias}, {"line", text}});
  } else if (logged_lines == kLoggedLinesMax) {
    log::info("mcp_server.stderr",
              {{"alias", spec.alias}, {"line", "(what follows is not logged until it is started again)"}});
  }
}

void StdioTransport::State::dispatch(const Incoming& message) {
  if (message.kind == Incoming::Kind::notification) {
    if (inbox.notified) inbox.notified(message);
    return;
  }
  if (message.kind == Incoming::Kind::request) {
    if (!inbox.asked) return;
    auto sent = write_line(inbox.asked(message), steady_clock::now() + kAnswerTimeout);
    if (!sent) log::warning("mcp_server.answer_lost", {{"alias", spec.alias}, {"method", message.method}});
    return;
  }
  if (!message.id.is_number_integer()) return;
  {
    const std::lock_guard lock(mutex);
    const auto found = waiting.find(message.id.get<std::int64_t>());
    if (found == waiting.end()) return;  // given up in the meantime
    found->second.emplace(Reply{message.result, message.error, 200});
  }
  answered.notify_all();
}

Result<void> StdioTransport::State::write_line(const Json& message, steady_clock::time_point deadline,
                                               const std::stop_token& stop) {
  const std::string line = to_text(message) + "\n";
  const std::unique_lock lock(write_mutex, deadline);
  if (!lock) return Error(ErrorCode::timed_out, "does not read its input");
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t count = ::write(child->input.get(), line.data() + written, line.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error(ErrorCode::unavailable, "has closed its input");
    pollfd room{.fd = child->input.get(), .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, std::min(kWriteLookMs, time_left_ms(deadline))) != 0) continue;
    const bool is_closing = [this] {
      const std::lock_guard guard(mutex);
      return !is_open;
    }();
    if (is_closing || stop.stop_requested() || steady_clock::now() >= deadline) {
      // Half a line would make the next one unreadable.
      if (written > 0) fail("does not read its input");
      return Error(ErrorCode::timed_out, "does not read its input");
    }
  }
  return {};
}

StdioTransport::StdioTransport(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->reader = std::jthread([s = state_.get()](const std::stop_token& stop) { s->run(stop); });
}

Result<std::unique_ptr<StdioTransport>> StdioTransport::start(const ServerSpec& spec, Inbox inbox) {
  auto child = ChildProcess::start({.command = spec.command, .environment = spec.environment, .folder = spec.folder});
  if (!child) return std::move(child).error();
  log::info("mcp_server.started", {{"alias", spec.alias}, {"pid", (*child)->pid()}});
  return std::unique_ptr<StdioTransport>(
      new StdioTransport(std::make_unique<State>(spec, std::move(inbox), *std::move(child))));
}

StdioTransport::~StdioTransport() { close(); }

Result<Reply> StdioTransport::send(const Outgoing& request) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->is_open) return Error(ErrorCode::unavailable, state_->trouble);
    state_->waiting.emplace(request.id, std::nullopt);
  }
  auto written =
      state_->write_line(request_message(request.id, request.method, request.params), request.deadline, request.stop);
  std::unique_lock lock(state_->mutex);
  const auto mine = state_->waiting.find(request.id);
  if (written) {
    state_->answered.wait_until(lock, request.stop, request.deadline, [&] { return mine->second || !state_->is_open; });
  }
  std::optional<Reply> reply = std::move(mine->second);
  state_->waiting.erase(mine);
  if (reply) return *std::move(reply);
  if (!state_->is_open) return Error(ErrorCode::unavailable, state_->trouble);
  if (request.stop.stop_requested()) return Error(ErrorCode::cancelled, "was told to stop");
  if (!written) return std::move(written).error();
  return Error(ErrorCode::timed_out, "did not answer " + request.method + " in time");
}

Result<void> StdioTransport::notify(std::string_view method, const Json& params, const HeaderLines&,
                                    steady_clock::time_point deadline) {
  if (!is_open()) return Error(ErrorCode::unavailable, trouble());
  return state_->write_line(notification_message(method, params), deadline);
}

Result<void> StdioTransport::listen(const HeaderLines&, std::stop_token) {
  return Error(ErrorCode::not_found, "says everything on its one stream");
}

bool StdioTransport::is_open() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_open;
}

std::string StdioTransport::trouble() const {
  const std::lock_guard lock(state_->mutex);
  return state_->trouble;
}

void StdioTransport::close() {
  const std::lock_guard closing(state_->close_mutex);
  if (!state_->reader.joinable()) return;
  const bool was_open = [this] {
    const std::lock_guard lock(state_->mutex);
    if (state_->is_open) state_->trouble = "was stopped";
    return std::exchange(state_->is_open, false);
  }();
  state_->answered.notify_all();
  std::string end;
  {
    const std::lock_guard lock(state_->write_mutex);
    end = state_->child->stop(was_open ? milliseconds{kCloseGrace} : kBrokenGrace);
  }
  state_->reader.request_stop();
  const std::uint64_t one = 1;
  if (::write(state_->wake.get(), &one, sizeof one) < 0) {
    log::debug("mcp_server.wake_failed", {{"alias", state_->spec.alias}});
  }
  state_->reader.join();
  log::info("mcp_server.ended", {{"alias", state_->spec.alias}, {"how", end}});
}

}  // namespace weir::tools::mcp_servers
