#include "server/mcp/completion.h"

#include "base/log.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"

namespace weir::mcp {

namespace {

// MCP "Completion": an answer has at most this many values.
constexpr std::size_t kValuesMax = 100;

RpcError bad_params(std::string text) { return {code::kInvalidParams, "Invalid params: " + std::move(text)}; }

Json completion_json(const std::vector<std::string>& values) {
  Json shown = Json::array();
  for (std::size_t i = 0; i < std::min(values.size(), kValuesMax); ++i) shown.push_back(values[i]);
  return {{"completion",
           {{"values", std::move(shown)}, {"total", values.size()}, {"hasMore", values.size() > kValuesMax}}}};
}

}  // namespace

void handle_complete(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const Json& params = call->message.params;
  const Json* reference = find_member(params, "ref");
  const Json* argument = find_member(params, "argument");
  if (reference == nullptr || argument == nullptr)
    return call->fail(bad_params("completion/complete needs ref and argument"));
  const auto name = string_member(*argument, "name");
  const auto value = string_member(*argument, "value");
  if (!name || !value) return call->fail(bad_params("argument needs a name and a value, both strings"));
  const CompletionRequest request{*name, *value};
  const std::string type = string_or(*reference, "type", "");

  Result<std::vector<std::string>> values = std::vector<std::string>{};
  if (type == "ref/prompt") {
    const std::string prompt_name = string_or(*reference, "name", "");
    const Prompt* prompt = find_prompt(dispatch.offers.prompts, prompt_name);
    if (prompt == nullptr) return call->fail(bad_params("Unknown prompt: " + printable(prompt_name, 80)));
    if (prompt->complete && call->caller->scopes.allows(prompt->scope))
      values = prompt->complete(call->context(), request);
  } else if (type == "ref/resource" && dispatch.offers.resources != nullptr) {
    values = dispatch.offers.resources->complete(call->context(), string_or(*reference, "uri", ""), request);
  } else {
    return call->fail(bad_params("ref.type is \"" + printable(type, 40) + "\"; expected ref/prompt or ref/resource"));
  }
  if (!values) return call->fail(values.error());
  call->succeed(completion_json(*values));
}

}  // namespace weir::mcp
