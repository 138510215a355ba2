#include "egress/http_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/hmac.h"
#include "base/log.h"
#include "egress/response_head.h"
#include "egress/tls_legacy.h"

namespace weir::egress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long libcurl may wait for its sockets before the loop looks at the time again; a stop wakes it at once.
constexpr int kPollMs = 250;
// Connections kept for reuse; a scan needs two, a webhook sender one per busy host.
constexpr long kConnectionsKeptMax = 16;

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

// What one transfer collects and what its callbacks need. Not thread-safe: owned by one send().
struct Transfer {
  const HttpRequest& request;
  const AddressPolicy& policy;
  std::vector<IpAddress> addresses;  // vetted; nothing else is dialled
  ResponseHead head;
  std::string body;
  bool body_truncated = false;
  bool is_ended_by_reader = false;
  std::optional<Error> refusal;  // the open-socket callback's
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

}  // namespace

struct HttpClient::State {
  const AddressPolicy& policy;
  Resolver& resolver;
  const std::string user_agent;
  // The easy handle is closed first: the multi handle must not outlive an attached one, nor the other way round.
  std::unique_ptr<CURLM, CloseMulti> multi;
  std::unique_ptr<CURL, CloseEasy> easy;
  std::string resolve_entry;  // "name:port" that libcurl was last told the addresses of

  Result<std::vector<IpAddress>> vetted_addresses(const HttpRequest& request);
  void configure(Transfer& transfer, StringList& headers, StringList& resolve, StringList& connect_to);
  void configure_tls(const HttpRequest& request);
  void configure_method(const HttpRequest& request);
  void configure_addresses(const Transfer& transfer, StringList& resolve, StringList& connect_to);
  void add_headers(const HttpRequest& request, StringList& headers) const;
  Result<CURLcode> run(const std::stop_token& stop);

  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(easy.get(), option, value);
    CHECK(code == CURLE_OK, curl_easy_strerror(code));
  }
};

Result<std::vector<IpAddress>> HttpClient::State::vetted_addresses(const HttpRequest& request) {
  if (auto allowed = policy.check_host_name(request.url.host); !allowed) return std::move(allowed).error();
  std::vector<IpAddress> addresses = request.pinned;
  if (auto literal = IpAddress::parse(request.url.host)) {
    if (!addresses.empty() && std::find(addresses.begin(), addresses.end(), *literal) == addresses.end()) {
      return Error{ErrorCode::address_not_allowed,
                   literal->to_text() + " is not among the addresses that this request is pinned to"};
    }
    addresses = {*literal};
  } else if (addresses.empty()) {
    auto resolved = resolver.resolve(request.url.host);
    if (!resolved) return resolved;
    addresses = *std::move(resolved);
  }
  if (auto allowed = policy.check_all(addresses, request.url.port, request.self); !allowed) {
    return std::move(allowed).error();
  }
  return addresses;
}

void HttpClient::State::configure(Transfer& transfer, StringList& headers, StringList& resolve,
                                  StringList& connect_to) {
  const HttpRequest& request = transfer.request;
  curl_easy_reset(easy.get());  // options only; connections stay
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
  configure_tls(request);
  configure_method(request);
  configure_addresses(transfer, resolve, connect_to);
  add_headers(request, headers);
  set(CURLOPT_HTTPHEADER, headers.get());
}

void HttpClient::State::configure_tls(const HttpRequest& request) {
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

void HttpClient::State::configure_method(const HttpRequest& request) {
  const bool needs_length = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || needs_length) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());  // not copied: the request outlives the transfer
  }
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);  // the answer to HEAD has no body to wait for
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void HttpClient::State::configure_addresses(const Transfer& transfer, StringList& resolve, StringList& connect_to) {
  const Url& url = transfer.request.url;
  if (IpAddress::parse(url.host)) return;
  // Not the wildcard: should libcurl read the host differently than Url did, it dials what it read, and the
  // open-socket callback refuses that.
  const std::string name = name_of(transfer.addresses);
  const std::string port = std::to_string(url.port);
  connect_to.add(url.host + ":" + port + ":" + name + ":" + port);
  std::string entry = name + ":" + port;
  if (!resolve_entry.empty() && resolve_entry != entry) resolve.add("-" + resolve_entry);
  resolve_entry = entry;
  char separator = ':';
  for (const IpAddress& address : transfer.addresses) {
    entry += separator + (address.is_v6() ? "[" + address.to_text() + "]" : address.to_text());
    separator = ',';
  }
  resolve.add(entry);
  set(CURLOPT_RESOLVE, resolve.get());
  set(CURLOPT_CONNECT_TO, connect_to.get());
}

void HttpClient::State::add_headers(const HttpRequest& request, StringList& headers) const {
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

Result<CURLcode> HttpClient::State::run(const std::stop_token& stop) {
  CURLM* const handle = multi.get();
  CHECK(curl_multi_add_handle(handle, easy.get()) == CURLM_OK, "the handle is not in use");
  struct Removal {
    CURLM* multi;
    CURL* easy;
    ~Removal() { curl_multi_remove_handle(multi, easy); }
  } const removal{handle, easy.get()};
  const std::stop_callback wake(stop, [handle] { curl_multi_wakeup(handle); });
  int running = 1;
  while (running != 0) {
    if (stop.stop_requested()) return Error{ErrorCode::cancelled, "the request was cancelled"};
    CURLMcode code = curl_multi_perform(handle, &running);
    if (code == CURLM_OK && running != 0) code = curl_multi_poll(handle, nullptr, 0, kPollMs, nullptr);
    if (code != CURLM_OK) return internal_error(std::string("libcurl: ") + curl_multi_strerror(code));
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(handle, &left)) {
    if (message->msg == CURLMSG_DONE && message->easy_handle == easy.get()) return message->data.result;
  }
  return internal_error("libcurl ended a transfer without a result");
}

HttpClient::HttpClient(const AddressPolicy& policy, Resolver& resolver, std::string user_agent) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(initialised == CURLE_OK, "libcurl starts");
  state_ = std::make_unique<State>(State{.policy = policy,
                                         .resolver = resolver,
                                         .user_agent = std::move(user_agent),
                                         .multi = std::unique_ptr<CURLM, CloseMulti>(curl_multi_init()),
                                         .easy = std::unique_ptr<CURL, CloseEasy>(curl_easy_init()),
                                         .resolve_entry = {}});
  CHECK(state_->multi != nullptr && state_->easy != nullptr, "libcurl has memory");
  curl_multi_setopt(state_->multi.get(), CURLMOPT_MAXCONNECTS, kConnectionsKeptMax);
}

HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request, std::stop_token stop) {
  const auto start = steady_clock::now();
  if (auto checked = check_request(request); !checked) return std::move(checked).error();
  auto addresses = state_->vetted_addresses(request);
  if (!addresses) return std::move(addresses).error();

  Transfer transfer{.request = request,
                    .policy = state_->policy,
                    .addresses = *std::move(addresses),
                    .head = ResponseHead(request.head_bytes_max),
                    .body = {},
                    .refusal = {}};
  StringList headers;
  StringList resolve;
  StringList connect_to;
  state_->configure(transfer, headers, resolve, connect_to);
  CURL* const easy = state_->easy.get();
  auto code = state_->run(stop);
  if (!code) {
    curl_easy_reset(easy);  // forget the pointers to this frame
    return std::move(code).error();
  }
  if (*code != CURLE_OK && !transfer.body_truncated && !transfer.is_ended_by_reader) {
    Error error = explained(*code, easy, transfer);
    curl_easy_reset(easy);
    return error;
  }
  if (!transfer.head.is_complete()) {
    curl_easy_reset(easy);
    return Error{ErrorCode::unavailable,
                 printable(request.url.authority()) + " closed the connection in the middle of its header section"};
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
  response.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
  curl_easy_reset(easy);
  return response;
}

}  // namespace weir::egress
