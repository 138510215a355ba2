#include "server/rest/stream_token_route.h"

#include "tools/parameters.h"

namespace weir::rest {

namespace p = tools::parameters;

tools::Tool stream_token_route(server::StreamTokens& tokens) {
  return {
      .name = "create_stream_token",
      .title = "Make a token for a browser's event stream",
      .description =
          "A token that opens event streams of this account with `?token=`, for pages: EventSource cannot send "
          "headers, and a key does not belong in a URL. It opens its first stream within 60 seconds, reads events "
          "and nothing else, and stays good for reconnecting until 60 seconds after its stream was lost, at most "
          "24 hours. It ends with its key.",
      .input_schema = p::arguments({}),
      .output_schema = p::answer({{"token", p::text("For `?token=` of an event stream; shown once.")},
                                  {"expires_at", p::time("Until then the stream has to be opened.")}}),
      .annotations = {},
      .scope = tools::Scope::none,
      .rest = tools::RestRoute{"POST", "/v1/stream-tokens", 201},
      .handler = [&tokens](const tools::CallContext& context, const Json&) -> Result<tools::ToolResult> {
        auto minted = tokens.mint(*context.caller);
        if (!minted) return std::move(minted).error();
        tools::ToolResult result;
        result.structured = {{"token", minted->token}, {"expires_at", to_rfc3339(minted->expires_at)}};
        result.summary = "A stream token, good until " + to_rfc3339(minted->expires_at) + ".";
        return result;
      },
  };
}

}  // namespace weir::rest
