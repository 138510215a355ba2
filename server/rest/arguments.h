// A tool's arguments from a request: placeholders of the path, the query (typed by the tool's schema) and a JSON body.
// What the values mean is the schema's to decide. Pure.
#pragma once
#include "base/json.h"
#include "base/result.h"
#include "server/http/message.h"
#include "server/rest/routes.h"

namespace weir::rest {

// Returns unsupported_media_type (a body that is not declared as JSON), bad_request (not JSON, not an object), or
// validation_failed (one argument given in two places, or twice in the query though it is no list).
Result<Json> arguments_of(const http::Request& request, const Route& route, const PathParameters& parameters);

}  // namespace weir::rest
