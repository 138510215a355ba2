// JSON-RPC lines on one side, MCP's Streamable HTTP on the other: what `weir stdio` does with each message of a host.
// Serves both eras: what a message says about itself goes into the headers that HTTP wants; a session is opened by the
// host's initialize, kept, and opened again if the server has forgotten it.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/json.h"
#include "egress/http_client.h"

namespace weir::cli {

// Thread-safe.
class StdioBridge {
 public:
  // Requests of the host that wait for an answer at the same time; beyond, they are refused with an error.
  static constexpr std::size_t kInFlightMax = 64;
  // How long an answer of the server is waited for: longer than any call may be held.
  static constexpr std::chrono::hours kAnswerTimeout{24};
  // Notifications and answers of the host, which the server only acknowledges.
  static constexpr std::chrono::seconds kAcknowledgeTimeout{30};

  // Takes one line for the host. Called from any thread, one at a time.
  using Write = std::function<void(const Json& message)>;

  // `url` is the server's, without a path.
  StdioBridge(egress::Url url, std::string key, Write write);
  ~StdioBridge();
  StdioBridge(const StdioBridge&) = delete;
  StdioBridge& operator=(const StdioBridge&) = delete;

  // One line of the host. What it makes the server say comes through `write`, now or later. Called by one thread; blocks
  // for initialize, notifications and answers, so that they arrive in their order.
  void take(std::string_view line);
  // Answers a line that was too long to be read.
  void refuse_long_line(std::size_t line_bytes_max);
  // Ends streams that only the server feeds, and waits up to `patience` for the answers that are still to come.
  void finish(std::chrono::milliseconds patience);

 private:
  struct Session {
    std::string id;        // "" : none yet, or the server keeps none
    std::string revision;  // as initialize answered
    Json opening;          // the host's initialize, for when the server forgets the session
  };
  struct InFlight {
    Json id;
    bool is_stream = false;  // subscriptions/listen: only its end is an answer
    bool is_over = false;
    std::jthread thread;
  };
  // What came back for one message of the host.
  struct Outcome {
    int status = 0;            // 0: the server did not answer
    std::string text;          // the error's, or a body that is no stream
    bool is_answered = false;  // the answer was among the messages of a stream
    std::string session_id;
    std::string last_event_id;
  };

  void start(Json message);
  void answer(const Json& message, const std::stop_token& stop);
  void acknowledge(const Json& message);
  void initialize(const Json& message);
  void cancel(const Json& message);
  void listen(const std::stop_token& stop);
  Result<void> reopen();
  Outcome post(const Json& message, const Session& session, std::chrono::milliseconds timeout,
               const std::stop_token& stop);
  Outcome receive(egress::HttpRequest request, const Json& id, const std::stop_token& stop);
  Outcome resume(Outcome broken, const Json& id, const Session& session, const std::stop_token& stop);
  void deliver(const Json& message, const Outcome& outcome);
  egress::HttpRequest request_for(std::string_view method, const Session& session) const;
  void add_message_headers(egress::HttpRequest& request, const Json& message) const;
  [[nodiscard]] Session session() const;
  void write(const Json& message);
  void reap();

  const egress::Url url_;
  const std::string key_;
  const Write write_;
  const egress::AddressPolicy policy_;
  const std::unique_ptr<egress::Resolver> resolver_;

  std::mutex write_mutex_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Session session_;
  std::vector<std::unique_ptr<egress::HttpClient>> idle_clients_;
  std::list<InFlight> in_flight_;
  std::jthread listener_;  // the session's GET stream; waits on the socket
};

}  // namespace weir::cli
