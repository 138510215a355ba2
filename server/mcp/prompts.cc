#include "server/mcp/prompts.h"

#include <algorithm>

#include "base/log.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/paging.h"

namespace weir::mcp {

namespace {

// Prompts change with a release, but the key's scopes decide which are shown.
constexpr std::int64_t kPromptsTtlMs = 60'000;

RpcError bad_params(std::string text) { return {code::kInvalidParams, "Invalid params: " + std::move(text)}; }

Json prompt_json(const Prompt& prompt, Revision revision) {
  Json json{{"name", prompt.name}, {"description", prompt.description}, {"arguments", Json::array()}};
  if (features_of(revision).has_titles) json["title"] = prompt.title;
  for (const PromptArgument& argument : prompt.arguments) {
    json["arguments"].push_back(
        {{"name", argument.name}, {"description", argument.description}, {"required", argument.is_required}});
  }
  return json;
}

// The arguments as an object of strings, with every required one.
std::variant<Json, RpcError> arguments_of(const Prompt& prompt, const Message& message) {
  const Json* given = find_member(message.params, "arguments");
  Json arguments = given == nullptr || given->is_null() ? Json::object() : *given;
  if (!arguments.is_object()) return bad_params("arguments must be an object of strings");
  for (const auto& [name, value] : arguments.items()) {
    if (!value.is_string()) return bad_params("the argument " + printable(name, 60) + " must be a string");
  }
  for (const PromptArgument& argument : prompt.arguments) {
    if (argument.is_required && !arguments.contains(argument.name)) {
      return bad_params("the prompt " + prompt.name + " needs the argument " + argument.name);
    }
  }
  return arguments;
}

}  // namespace

const Prompt* find_prompt(const std::vector<Prompt>& prompts, std::string_view name) {
  const auto found = std::ranges::find(prompts, name, &Prompt::name);
  return found == prompts.end() ? nullptr : &*found;
}

Json user_text(std::string text) {
  return {{"role", "user"}, {"content", {{"type", "text"}, {"text", std::move(text)}}}};
}

void handle_prompts_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  if (cursor_of(call->message) != "") return call->fail(unknown_cursor(call->message));
  Json result{{"prompts", Json::array()}};
  for (const Prompt& prompt : dispatch.offers.prompts) {
    if (call->caller->scopes.allows(prompt.scope)) result["prompts"].push_back(prompt_json(prompt, call->revision));
  }
  add_caching(result, call->revision, kPromptsTtlMs, "private");
  call->succeed(std::move(result));
}

void handle_prompts_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto name = string_member(call->message.params, "name");
  if (!name) return call->fail(bad_params("prompts/get needs a name, a string"));
  const Prompt* prompt = find_prompt(dispatch.offers.prompts, *name);
  if (prompt == nullptr) return call->fail(bad_params("Unknown prompt: " + printable(*name, 80)));
  auto arguments = arguments_of(*prompt, call->message);
  if (const auto* error = std::get_if<RpcError>(&arguments)) return call->fail(*error);
  Interaction::run(dispatch, call, std::move(std::get<Json>(arguments)), prompt->handler);
}

}  // namespace weir::mcp
