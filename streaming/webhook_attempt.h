// What one attempt to deliver meant: from an answer, or its absence, to the delivery's next state and the receiver's
// health. Decides; neither sends nor stores.
#pragma once
#include <string>

#include "egress/http_message.h"
#include "streaming/webhook_ledger.h"
#include "streaming/webhook_settings.h"

namespace weir::streaming {

struct AttemptTimes {
  UnixMillis started_at;
  UnixMillis now;
};

// Not thread-safe: a value.
struct JudgedAttempt {
  WebhookOutcome outcome;
  std::string disable_reason;  // "": the endpoint goes on
};

// 2xx is success. 3xx is a failure: no redirect is followed. 410 disables the endpoint. 429 and 503 with Retry-After
// pause it. `health` is brought up to date.
JudgedAttempt judge_attempt(const WebhookSettings& settings, store::DeliveryRow delivery,
                            const Result<egress::HttpResponse>& answer, AttemptTimes times,
                            store::WebhookHealth& health, Random& random);

// Of an answer's body this much is read and kept; more would only fill the log.
inline constexpr std::size_t kAnswerBodyBytesMax = 16 * 1024;
inline constexpr std::size_t kAnswerHeadBytesMax = 16 * 1024;

}  // namespace weir::streaming
