// The client half of ./dev bench streams: counts what idle streams cost a server, and how fast events reach many readers.
// Works with every server that answers GET with an event stream and takes events by POST.
//   bench_streams serve FOLDER PORT
//   bench_streams idle PORT TARGET KEY COUNT PID...
//   bench_streams fan PORT TARGET PUBLISH READERS EVENTS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/streams/stream_readers.h"
#include "tests/streams/stream_server.h"

namespace weir::streams {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience{120};
// What waits for the slowest reader at most: far below what makes a reader a slow one.
constexpr std::int64_t kWindow = 200;
constexpr std::chrono::milliseconds kPace{10};
constexpr std::size_t kPaddingBytes = 200;

// Proportional: shared pages are divided among the processes that share them.
std::int64_t memory_bytes(const std::vector<std::string>& pids) {
  std::int64_t total = 0;
  for (const std::string& pid : pids) {
    std::ifstream file("/proc/" + pid + "/smaps_rollup");
    std::string name;
    while (file >> name) {
      std::int64_t kib = 0;
      if (name == "Pss:" && file >> kib) total += kib * 1024;
      std::getline(file, name);
    }
  }
  return total;
}

int idle(int port, const std::string& target, const std::string& key, std::size_t count,
         const std::vector<std::string>& pids) {
  constexpr std::size_t kWarmUp = 200;
  std::size_t failed = 0;
  StreamReaders readers(
      count + kWarmUp, port, [](StreamReader&, std::string_view) {}, [&](StreamReader&) { ++failed; });
  const std::string lines =
      (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") + std::string("Accept: text/event-stream\r\n");
  const auto open = [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) {
      readers.open(i, target, lines);
      if (i % 64 == 63) readers.poll(milliseconds{1});
    }
    const auto deadline = Clock::now() + kPatience;
    std::size_t ready = first;
    while (ready < end && failed == 0 && Clock::now() < deadline) {
      readers.poll(milliseconds{20});
      while (ready < end && readers.at(ready).has_head()) ++ready;
    }
    for (int quiet = 0; quiet < 25; ++quiet) readers.poll(milliseconds{20});
    return ready == end && failed == 0;
  };
  if (!open(0, kWarmUp)) return EXIT_FAILURE;
  const std::int64_t before = memory_bytes(pids);
  if (!open(kWarmUp, count + kWarmUp)) return EXIT_FAILURE;
  const std::int64_t after = memory_bytes(pids);
  std::printf("%.0f\n", static_cast<double>(after - before) / static_cast<double>(count));
  return EXIT_SUCCESS;
}

// Sends events one after the other on one connection and waits for each answer. Not thread-safe: owned by its thread.
class Publisher {
 public:
  Publisher(int port, std::string target)
      : target_(std::move(target)), connection_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = connect(connection_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int on = 1;
    setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  bool publish() {
    const std::string body = "{\"pad\":\"" + std::string(kPaddingBytes, 'x') +
                             "\",\"t\":" + std::to_string(Clock::now().time_since_epoch().count()) + "}";
    const std::string request = "POST " + target_ +
                                " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    is_open_ = is_open_ && send(connection_.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
                               static_cast<ssize_t>(request.size());
    std::string answer;
    while (is_open_ && !is_whole(answer)) {
      std::array<char, 4'096> buffer;
      const ssize_t size = recv(connection_.get(), buffer.data(), buffer.size(), 0);
      is_open_ = size > 0;
      if (is_open_) answer.append(buffer.data(), static_cast<std::size_t>(size));
    }
    is_open_ = is_open_ && answer.substr(0, 12).find(" 20") != std::string::npos;
    return is_open_;
  }

 private:
  static bool is_whole(const std::string& answer) {
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::size_t field = answer.find("Content-Length: ");
    const std::size_t body = field < head ? static_cast<std::size_t>(std::atoll(answer.c_str() + field + 16)) : 0;
    return answer.size() >= head + 4 + body;
  }

  const std::string target_;
  const http::FileDescriptor connection_;
  bool is_open_ = false;
};

// Not thread-safe but for what is atomic.
class Fan {
 public:
  Fan(int port, std::string target, std::string publish, std::size_t readers)
      : port_(port),
        publish_(std::move(publish)),
        counts_(readers, 0),
        tails_(readers),
        readers_(
            readers, port, [this](StreamReader& reader, std::string_view bytes) { take(reader, bytes); },
            [this](StreamReader&) { ++failed_; }) {
    for (std::size_t i = 0; i < readers; ++i) readers_.open(i, target, "Accept: text/event-stream\r\n");
  }

  int run(std::int64_t events) {
    // Until the first event reaches everybody.
    Publisher first(port_, publish_);
    const auto end = Clock::now() + kPatience;
    while (slowest() == 0 && failed_ == 0 && Clock::now() < end) {
      for (int i = 0; i < 10; ++i) readers_.poll(milliseconds{20});
      if (!first.publish()) return EXIT_FAILURE;
      for (int i = 0; i < 10; ++i) readers_.poll(milliseconds{20});
    }
    std::fill(counts_.begin(), counts_.end(), 0);

    // One event at a time: how long until it is there.
    const std::int64_t paced = std::min<std::int64_t>(events, 300);
    measure(paced, kPace);
    std::sort(delays_.begin(), delays_.end());
    if (delays_.empty() || failed_ > 0) return EXIT_FAILURE;
    const auto at = [&](std::size_t percent) {
      return std::chrono::duration<double, std::milli>(delays_[(delays_.size() - 1) * percent / 100]).count();
    };
    const double median = at(50);
    const double p99 = at(99);

    // As many as go through.
    std::fill(counts_.begin(), counts_.end(), 0);
    const auto start = Clock::now();
    measure(events, milliseconds{0});
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (failed_ > 0) return EXIT_FAILURE;
    std::printf("%.0f %.3f %.3f\n", static_cast<double>(events) * static_cast<double>(counts_.size()) / seconds, median,
                p99);
    return EXIT_SUCCESS;
  }

 private:
  [[nodiscard]] std::int64_t slowest() const { return *std::min_element(counts_.begin(), counts_.end()); }

  void measure(std::int64_t events, milliseconds pace) {
    delays_.clear();
    std::atomic<std::int64_t> received = 0;
    std::jthread publisher([&](const std::stop_token& stop) {
      Publisher own(port_, publish_);
      auto next = Clock::now();
      for (std::int64_t i = 0; i < events && !stop.stop_requested(); ++i) {
        std::int64_t seen = received;
        while (i - seen >= kWindow && !stop.stop_requested()) {
          received.wait(seen);
          seen = received;
        }
        if (pace.count() > 0) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any never;
          never.wait_until(lock, stop, next += pace, [] { return false; });
        }
        if (!own.publish()) return;
      }
    });
    const auto end = Clock::now() + kPatience;
    while (slowest() < events && failed_ == 0 && Clock::now() < end) {
      readers_.poll(milliseconds{5});
      received = slowest();
      received.notify_all();
    }
    publisher.request_stop();
    received = events;
    received.notify_all();
  }

  void take(StreamReader& reader, std::string_view bytes) {
    const auto now = Clock::now();
    std::string& tail = tails_[reader.index()];
    tail.append(bytes);
    std::size_t at = 0;
    for (std::size_t end = tail.find("\n\n"); end != std::string::npos; end = tail.find("\n\n", at)) {
      const std::string_view frame(tail.data() + at, end - at);
      at = end + 2;
      // Within the frame's own JSON it comes last.
      const std::size_t mark = frame.rfind("\"t\":");
      if (mark == std::string_view::npos) continue;
      ++counts_[reader.index()];
      delays_.push_back(now - Clock::time_point(Clock::duration(std::atoll(frame.data() + mark + 4))));
    }
    tail.erase(0, at);
  }

  const int port_;
  const std::string publish_;
  std::vector<std::int64_t> counts_;
  std::vector<std::string> tails_;
  std::vector<Clock::duration> delays_;
  std::size_t failed_ = 0;
  StreamReaders readers_;
};

}  // namespace
}  // namespace weir::streams

int main(int count, char** texts) {
  const std::vector<std::string> words(texts + 1, texts + count);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const auto number = [&](std::size_t i) { return std::atoll(words[i].c_str()); };
  using namespace weir::streams;
  if (words.size() == 3 && words[0] == "serve") return serve(words[1], static_cast<int>(number(2)));
  if (words.size() >= 6 && words[0] == "idle") {
    return idle(static_cast<int>(number(1)), words[2], words[3], static_cast<std::size_t>(number(4)),
                {words.begin() + 5, words.end()});
  }
  if (words.size() == 6 && words[0] == "fan") {
    return Fan(static_cast<int>(number(1)), words[2], words[3], static_cast<std::size_t>(number(4))).run(number(5));
  }
  std::fputs("see the head of tests/bench/bench_streams.cc\n", stderr);
  return 2;
}
