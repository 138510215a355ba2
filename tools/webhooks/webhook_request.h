// What a caller says about an endpoint, read and vetted: refused now with a reason rather than failing silently later.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "egress/url.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools {

// https, unless the operator allows http; every address of the host passes the webhook policy. Returns validation_failed or
// address_not_allowed, saying what to change. Blocks for DNS. The policy is asked again at each delivery.
Result<egress::Url> vetted_webhook_url(const Services& services, std::string_view text);

// The `events` argument without repeats; each pattern matches a type that there is.
Result<std::vector<std::string>> event_patterns_of(const Json& arguments);

// The endpoint; not_found for what is not an id, does not exist, or is another account's.
Result<store::WebhookRow> find_webhook(store::Transaction& transaction, const CallContext& context,
                                       std::string_view id);
Result<store::DeliveryRow> find_delivery(store::Transaction& transaction, const CallContext& context,
                                         std::string_view id);

}  // namespace weir::tools
