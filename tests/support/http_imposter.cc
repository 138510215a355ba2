#include "tests/support/http_imposter.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>

#include "base/check.h"

namespace weir::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kBodyBytesMax = 16 * 1024 * 1024;
// "Endless" for a client that does not defend itself, but not for the machine.
constexpr std::size_t kEndlessChunks = 65536;

bool same_name(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

std::string first_value(const HeaderLines& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

SSL_CTX* make_context(const ImposterTls& tls) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  // Level 0, so that it can play servers with weak keys and old versions.
  CHECK(SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") == 1, "OpenSSL knows its ciphers");
  SSL_CTX_set_min_proto_version(context, tls.min_version);
  SSL_CTX_set_max_proto_version(context, tls.max_version);
  const auto read = [](const std::string& pem, auto reader) {
    BIO* memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    auto* result = reader(memory, nullptr, nullptr, nullptr);
    BIO_free(memory);
    CHECK(result != nullptr, "the PEM text is well formed");
    return result;
  };
  for (std::size_t i = 0; i < tls.chain.size(); ++i) {
    X509* certificate = read(tls.chain[i], PEM_read_bio_X509);
    if (i == 0) {
      CHECK(SSL_CTX_use_certificate(context, certificate) == 1, "OpenSSL takes the certificate");
      X509_free(certificate);
    } else {
      CHECK(SSL_CTX_add_extra_chain_cert(context, certificate) == 1, "OpenSSL takes the chain");
    }
  }
  // What was given is sent, and nothing that OpenSSL might add to it.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  EVP_PKEY* key = read(tls.key, PEM_read_bio_PrivateKey);
  CHECK(SSL_CTX_use_PrivateKey(context, key) == 1, "the key belongs to the first certificate");
  EVP_PKEY_free(key);
  if (tls.wants_client_certificate) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

ImposterTls own_tls() {
  const TestCertificate certificate = make_self_signed({});
  return {.chain = {certificate.certificate}, .key = certificate.key};
}

}  // namespace

std::string RecordedRequest::header(std::string_view name) const { return first_value(headers, name); }

// Bytes over TCP or TLS, with a line reader. Blocks; the imposter's destructor shuts the socket down.
// Not thread-safe: owned by one connection's thread.
class HttpImposter::Stream {
 public:
  Stream(int socket, SSL* session) : socket_(socket), session_(session) {}

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = 0;
      if (session_ != nullptr) {
        ERR_clear_error();
        sent = SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()));
      } else {
        sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      }
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Up to and with `end`; nothing if the peer closed or sent more than the limit.
  std::optional<std::string> read_through(std::string_view end) {
    while (true) {
      if (const std::size_t at = buffer_.find(end); at != std::string::npos) return take(at + end.size());
      if (buffer_.size() > kHeadBytesMax || !fill()) return std::nullopt;
    }
  }

  std::optional<std::string> read_exactly(std::size_t count) {
    while (buffer_.size() < count) {
      if (count > kBodyBytesMax || !fill()) return std::nullopt;
    }
    return take(count);
  }

  void reset() const {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  std::string take(std::size_t count) {
    std::string result = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return result;
  }

  bool fill() {
    std::array<char, 4096> part{};
    ssize_t received = 0;
    if (session_ != nullptr) {
      ERR_clear_error();
      received = SSL_read(session_, part.data(), static_cast<int>(part.size()));
    } else {
      received = recv(socket_, part.data(), part.size(), 0);
    }
    if (received <= 0) return false;
    buffer_.append(part.data(), static_cast<std::size_t>(received));
    return true;
  }

  const int socket_;
  SSL* const session_;
  std::string buffer_;
};

HttpImposter::HttpImposter() : tls_(nullptr, SSL_CTX_free) { start(); }

HttpImposter::HttpImposter(const ImposterTls& tls)
    : certificate_(tls.chain.front()), tls_(make_context(tls), SSL_CTX_free) {
  // OpenSSL writes to sockets with write(), and a peer that is gone would end the test binary.
  std::signal(SIGPIPE, SIG_IGN);
  start();
}

std::unique_ptr<HttpImposter> HttpImposter::with_tls() { return std::make_unique<HttpImposter>(own_tls()); }

void HttpImposter::start() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "loopback has a free port");
  CHECK(listen(listener_, 64) == 0, "the socket listens");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_connections(stop); });
}

HttpImposter::~HttpImposter() {
  acceptor_.request_stop();
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  changed_.notify_all();
  workers_.clear();
  close(listener_);
}

void HttpImposter::accept_connections(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const std::lock_guard lock(mutex_);
    sockets_.insert(socket);
    const int number = ++connections_;
    workers_.emplace_back([this, socket, number] { serve(socket, number); });
    changed_.notify_all();
  }
}

void HttpImposter::serve(int socket, int number) {
  SSL* session = nullptr;
  bool is_open = true;
  std::string server_name;
  if (tls_) {
    session = SSL_new(tls_.get());
    SSL_set_fd(session, socket);
    ERR_clear_error();
    is_open = SSL_accept(session) == 1;
    const char* name = is_open ? SSL_get_servername(session, TLSEXT_NAMETYPE_host_name) : nullptr;
    if (name != nullptr) server_name = name;
  }
  std::string greeting;
  {
    const std::lock_guard lock(mutex_);
    ++handshakes_over_;
    if (is_open && session != nullptr) server_names_.push_back(server_name);
    greeting = greeting_;
  }
  changed_.notify_all();
  {
    Stream stream(socket, session);
    if (!greeting.empty()) {
      stream.write(greeting);
      shutdown(socket, SHUT_WR);
      // Closing with unread bytes would reset, and the greeting might be lost.
      stream.read_exactly(kBodyBytesMax);
      is_open = false;
    }
    while (is_open && serve_one(stream, number, server_name)) {}
  }
  if (session != nullptr) {
    ERR_clear_error();
    if (is_open) SSL_shutdown(session);
    SSL_free(session);
  }
  const std::lock_guard lock(mutex_);
  sockets_.erase(socket);
  close(socket);
}

bool HttpImposter::serve_one(Stream& stream, int number, const std::string& server_name) {
  auto head = stream.read_through("\r\n\r\n");
  if (!head) return false;
  RecordedRequest request;
  request.connection = number;
  request.server_name = server_name;
  std::size_t start = head->find("\r\n");
  const std::string line = head->substr(0, start);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string::npos || last == first) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  request.version = line.substr(last + 1);
  for (start += 2; start < head->size() - 2;) {
    const std::size_t end = head->find("\r\n", start);
    const std::size_t colon = std::min(head->find(':', start), end);
    const std::size_t value = std::min(head->find_first_not_of(' ', colon + 1), end);
    request.headers.emplace_back(head->substr(start, colon - start), head->substr(value, end - value));
    start = end + 2;
  }
  if (same_name(request.header("Expect"), "100-continue") && !stream.write("HTTP/1.1 100 Continue\r\n\r\n")) {
    return false;
  }
  if (same_name(request.header("Transfer-Encoding"), "chunked")) {
    while (true) {
      auto size_line = stream.read_through("\r\n");
      std::size_t size = 0;
      if (!size_line) return false;
      std::from_chars(size_line->data(), size_line->data() + size_line->size(), size, 16);
      auto chunk = stream.read_exactly(size + 2);
      if (!chunk) return false;
      if (size == 0) break;
      request.body.append(*chunk, 0, size);
    }
  } else if (const std::string length = request.header("Content-Length"); !length.empty()) {
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    auto body = stream.read_exactly(size);
    if (!body) return false;
    request.body = *std::move(body);
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  changed_.notify_all();
  return send_answer(stream, request, answer_to(request));
}

bool HttpImposter::send_answer(Stream& stream, const RecordedRequest& request, const ImposterAnswer& answer) {
  using Failure = ImposterAnswer::Failure;
  if (answer.failure == Failure::hang) return !wait_until_stopped(1h);
  if (answer.failure == Failure::reset) stream.reset();
  if (answer.failure == Failure::reset || answer.failure == Failure::close) return false;
  if (!answer.raw.empty()) {
    stream.write(answer.raw);
    return false;
  }
  std::string text;
  if (answer.interim_status != 0) {
    text += "HTTP/1.1 " + std::to_string(answer.interim_status) + " Interim\r\nX-Interim: yes\r\n\r\n";
  }
  text += "HTTP/1.1 " + std::to_string(answer.status) + " Canned\r\n";
  for (const auto& [name, value] : answer.headers) text += name + ": " + value + "\r\n";
  const bool is_endless = answer.failure == Failure::endless_body;
  const bool has_framing = !first_value(answer.headers, "Content-Length").empty() ||
                           !first_value(answer.headers, "Transfer-Encoding").empty();
  if (is_endless) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (!has_framing && answer.status != 204 && answer.status != 304) {
    text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  }
  text += "\r\n";
  if (request.method != "HEAD" && !is_endless) {
    const bool is_half = answer.failure == Failure::close_halfway;
    text += answer.body.substr(0, is_half ? answer.body.size() / 2 : answer.body.size());
  }
  if (answer.failure == Failure::slow_bytes) {
    for (const char byte : text) {
      if (!stream.write({&byte, 1}) || wait_until_stopped(20ms)) return false;
    }
  } else if (!stream.write(text)) {
    return false;
  }
  if (is_endless) {
    const std::string chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
    for (std::size_t i = 0; i < kEndlessChunks; ++i) {
      if (!stream.write(chunk)) return false;
    }
    return false;
  }
  const bool closes =
      same_name(first_value(answer.headers, "Connection"), "close") || same_name(request.header("Connection"), "close");
  return answer.failure == Failure::none && !closes;
}

ImposterAnswer HttpImposter::answer_to(const RecordedRequest& request) {
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    const auto found = handlers_.find(request.target.substr(0, request.target.find('?')));
    handler = found != handlers_.end() ? found->second : otherwise_;
  }
  if (handler) return handler(request);
  return {.status = 404, .headers = {{"Content-Type", "text/plain"}}, .body = "no such path\n"};
}

bool HttpImposter::wait_until_stopped(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return is_stopping_; });
}

std::string HttpImposter::url(std::string_view path, std::string_view host) const {
  return (tls_ ? "https://" : "http://") + std::string(host) + ":" + std::to_string(port_) + std::string(path);
}

void HttpImposter::answer(const std::string& path, ImposterAnswer answer) {
  answer_with(path, [answer = std::move(answer)](const RecordedRequest&) { return answer; });
}

void HttpImposter::answer_in_turn(const std::string& path, std::vector<ImposterAnswer> answers) {
  CHECK(!answers.empty(), "there is something to answer");
  auto next = std::make_shared<std::atomic<std::size_t>>(0);  // the handler is copied; the count must not be
  answer_with(path, [answers = std::move(answers), next](const RecordedRequest&) {
    return answers[std::min(next->fetch_add(1), answers.size() - 1)];
  });
}

void HttpImposter::answer_with(const std::string& path, Handler handler) {
  const std::lock_guard lock(mutex_);
  handlers_[path] = std::move(handler);
}

void HttpImposter::answer_otherwise(Handler handler) {
  const std::lock_guard lock(mutex_);
  otherwise_ = std::move(handler);
}

void HttpImposter::speak_first(std::string greeting) {
  const std::lock_guard lock(mutex_);
  greeting_ = std::move(greeting);
}

std::vector<std::string> HttpImposter::server_names() const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, 10s, [this] { return handshakes_over_ == connections_; });
  return server_names_;
}

std::vector<RecordedRequest> HttpImposter::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool HttpImposter::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, 10s, [this, count] { return requests_.size() >= count; });
}

int HttpImposter::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

}  // namespace weir::testing
