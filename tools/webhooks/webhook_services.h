// What the webhook tools share with the sender.
#pragma once
#include "base/sealer.h"
#include "egress/address_policy.h"
#include "streaming/webhook_outbox.h"
#include "streaming/webhook_settings.h"

namespace weir::tools {

// Not thread-safe: a set of references, which must outlive the catalog.
struct WebhookServices {
  streaming::WebhookOutbox& outbox;
  const Sealer& sealer;
  const egress::AddressPolicy& policy;  // where a webhook may go
  const streaming::WebhookSettings& settings;
};

}  // namespace weir::tools
