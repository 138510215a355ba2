// Endpoints and deliveries as callers see them, with the schemas of that. Secrets are not in them.
#pragma once
#include <vector>

#include "base/json.h"
#include "store/deliveries_store.h"
#include "store/webhooks_store.h"

namespace weir::tools {

Json webhook_json(const store::WebhookRow& webhook, UnixMillis now);
Json webhook_schema();
// With `secret` and, after a rotation, `previous_secret_until`.
Json webhook_secret_schema();

Json delivery_json(const store::DeliveryRow& delivery);
Json delivery_schema();
// With the body that is sent and every attempt.
Json delivery_details_json(const store::DeliveryRow& delivery, const std::vector<store::AttemptRow>& attempts);
Json delivery_details_schema();

}  // namespace weir::tools
