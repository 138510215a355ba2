// Readers who are dropped at random and come back by id, while the server is killed and started again, and a reader who
// does not read. Run by CTest in a small size and by `./dev bench streams_exact` in the full one:
//   streams_exact exact CLIENTS EVENTS DROPS KILLS
//   streams_exact slow READERS EVENTS
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/json.h"
#include "streaming/sse.h"
#include "tests/streams/server_process.h"
#include "tests/streams/stream_readers.h"
#include "tests/streams/stream_server.h"
#include "tests/support/temp_dir.h"

namespace weir::streams {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kReopenDelay{20};
constexpr std::chrono::seconds kPatience{600};
constexpr int kPage = 500;

// FNV-1a over the text of each event.
class Digest {
 public:
  void add(std::string_view text) {
    for (const char c : text) {
      value_ ^= static_cast<unsigned char>(c);
      value_ *= 1'099'511'628'211ULL;
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 14'695'981'039'346'656'037ULL;
};

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What the server's log holds, by its own pages.
struct Log {
  std::int64_t events = 0;
  std::uint64_t digest = 0;
};

std::int64_t last_seq(int port) {
  const auto page = parse_json(ask(port, "GET", "/v1/events?limit=1", "Accept: application/json\r\n"));
  return page ? integer_or(*page, "last_seq", -1) : -1;
}

Log read_log(int port) {
  Log log;
  Digest digest;
  std::string after = "0";
  while (true) {
    const auto page = parse_json(ask(port, "GET", "/v1/events?limit=" + std::to_string(kPage) + "&after=" + after,
                                     "Accept: application/json\r\n"));
    const Json* events = page ? find_member(*page, "data") : nullptr;
    if (events == nullptr) break;
    for (const Json& event : *events) {
      digest.add(to_text(event));
      ++log.events;
    }
    const auto next = integer_member(*page, "next_after");
    if (!next) break;
    after = std::to_string(*next);
  }
  log.digest = digest.value();
  return log;
}

// A client as a browser is one: knows its last id and comes back with it. Not thread-safe.
struct Client {
  std::int64_t last = 0;
  std::string last_id;
  streaming::SseDecoder decoder;
  Digest digest;
  std::vector<std::int64_t> drops;  // positions at which it is cut off, the next one last
  int reconnects = 0;
  Clock::time_point opens_at{};
  std::string failure;
};

// "<epoch>-a17"
std::int64_t number_of(const std::string& id) {
  const std::size_t mark = id.rfind("-a");
  return mark == std::string::npos ? -1 : std::atoll(id.c_str() + mark + 2);
}

class ExactRun {
 public:
  struct Size {
    std::size_t clients;
    std::int64_t events;
    int drops;
    int kills;
  };

  ExactRun(Size size, ServerProcess& server)
      : size_(size),
        server_(server),
        clients_(size.clients),
        readers_(
            size.clients, server.port(), [this](StreamReader& reader, std::string_view bytes) { take(reader, bytes); },
            [this](StreamReader& reader) { come_back(reader.index()); }) {
    std::minstd_rand random(20'260'728);
    for (Client& client : clients_) {
      for (int i = 0; i < size.drops; ++i) {
        client.drops.push_back(1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(size.events)));
      }
      std::sort(client.drops.rbegin(), client.drops.rend());
    }
  }

  bool run() {
    publish_rest();
    const auto end = Clock::now() + kPatience;
    int kills = 0;
    while (!is_done() && Clock::now() < end) {
      for (std::size_t i = 0; i < clients_.size(); ++i) open_if_due(i);
      readers_.poll(milliseconds{10});
      const std::int64_t slowest = slowest_position();
      if (kills < size_.kills && slowest >= size_.events * (kills + 1) / (size_.kills + 1)) {
        ++kills;
        server_.kill_at_once();
        if (!server_.start()) return false;
        publish_rest();
      }
    }
    return report(kills);
  }

 private:
  [[nodiscard]] bool is_done() const {
    return std::all_of(clients_.begin(), clients_.end(),
                       [&](const Client& client) { return client.last >= size_.events || !client.failure.empty(); });
  }
  [[nodiscard]] std::int64_t slowest_position() const {
    std::int64_t slowest = size_.events;
    for (const Client& client : clients_) slowest = std::min(slowest, client.last);
    return slowest;
  }

  void publish_rest() {
    const std::int64_t missing = size_.events - std::max<std::int64_t>(last_seq(server_.port()), 0);
    if (missing > 0) ask(server_.port(), "POST", "/publish?count=" + std::to_string(missing));
  }

  void open_if_due(std::size_t i) {
    Client& client = clients_[i];
    if (client.last >= size_.events || !client.failure.empty()) return;
    if (readers_.at(i).state() != StreamReader::State::closed || Clock::now() < client.opens_at) return;
    client.decoder = streaming::SseDecoder();
    readers_.open(i, "/v1/events?after=0", client.last_id.empty() ? "" : "Last-Event-ID: " + client.last_id + "\r\n");
  }

  void come_back(std::size_t i) {
    ++clients_[i].reconnects;
    clients_[i].opens_at = Clock::now() + kReopenDelay;
  }

  void take(StreamReader& reader, std::string_view bytes) {
    Client& client = clients_[reader.index()];
    for (const streaming::SseEvent& event : client.decoder.feed(bytes)) {
      const std::int64_t number = number_of(event.id);
      if (number != client.last + 1) {
        client.failure = event.type + " " + event.id + " after " + std::to_string(client.last) + ": " + event.data;
        return readers_.close(reader.index());
      }
      client.last = number;
      client.last_id = event.id;
      client.digest.add(event.data);
      const bool is_dropped = !client.drops.empty() && client.drops.back() <= client.last;
      if (client.last < size_.events && !is_dropped) continue;
      while (!client.drops.empty() && client.drops.back() <= client.last) client.drops.pop_back();
      // What had already arrived behind this event is lost with the connection.
      readers_.close(reader.index());
      return come_back(reader.index());
    }
  }

  bool report(int kills) {
    const Log log = read_log(server_.port());
    int wrong = 0;
    int reconnects = 0;
    for (const Client& client : clients_) {
      reconnects += client.reconnects;
      if (client.failure.empty() && client.last == log.events && client.digest.value() == log.digest) continue;
      if (++wrong <= 5) {
        std::printf("a client differs: %s (at %lld)\n", client.failure.empty() ? "not the log" : client.failure.c_str(),
                    static_cast<long long>(client.last));
      }
    }
    std::printf("%zu clients, %lld events, %d reconnections, %d times kill -9: %zu equal to the log, %d not\n",
                clients_.size(), static_cast<long long>(log.events), reconnects, kills,
                clients_.size() - static_cast<std::size_t>(wrong), wrong);
    return wrong == 0 && log.events == size_.events && kills == size_.kills;
  }

  const Size size_;
  ServerProcess& server_;
  std::vector<Client> clients_;
  StreamReaders readers_;
};

// All read but the first, which stops after its first bytes; then it reads again and resumes.
class SlowRun {
 public:
  SlowRun(std::size_t readers, int events, ServerProcess& server)
      : events_(events),
        server_(server),
        last_(readers, 0),
        decoders_(readers),
        readers_(
            readers, server.port(), [this](StreamReader& reader, std::string_view bytes) { take(reader, bytes); },
            [this](StreamReader& reader) {
              ++closed_;
              was_first_closed_ = was_first_closed_ || reader.index() == 0;
            }) {}

  bool run() {
    for (std::size_t i = 0; i < last_.size(); ++i)
      readers_.open(i, "/v1/events?after=0", "", i == 0 ? kSmallBuffer : 0);
    ask(server_.port(), "POST", "/publish", "", body());
    wait_until([&] { return received_by_all(1, 0); });
    const std::int64_t before = server_.private_bytes();

    const auto alone = measure(2, "all read");
    readers_.pause(0);
    const auto among = measure(2 + events_, "one does not");
    const std::int64_t grown = server_.private_bytes() - before;

    // It wakes up, takes what was sent, learns that it was closed, and resumes.
    readers_.resume(0);
    const bool was_closed = wait_until([&] { return was_first_closed_; });
    const std::int64_t left_at = last_[0];
    decoders_[0] = streaming::SseDecoder();
    readers_.open(0, "/v1/events?after=0", "Last-Event-ID: " + last_id_ + "\r\n");
    const bool is_whole = wait_until([&] { return last_[0] == 1 + 2 * events_; });
    std::printf(
        "the slow one: closed %s at event %lld of %d, then whole %s; %d others closed; server grew by %lld KiB\n",
        was_closed ? "yes" : "no", static_cast<long long>(left_at), 1 + 2 * events_, is_whole ? "yes" : "no",
        closed_ - (was_closed ? 1 : 0), static_cast<long long>(grown / 1024));
    const bool is_undisturbed = among.median < 3 * alone.median + milliseconds{50};
    return failure_.empty() && was_closed && is_whole && closed_ == 1 && left_at < 1 + 2 * events_ && is_undisturbed &&
           grown < kGrowthMax;
  }

 private:
  static constexpr int kSmallBuffer = 4'096;
  static constexpr std::int64_t kAheadMax = 8;
  static constexpr std::size_t kPaddingBytes = 8'000;  // a few hundred fill the kernel's buffers
#ifdef __SANITIZE_ADDRESS__
  static constexpr std::int64_t kGrowthMax =
      std::int64_t{1024} * 1024 * 1024;  // it keeps what was freed, to find its use
#else
  static constexpr std::int64_t kGrowthMax = std::int64_t{64} * 1024 * 1024;
#endif

  struct Times {
    Clock::duration median{};
    Clock::duration p99{};
  };

  static std::string body() {
    return to_text(Json{{"t", Clock::now().time_since_epoch().count()}, {"pad", std::string(kPaddingBytes, 'x')}});
  }

  bool wait_until(const std::function<bool()>& is_true) {
    const auto end = Clock::now() + kPatience;
    while (!is_true() && failure_.empty() && Clock::now() < end) readers_.poll(milliseconds{10});
    return is_true();
  }
  [[nodiscard]] bool received_by_all(std::int64_t number, std::size_t from) const {
    return std::all_of(last_.begin() + static_cast<std::ptrdiff_t>(from), last_.end(),
                       [&](std::int64_t last) { return last >= number; });
  }

  // Publishes one event after the other and sees when each arrives at each reader but the first.
  Times measure(std::int64_t first, const char* what) {
    delays_.clear();
    const int port = server_.port();
    // Paced by the readers: a thousand of them in one process read slower than one publishes, and are not what is tested.
    std::atomic<std::int64_t> taken{first - 1};
    std::jthread publisher([&, port] {
      for (int i = 0; i < events_; ++i) {
        for (auto seen = taken.load(); first + i - seen > kAheadMax; seen = taken.load()) taken.wait(seen);
        ask(port, "POST", "/publish", "", body());
      }
    });
    wait_until([&] {
      taken = *std::min_element(last_.begin() + 1, last_.end());
      taken.notify_one();
      return taken >= first + events_ - 1;
    });
    taken = first + events_;  // whatever happened, the publisher ends
    taken.notify_one();
    publisher.join();
    std::sort(delays_.begin(), delays_.end());
    if (delays_.empty()) return {};
    const Times times{.median = delays_[delays_.size() / 2], .p99 = delays_[delays_.size() * 99 / 100]};
    std::printf("%zu readers, %s: median %.2f ms, p99 %.2f ms\n", last_.size(), what,
                std::chrono::duration<double, std::milli>(times.median).count(),
                std::chrono::duration<double, std::milli>(times.p99).count());
    return times;
  }

  void take(StreamReader& reader, std::string_view bytes) {
    const auto now = Clock::now();
    for (const streaming::SseEvent& event : decoders_[reader.index()].feed(bytes)) {
      std::int64_t& last = last_[reader.index()];
      const std::int64_t number = number_of(event.id);
      if (number != last + 1) failure_ = event.type + " " + event.id + " after " + std::to_string(last);
      last = number;
      if (reader.index() == 0) last_id_ = event.id;
      if (reader.index() == 0 || delays_.size() >= kDelaysMax) continue;
      const std::size_t mark = event.data.find("\"t\":");
      if (mark != std::string::npos) {
        delays_.push_back(now - Clock::time_point(Clock::duration(std::atoll(event.data.c_str() + mark + 4))));
      }
    }
  }

  static constexpr std::size_t kDelaysMax = 10'000'000;

  const int events_;
  ServerProcess& server_;
  std::vector<std::int64_t> last_;
  std::vector<streaming::SseDecoder> decoders_;
  std::string last_id_;
  std::vector<Clock::duration> delays_;
  std::string failure_;
  int closed_ = 0;
  bool was_first_closed_ = false;
  StreamReaders readers_;
};

int run(const std::vector<std::string>& words) {
  const auto number = [&](std::size_t i) { return i < words.size() ? std::atoll(words[i].c_str()) : 0; };
  const testing::TempDir folder;
  ServerProcess server(folder.path().string());
  if (!server.start()) return EXIT_FAILURE;
  bool is_good = false;
  if (words[0] == "exact") {
    is_good = ExactRun({.clients = static_cast<std::size_t>(number(1)),
                        .events = number(2),
                        .drops = static_cast<int>(number(3)),
                        .kills = static_cast<int>(number(4))},
                       server)
                  .run();
  } else if (words[0] == "slow") {
    is_good = SlowRun(static_cast<std::size_t>(number(1)), static_cast<int>(number(2)), server).run();
  }
  std::printf("%s\n", is_good ? "ok" : "FAILED");
  return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace weir::streams

int main(int count, char** texts) {
  const std::vector<std::string> words(texts + 1, texts + count);
  weir::streams::raise_descriptor_limit();
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  if (words.size() == 3 && words[0] == "serve") return weir::streams::serve(words[1], std::atoi(words[2].c_str()));
  if (words.size() >= 3) return weir::streams::run(words);
  std::fputs("streams_exact exact CLIENTS EVENTS DROPS KILLS | slow READERS EVENTS\n", stderr);
  return 2;
}
