// From the arguments of create_target to a row that may be stored: the URL is read strictly, the host is resolved,
// every address passes the policy, and the visibility follows from the addresses.
#pragma once
#include "base/json.h"
#include "base/result.h"
#include "egress/url.h"
#include "store/targets_store.h"
#include "tools/call_context.h"
#include "tools/services.h"

namespace weir::tools {

// The text under which a URL is stored and found again. Returns validation_failed.
Result<egress::Url> parse_target_url(std::string_view text, std::string_view field);

// A row without an id. Returns validation_failed (URL, attestation, scope hosts, a name that does not resolve) or
// address_not_allowed. Blocks for the resolver.
Result<store::TargetRow> vetted_target(const Services& services, const CallContext& context, const Json& arguments,
                                       const egress::Url& url);

}  // namespace weir::tools
