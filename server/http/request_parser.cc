#include "server/http/request_parser.h"

#include <httplib.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"

namespace weir::http {
namespace {

// A stream that reads one request line from memory and forgets what is written to it.
class LineStream final : public httplib::Stream {
 public:
  explicit LineStream(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* target, size_t size) override {
    const std::size_t count = std::min(size, bytes_.size());
    std::memcpy(target, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* /*bytes*/, size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string& /*address*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*address*/, int& /*port*/) const override {}
  // Only compared with FD_SETSIZE, never used.
  [[nodiscard]] socket_t socket() const override { return 0; }

 private:
  std::string_view bytes_;
};

}  // namespace

class RequestParser::Engine final : public httplib::Server {
 public:
  Engine() {
    // Nothing is routed by httplib: what follows the parsing is answered at once, into the void.
    set_pre_routing_handler([](const httplib::Request&, httplib::Response& response) {
      response.status = 204;
      return HandlerResponse::Handled;
    });
  }

  // Calls `use` with the parsed request; false if httplib refuses it.
  template <typename Use>
  bool parse(std::string_view bytes, Use&& use) {
    LineStream stream(bytes);
    bool is_parsed = false;
    const std::function<void(httplib::Request&)> capture = [&](httplib::Request& request) {
      is_parsed = true;
      use(request);
    };
    run(*this, stream, capture);
    return is_parsed;
  }

 private:
  // The one place that knows the signature of process_request(), which gained parameters after 0.11. A
  // template, so that the branch that does not fit the installed release is not compiled.
  template <typename Self, typename Capture>
  static void run(Self& self, LineStream& stream, const Capture& capture) {
    bool is_closed = false;
    if constexpr (requires { self.process_request(stream, false, is_closed, capture); }) {
      self.process_request(stream, false, is_closed, capture);
    } else {
      const std::string address;  // of the peer, then ours
      self.process_request(stream, address, 0, address, 0, false, is_closed, capture);
    }
  }
};

RequestParser::RequestParser() : engine_(std::make_unique<Engine>()) {}
RequestParser::~RequestParser() = default;

std::optional<Refusal> RequestParser::parse(FramedRequest framed, Request& request) {
  RequestHead& head = framed.head;
  if ((head.method != last_method_ || head.target != last_target_) && !parse_line(head)) {
    last_method_.clear();
    return Refusal{501, "The method " + printable(head.method) + " is not known to this server."};
  }
  request.method = std::move(head.method);
  request.target = std::move(head.target);
  request.path = last_path_;
  request.query = last_query_;
  request.headers = std::move(head.headers);
  request.body = std::move(framed.body);
  return std::nullopt;
}

bool RequestParser::parse_line(const RequestHead& head) {
  const std::string line = head.method + ' ' + origin_form(head.target) + " HTTP/1.1\r\n\r\n";
  return engine_->parse(line, [&](httplib::Request& parsed) {
    last_method_ = head.method;
    last_target_ = head.target;
    last_path_ = std::move(parsed.path);
    last_query_.assign(parsed.params.begin(), parsed.params.end());
  });
}

}  // namespace weir::http
