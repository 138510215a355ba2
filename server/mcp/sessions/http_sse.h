// HTTP+SSE, the transport of 2024-11-05: one stream opened with GET /sse, which first names where to POST messages
// (/messages?session_id=...) and then carries every answer and notification. Nothing is resumed.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "server/http/exchange.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

inline constexpr std::string_view kSsePath = "/sse";
inline constexpr std::string_view kMessagesPath = "/messages";

// Open streams; more are refused.
inline constexpr std::size_t kSseConnectionsMax = 10'000;

// One exchange on either path, of a caller that is known. Not thread-safe: a value.
struct SseRequest {
  std::shared_ptr<http::Exchange> exchange;
  std::shared_ptr<const tools::Caller> caller;
  std::string request_id;
};

// Thread-safe.
class HttpSse {
 public:
  // `random` must outlive this and every stream.
  explicit HttpSse(Random& random) : random_(random) {}
  HttpSse(const HttpSse&) = delete;
  HttpSse& operator=(const HttpSse&) = delete;

  // Both answer the exchange. `dispatch` must outlive every stream. Block for the database.
  void open(const Dispatch& dispatch, const SseRequest& request);
  void post(const Dispatch& dispatch, const SseRequest& request);

  [[nodiscard]] std::size_t size() const;

 private:
  class Connection;
  class Port;
  class Listening;
  using Connections = std::unordered_map<std::string, std::shared_ptr<Connection>>;

  Random& random_;
  const std::shared_ptr<Guarded<Connections>> connections_ =
      std::make_shared<Guarded<Connections>>();  // shared with streams that outlive this
};

}  // namespace weir::mcp
