// How a receiver knows that a delivery is ours: Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec
// 1.0), and beside it the sha256= header of older habits. Pure.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace weir::streaming {

// "whsec_" and the base64 of 32 random bytes; the spec asks for 24 to 64.
std::string make_webhook_secret(Random& random);

// What one attempt says. Not thread-safe: a value.
struct SignedMessage {
  std::string_view id;  // webhook-id, the same for every attempt
  UnixMillis sent_at;   // of this attempt; receivers refuse old ones
  std::string_view event_type;
  std::string_view body;
};

// The headers of one attempt. `secrets` are the valid ones, the newest first: webhook-signature has one signature for
// each, so that a receiver may change over at any time during a rotation. The sha256= header can only hold one, of the
// newest; its key is the whole text of the secret, because receivers of that habit do not decode it.
std::vector<std::pair<std::string, std::string>> webhook_headers(const SignedMessage& message,
                                                                 const std::vector<std::string>& secrets);

}  // namespace weir::streaming
