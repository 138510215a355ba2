// Tokens for browsers: EventSource cannot send headers, so a page opens its stream with `?token=`, which a program that
// has the key made for it. A token opens event streams and nothing else, with the rights of its key as they are when the
// stream is opened.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "store/database.h"
#include "tools/call_context.h"

namespace weir::server {

// What an opened token stands for. Not thread-safe: a value.
struct OpenedToken {
  std::string hash;
  std::string key_id;
  tools::Scopes scopes;  // of the key when the token was made
};

// Thread-safe.
class StreamTokens {
 public:
  // To open the first stream; and to open it again after it was lost.
  static constexpr std::chrono::seconds kOpenTime{60};
  // However long the streams last that it opened.
  static constexpr std::chrono::hours kLifeMax{24};

  // All must outlive the object.
  StreamTokens(store::Database& database, const Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  // Not thread-safe: a value.
  struct Minted {
    std::string token;  // "wst_...", shown once
    UnixMillis expires_at{};
  };
  Result<Minted> mint(const tools::Caller& caller);

  // The token is good until its stream is closed. Returns unauthorized if it is unknown or has expired. Blocks for one
  // small transaction.
  Result<OpenedToken> open(std::string_view token);
  // A stream of the token has ended: it can be opened again for kOpenTime. Blocks for one small transaction.
  void closed(std::string_view hash);
  // The server has just started: the streams of before are lost, so what opened them is good for kOpenTime.
  Result<void> begin();

 private:
  store::Database& database_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace weir::server
