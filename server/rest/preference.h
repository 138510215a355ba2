// What a REST caller prefers (RFC 7240): only `wait`, for calls that would rather wait for their slot than be refused.
#pragma once
#include <chrono>

#include "server/http/message.h"

namespace weir::rest {

// The seconds of `Prefer: wait=10`; 0 if there is no such preference or it is not understood, which is no error
// (RFC 7240 section 2).
std::chrono::seconds preferred_wait(const http::Headers& headers);

}  // namespace weir::rest
