// POST /v1/stream-tokens: REST only, because no model opens a stream.
#pragma once
#include "server/stream_tokens.h"
#include "tools/tool.h"

namespace weir::rest {

// `tokens` must outlive the route.
tools::Tool stream_token_route(server::StreamTokens& tokens);

}  // namespace weir::rest
