// Repeated creations (api.md section 1): the same key, tool and client token with the same arguments get the stored
// answer, with other arguments an error. The row is written in the transaction that creates, so a refused request
// stores nothing and there is never a half-done one.
#pragma once
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "store/database.h"
#include "tools/call_context.h"

namespace weir::tools {

// Not thread-safe: a value.
struct Creation {
  Json answer = Json::object();
  bool is_replayed = false;
};

// Which request this is. Not thread-safe: a value.
struct ClientToken {
  std::string token;   // "": the caller gave none, nothing is remembered
  std::string sha256;  // of the arguments that count
};

// The `client_token` argument, else the Idempotency-Key. `ignored` arguments (besides client_token) may differ between
// repetitions. Returns validation_failed if the key is not 1 to 128 visible ASCII characters.
Result<ClientToken> client_token_of(const CallContext& context, const Json& arguments,
                                    const std::vector<std::string>& ignored = {});

// Runs `create` in `transaction` unless this request has been answered before. Returns idempotency_mismatch if the
// token was used for another request, conflict if the first one is still being answered.
Result<Creation> create_once(store::Transaction& transaction, const CallContext& context, const ClientToken& token,
                             std::string_view operation, UnixMillis now,
                             const std::function<Result<Json>(store::Transaction&)>& create);

}  // namespace weir::tools
