// Where Redis is and how long a decision may wait for it: `redis.url` and what belongs to it.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::limits {

// Not thread-safe: a value.
struct RedisSettings {
  std::string host;  // empty: socket_path counts
  std::uint16_t port = 6379;
  std::string socket_path;
  std::string username;  // empty: the default user
  std::string password;  // never shown, never logged
  int database = 0;
  // What a caller waits at most; a decision of a near Redis takes 0.1 ms, one over a busy network 2 ms.
  std::chrono::milliseconds deadline{25};
  // Calls that wait for an answer at once; beyond: refused. Each waiting worker is one.
  std::size_t calls_max = 4'096;

  // "redis://[user:password@]host[:port][/database]" or "unix://[user:password@]/path[?db=database]"; user and password
  // may be percent-encoded. Returns bad_request, without the password in its text, if it is neither.
  static Result<RedisSettings> parse(std::string_view url);
  // The same without user and password, for the log: "redis://10.0.0.7:6379/2".
  [[nodiscard]] std::string shown() const;
};

}  // namespace weir::limits
