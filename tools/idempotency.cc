#include "tools/idempotency.h"

#include <algorithm>

#include "base/hmac.h"
#include "base/log.h"
#include "store/idempotency_store.h"

namespace weir::tools {
namespace {

constexpr std::size_t kTokenBytesMax = 128;

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Result<ClientToken> client_token_of(const CallContext& context, const Json& arguments,
                                    const std::vector<std::string>& ignored) {
  ClientToken token;
  const std::optional<std::string> argument = string_member(arguments, "client_token");
  token.token = argument ? *argument : context.idempotency_key;
  if (token.token.empty()) return token;
  if (token.token.size() > kTokenBytesMax || !is_visible_ascii(token.token)) {
    const std::string problem = "is \"" + printable(token.token, 60) + "\" (" + std::to_string(token.token.size()) +
                                " bytes); expected 1 to 128 visible ASCII characters, for example a UUID";
    return Error(ErrorCode::validation_failed, "The idempotency key " + problem + ".")
        .with_field(argument ? "client_token" : "Idempotency-Key", problem);
  }
  Json counted = arguments;
  counted.erase("client_token");
  for (const std::string& name : ignored) counted.erase(name);
  token.sha256 = to_hex(sha256(to_text(counted)));
  return token;
}

Result<Creation> create_once(store::Transaction& transaction, const CallContext& context, const ClientToken& token,
                             std::string_view operation, UnixMillis now,
                             const std::function<Result<Json>(store::Transaction&)>& create) {
  const auto answer_first = [&]() -> Result<Creation> {
    Result<Json> answer = create(transaction);
    if (!answer) return std::move(answer).error();
    return Creation{.answer = std::move(*answer), .is_replayed = false};
  };
  if (token.token.empty()) return answer_first();

  store::IdempotencyRow row{.key_id = context.caller->key_id,
                            .operation = std::string(operation),
                            .token = token.token,
                            .request_sha256 = token.sha256,
                            .answer = nullptr,
                            .created_at = now};
  Result<bool> is_first = store::begin_idempotent(transaction, row);
  if (!is_first) return std::move(is_first).error();
  if (*is_first) {
    Result<Creation> made = answer_first();
    if (!made) return made;
    row.answer = made->answer;
    if (Result<void> kept = store::finish_idempotent(transaction, row); !kept) return std::move(kept).error();
    return made;
  }

  auto stored = store::find_idempotent(transaction, row.key_id, operation, token.token);
  if (!stored) return std::move(stored).error();
  if (!*stored) return internal_error("an idempotency row refused begin but was not found");
  if ((*stored)->request_sha256 != token.sha256) {
    return Error(ErrorCode::idempotency_mismatch, "The idempotency key \"" + printable(token.token, 60) +
                                                      "\" was already used for " + std::string(operation) +
                                                      " with other arguments. Use a new key for a new request.");
  }
  if ((*stored)->answer.is_null()) {
    return Error(ErrorCode::conflict, "The first request with the idempotency key \"" + printable(token.token, 60) +
                                          "\" is still being answered. Repeat this one in a second.")
        .retry_in(std::chrono::seconds{1});
  }
  return Creation{.answer = (*stored)->answer, .is_replayed = true};
}

}  // namespace weir::tools
