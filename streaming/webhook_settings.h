// How webhooks are sent; from the configuration.
#pragma once
#include <chrono>
#include <string>

#include "streaming/webhook_schedule.h"

namespace weir::streaming {

// Not thread-safe: a value.
struct WebhookSettings {
  bool allow_http = false;  // endpoints without TLS
  WebhookRetrySettings retry{};
  std::chrono::milliseconds timeout{15'000};  // of an attempt, from the name to the last byte of the answer
  std::chrono::milliseconds secret_overlap{24 * 3'600'000};
  std::chrono::milliseconds log_kept{30LL * 24 * 3'600'000};
  unsigned at_once_per_endpoint = 4;
  unsigned at_once = 256;  // deliveries under way in all; each is a connection
  unsigned resolvers = 4;  // threads that wait for DNS
  unsigned per_account_max = 20;
  std::string ca_file{};  // PEM of roots in place of the system's
  std::string user_agent = "Weir";
};

}  // namespace weir::streaming
