// A small HTTP/1.1 server for tests: answers what it was told to, misbehaves on demand, and remembers what it was
// asked. Real sockets on 127.0.0.1, optionally with TLS, on a port of the kernel's choice. Never for production.
#pragma once
#include <openssl/types.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/test_certificates.h"

namespace weir::testing {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

struct RecordedRequest {
  std::string method;
  std::string target;   // as on the request line, with the query
  std::string version;  // "HTTP/1.1"
  HeaderLines headers;  // as sent, in order
  std::string body;
  std::string server_name;  // SNI; empty without TLS or without the extension
  int connection = 0;       // which connection it came over, from 1
  // The first value, without case of the name; "" if there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
};

struct ImposterAnswer {
  enum class Failure {
    none,
    hang,           // says nothing until the test ends
    reset,          // RST instead of an answer
    close,          // FIN instead of an answer
    close_halfway,  // the head and half of the body, then FIN
    endless_body,   // a chunked body that never ends
    slow_bytes,     // one byte every 20 ms
  };

  int status = 200;
  HeaderLines headers{};  // Content-Length is added unless it is here
  std::string body{};
  std::string raw{};       // if not empty, sent as it is in place of all above; then the connection closes
  int interim_status = 0;  // 100 or 103: sent before, with one header of its own
  Failure failure = Failure::none;
};

struct ImposterTls {
  std::vector<std::string> chain{};  // PEM certificates to send, leaf first
  std::string key{};                 // of the leaf, PEM
  int min_version = 0;               // TLS1_VERSION ... as in openssl/ssl.h; 0: whatever OpenSSL has
  int max_version = 0;
  bool wants_client_certificate = false;
};

// One thread a connection, ended by the destructor. Thread-safe.
class HttpImposter {
 public:
  using Handler = std::function<ImposterAnswer(const RecordedRequest&)>;

  HttpImposter();
  explicit HttpImposter(const ImposterTls& tls);
  // TLS with a certificate of its own making for localhost and 127.0.0.1.
  static std::unique_ptr<HttpImposter> with_tls();
  ~HttpImposter();
  HttpImposter(const HttpImposter&) = delete;
  HttpImposter& operator=(const HttpImposter&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // "http://127.0.0.1:4711/x" or https.
  [[nodiscard]] std::string url(std::string_view path = "/", std::string_view host = "127.0.0.1") const;
  // The certificate that it sends first, PEM; empty without TLS.
  [[nodiscard]] const std::string& certificate() const { return certificate_; }

  // What to answer for a path (compared without the query). Other paths get 404.
  void answer(const std::string& path, ImposterAnswer answer);
  // One after the other; the last one stays.
  void answer_in_turn(const std::string& path, std::vector<ImposterAnswer> answers);
  void answer_with(const std::string& path, Handler handler);
  // For every path that has no answer of its own.
  void answer_otherwise(Handler handler);
  // Sent as soon as a connection is accepted, which then closes: a server that is none of HTTP's.
  void speak_first(std::string greeting);

  [[nodiscard]] std::vector<RecordedRequest> requests() const;
  // False if fewer came within ten seconds.
  [[nodiscard]] bool wait_for_requests(std::size_t count) const;
  // Accepted so far, used or not.
  [[nodiscard]] int connections() const;
  // The SNI of every finished TLS handshake, in order; "" if it had none. Waits until all connections that were
  // accepted so far are past their handshake, at most ten seconds.
  [[nodiscard]] std::vector<std::string> server_names() const;

 private:
  class Stream;

  void start();
  void accept_connections(const std::stop_token& stop);
  void serve(int socket, int number);
  bool serve_one(Stream& stream, int number, const std::string& server_name);
  bool send_answer(Stream& stream, const RecordedRequest& request, const ImposterAnswer& answer);
  ImposterAnswer answer_to(const RecordedRequest& request);
  bool wait_until_stopped(std::chrono::milliseconds limit);

  std::string certificate_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool is_stopping_ = false;
  std::map<std::string, Handler> handlers_;
  Handler otherwise_;
  std::string greeting_;
  std::vector<std::string> server_names_;
  int handshakes_over_ = 0;
  std::vector<RecordedRequest> requests_;
  int connections_ = 0;
  std::set<int> sockets_;
  std::vector<std::jthread> workers_;
  std::jthread acceptor_;
};

}  // namespace weir::testing
