#include "egress/http_engine.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "base/check.h"
#include "base/hmac.h"
#include "base/log.h"
#include "egress/response_head.h"
#include "egress/tls_legacy.h"

namespace weir::egress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// An easy handle is kept for the next transfer up to this many: making one costs more than configuring it.
constexpr std::size_t kIdleHandlesMax = 64;

struct CloseEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct CloseMulti {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Not thread-safe: owned by one transfer.
class StringList {
 public:
  void add(const std::string& text) {
    curl_slist* longer = curl_slist_append(list_.get(), text.c_str());
    CHECK(longer != nullptr, "libcurl is out of memory");
    static_cast<void>(list_.release());
    list_.reset(longer);
  }
  [[nodiscard]] curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, FreeList> list_;
};

// What one transfer collects and what its callbacks need. Not thread-safe: owned by the engine.
struct Transfer {
  HttpEngine::Id id = 0;
  const HttpRequest& request;
  const AddressPolicy& policy;
  std::vector<IpAddress> addresses;  // vetted; nothing else is dialled
  ResponseHead head;
  std::string body;
  bool body_truncated = false;
  bool is_ended_by_reader = false;
  std::optional<Error> refusal;  // the open-socket callback's
  steady_clock::time_point start;
  // What libcurl reads until the transfer has ended.
  StringList headers;
  StringList resolve;
  StringList connect_to;
  std::array<char, CURL_ERROR_SIZE> reason{};
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  return transfer.head.add_line({data, size * count}) ? size * count : 0;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const int status = transfer.head.status();
  if (transfer.request.on_body && status >= 200 && status <= 299) {
    transfer.is_ended_by_reader = !transfer.request.on_body({data, size * count});
    return transfer.is_ended_by_reader ? 0 : size * count;
  }
  const std::size_t room = transfer.request.body_bytes_max - transfer.body.size();
  const std::size_t taken = std::min(room, size * count);
  transfer.body.append(data, taken);
  transfer.body_truncated = taken < size * count;
  return transfer.body_truncated ? 0 : taken;  // 0 makes libcurl end the transfer
}

// The last word on every connection: whatever name, resolver or parser led here, this is the address itself.
curl_socket_t on_open_socket(void* context, curlsocktype purpose, curl_sockaddr* dialled) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
  auto address = IpAddress::from_socket(&dialled->addr);
  if (!address) {
    transfer.refusal = std::move(address).error();
    return CURL_SOCKET_BAD;
  }
  const auto& vetted = transfer.addresses;
  if (std::find(vetted.begin(), vetted.end(), *address) == vetted.end()) {
    transfer.refusal = Error{ErrorCode::address_not_allowed,
                             "the connection would go to " + address->to_text() + ", which is not an address that " +
                                 printable(transfer.request.url.host) + " was vetted with"};
    return CURL_SOCKET_BAD;
  }
  if (auto allowed = transfer.policy.check(*address, transfer.request.url.port, transfer.request.self); !allowed) {
    transfer.refusal = std::move(allowed).error();
    return CURL_SOCKET_BAD;
  }
  return socket(dialled->family, dialled->socktype | SOCK_CLOEXEC, dialled->protocol);
}

CURLcode on_tls_context(CURL*, void* tls_context, void*) {
  allow_legacy_servers(static_cast<SSL_CTX*>(tls_context));
  return CURLE_OK;
}

// A name that stands for exactly this set of addresses. libcurl keeps connections by the name that they were
// dialled under, so one that was opened to other addresses is not found again.
std::string name_of(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> texts;
  for (const IpAddress& address : addresses) texts.push_back(address.to_text());
  std::sort(texts.begin(), texts.end());
  std::string all;
  for (const std::string& text : texts) all += text + " ";
  return to_hex(sha256(all)).substr(0, 32) + ".invalid";  // RFC 6761 §6.4: never a real name
}

std::string timed_out_while(CURL* easy, const Transfer& transfer) {
  curl_off_t ready_us = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
  if (transfer.head.is_complete()) return "while its answer was being read";
  if (ready_us > 0) return "while waiting for its answer";
  // libcurl does not tell a TCP connection without a TLS answer from no connection at all.
  return transfer.request.url.scheme == "https" ? "while connecting or in the TLS handshake" : "while connecting";
}

std::string refused_by(CURL* easy) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  switch (number) {
    case ECONNREFUSED: return "refused the connection: nothing listens on that port";
    case EHOSTUNREACH:
    case ENETUNREACH: return "cannot be reached: there is no route to it";
    case ECONNRESET: return "reset the connection";
    default: return "cannot be connected to";
  }
}

Error explained(CURLcode code, CURL* easy, Transfer& transfer) {
  if (transfer.refusal) return *std::move(transfer.refusal);
  const std::string who = printable(transfer.request.url.authority());
  const std::string reason =
      printable(transfer.reason.data()[0] != '\0' ? transfer.reason.data() : curl_easy_strerror(code));
  const auto unavailable = [&](const std::string& what) {
    return Error{ErrorCode::unavailable, who + " " + what}.because("libcurl " + std::to_string(code) + ": " + reason);
  };
  if (transfer.head.is_too_large()) {
    return unavailable("sent a header section of more than " + std::to_string(transfer.request.head_bytes_max) +
                       " bytes");
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Error{ErrorCode::timed_out, who + " timed out " + timed_out_while(easy, transfer)}.because(reason);
    case CURLE_COULDNT_CONNECT: return unavailable(refused_by(easy));
    case CURLE_COULDNT_RESOLVE_HOST: return unavailable("could not be resolved to an address");
    case CURLE_SSL_CONNECT_ERROR: return unavailable("failed the TLS handshake: " + reason);
    case CURLE_PEER_FAILED_VERIFICATION: return unavailable("has a certificate that is not trusted: " + reason);
    case CURLE_SSL_CACERT_BADFILE: return unavailable("was not asked: the file of trusted roots cannot be read");
    case CURLE_GOT_NOTHING: return unavailable("closed the connection without an answer");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: return unavailable("reset the connection: " + reason);
    case CURLE_PARTIAL_FILE: return unavailable("closed the connection in the middle of its answer");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2: return unavailable("answered with something that is not HTTP/1: " + reason);
    // A single line that is longer than libcurl's own bound ends as this.
    case CURLE_OUT_OF_MEMORY: return unavailable("sent a header line that is too long");
    default: return unavailable("could not be asked: " + reason);
  }
}

// Tells an easy handle what a request needs. Not thread-safe: owned by one start().
class Setup {
 public:
  explicit Setup(CURL* easy) : easy_(easy) {}
  void all(Transfer& transfer, const std::string& user_agent);

 private:
  void tls(const HttpRequest& request);
  void method(const HttpRequest& request);
  void addresses(Transfer& transfer);
  static void headers(const HttpRequest& request, StringList& headers);

  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy_, option, value);
    CHECK(code == CURLE_OK, curl_easy_strerror(code));
  }

  CURL* const easy_;
};

void Setup::all(Transfer& transfer, const std::string& user_agent) {
  const HttpRequest& request = transfer.request;
  curl_easy_reset(easy_);  // options only; connections stay
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, transfer.reason.data());
  set(CURLOPT_URL, request.url.to_text().c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_USERAGENT, user_agent.c_str());
  // 0 would mean "no limit" to libcurl.
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<milliseconds::rep>(1, request.timeout.count())));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<milliseconds::rep>(1, request.connect_timeout.count())));
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  set(CURLOPT_OPENSOCKETDATA, &transfer);
  set(CURLOPT_PRIVATE, &transfer);
  tls(request);
  method(request);
  addresses(transfer);
  headers(request, transfer.headers);
  set(CURLOPT_HTTPHEADER, transfer.headers.get());
}

void Setup::tls(const HttpRequest& request) {
  set(CURLOPT_SSL_VERIFYPEER, request.verify_certificate ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, request.verify_certificate ? 2L : 0L);
  if (!request.ca_file.empty()) {
    set(CURLOPT_CAINFO, request.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  if (request.verify_certificate) {
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    return;
  }
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_0));
  set(CURLOPT_SSL_CIPHER_LIST, kEveryCipher);
  set(CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
}

void Setup::method(const HttpRequest& request) {
  const bool needs_length = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || needs_length) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());  // not copied: the request outlives the transfer
  }
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);  // the answer to HEAD has no body to wait for
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void Setup::addresses(Transfer& transfer) {
  const Url& url = transfer.request.url;
  if (IpAddress::parse(url.host)) return;
  // Not the wildcard: should libcurl read the host differently than Url did, it dials what it read, and the
  // open-socket callback refuses that.
  const std::string name = name_of(transfer.addresses);
  const std::string port = std::to_string(url.port);
  transfer.connect_to.add(url.host + ":" + port + ":" + name + ":" + port);
  // "+": libcurl may forget it after a minute; each transfer says it anew.
  std::string entry = "+" + name + ":" + port;
  char separator = ':';
  for (const IpAddress& address : transfer.addresses) {
    entry += separator + (address.is_v6() ? "[" + address.to_text() + "]" : address.to_text());
    separator = ',';
  }
  transfer.resolve.add(entry);
  set(CURLOPT_RESOLVE, transfer.resolve.get());
  set(CURLOPT_CONNECT_TO, transfer.connect_to.get());
}

void Setup::headers(const HttpRequest& request, StringList& headers) {
  const auto is_given = [&request](std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(),
                       [name](const auto& header) { return is_same_field(header.first, name); });
  };
  for (const auto& [name, value] : request.headers) {
    headers.add(value.empty() ? name + ";" : name + ": " + value);  // ";" is libcurl's way to send an empty one
  }
  // Without a value: libcurl does not add its own.
  for (const char* name : {"Accept", "Content-Type", "Expect"}) {
    if (!is_given(name)) headers.add(std::string(name) + ":");
  }
}

Result<HttpResponse> outcome_of(CURLcode code, CURL* easy, Transfer& transfer) {
  if (code != CURLE_OK && !transfer.body_truncated && !transfer.is_ended_by_reader) {
    return explained(code, easy, transfer);
  }
  if (!transfer.head.is_complete()) {
    return Error{ErrorCode::unavailable, printable(transfer.request.url.authority()) +
                                             " closed the connection in the middle of its header section"};
  }
  HttpResponse response;
  response.status = transfer.head.status();
  response.http_version = transfer.head.http_version();
  response.headers = transfer.head.take_headers();
  response.body = std::move(transfer.body);
  response.body_truncated = transfer.body_truncated;
  const char* remote = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &remote) == CURLE_OK && remote != nullptr) {
    response.remote_address = remote;
  }
  response.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - transfer.start);
  return response;
}

}  // namespace

struct HttpEngine::State {
  using Easy = std::unique_ptr<CURL, CloseEasy>;
  struct Running {
    std::unique_ptr<Transfer> transfer;
    Easy easy;
  };

  const AddressPolicy& policy;
  const std::string user_agent;
  // Handles are taken out of it before either is closed.
  std::unique_ptr<CURLM, CloseMulti> multi;
  std::vector<Easy> idle;
  std::unordered_map<Id, Running> transfers;
  Id next_id = 1;

  Easy take_handle() {
    if (!idle.empty()) {
      Easy easy = std::move(idle.back());
      idle.pop_back();
      return easy;
    }
    Easy easy(curl_easy_init());
    CHECK(easy != nullptr, "libcurl has memory");
    return easy;
  }

  void remove(std::unordered_map<Id, Running>::iterator running) {
    Easy easy = std::move(running->second.easy);
    curl_multi_remove_handle(multi.get(), easy.get());
    curl_easy_reset(easy.get());  // forget the pointers to the transfer
    transfers.erase(running);
    if (idle.size() < kIdleHandlesMax) idle.push_back(std::move(easy));
  }
};

HttpEngine::HttpEngine(const AddressPolicy& policy, std::string user_agent, long connections_kept_max) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(initialised == CURLE_OK, "libcurl starts");
  state_ = std::make_unique<State>(State{.policy = policy,
                                         .user_agent = std::move(user_agent),
                                         .multi = std::unique_ptr<CURLM, CloseMulti>(curl_multi_init()),
                                         .idle = {},
                                         .transfers = {}});
  CHECK(state_->multi != nullptr, "libcurl has memory");
  curl_multi_setopt(state_->multi.get(), CURLMOPT_MAXCONNECTS, connections_kept_max);
}

HttpEngine::~HttpEngine() {
  while (!state_->transfers.empty()) state_->remove(state_->transfers.begin());
}

HttpEngine::Id HttpEngine::start(const HttpRequest& request, std::vector<IpAddress> vetted) {
  const Id id = state_->next_id++;
  auto transfer = std::unique_ptr<Transfer>(new Transfer{.id = id,
                                                         .request = request,
                                                         .policy = state_->policy,
                                                         .addresses = std::move(vetted),
                                                         .head = ResponseHead(request.head_bytes_max),
                                                         .body = {},
                                                         .refusal = {},
                                                         .start = steady_clock::now(),
                                                         .headers = {},
                                                         .resolve = {},
                                                         .connect_to = {}});
  State::Easy easy = state_->take_handle();
  Setup(easy.get()).all(*transfer, state_->user_agent);
  CHECK(curl_multi_add_handle(state_->multi.get(), easy.get()) == CURLM_OK, "the handle is not in use");
  state_->transfers.emplace(id, State::Running{std::move(transfer), std::move(easy)});
  return id;
}

void HttpEngine::cancel(Id id) {
  const auto running = state_->transfers.find(id);
  if (running != state_->transfers.end()) state_->remove(running);
}

Result<std::vector<HttpEngine::Finished>> HttpEngine::poll(milliseconds wait) {
  CURLM* const multi = state_->multi.get();
  const auto failed = [](CURLMcode code) {
    return internal_error(std::string("libcurl: ") + curl_multi_strerror(code));
  };
  std::vector<Finished> finished;
  for (const bool may_wait : {true, false}) {
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi, &running); code != CURLM_OK) return failed(code);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
      const Id id = transfer->id;
      finished.push_back({id, outcome_of(code, easy, *transfer)});
      state_->remove(state_->transfers.find(id));
    }
    if (!may_wait || !finished.empty()) break;
    const CURLMcode code = curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    if (code != CURLM_OK) return failed(code);
  }
  return finished;
}

void HttpEngine::wake() { curl_multi_wakeup(state_->multi.get()); }

std::size_t HttpEngine::running() const { return state_->transfers.size(); }

Result<std::vector<IpAddress>> vetted_addresses(const AddressPolicy& policy, const HttpRequest& request,
                                                std::vector<IpAddress> found) {
  if (auto allowed = policy.check_host_name(request.url.host); !allowed) return std::move(allowed).error();
  std::vector<IpAddress> addresses = request.pinned.empty() ? std::move(found) : request.pinned;
  if (auto literal = IpAddress::parse(request.url.host)) {
    const auto& pinned = request.pinned;
    if (!pinned.empty() && std::find(pinned.begin(), pinned.end(), *literal) == pinned.end()) {
      return Error{ErrorCode::address_not_allowed,
                   literal->to_text() + " is not among the addresses that this request is pinned to"};
    }
    addresses = {*literal};
  }
  if (auto allowed = policy.check_all(addresses, request.url.port, request.self); !allowed) {
    return std::move(allowed).error();
  }
  return addresses;
}

}  // namespace weir::egress
