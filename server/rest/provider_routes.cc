#include "server/rest/provider_routes.h"

#include "tools/parameters.h"

namespace weir::rest {
namespace {

namespace p = tools::parameters;
using tools::CallContext;
using tools::Tool;
using tools::ToolResult;
using tools::models::ConfiguredProviders;
using tools::models::ModelProviders;
using tools::models::ProviderChecks;

Tool list_route(const ConfiguredProviders& providers) {
  const Json row = p::answer({{"name", p::text("What an agent's `provider` names.")},
                              {"kind", p::one_of("The API that it speaks.", {"openai_chat", "anthropic_messages"})},
                              {"model", p::nullable(p::text("The model of agents that name none."))},
                              {"has_key", p::boolean("A key is configured; it is never shown.")},
                              {"base_url", p::text("Where it is; only for keys with the scope admin.")}},
                             {"base_url"});
  return {
      .name = "list_providers",
      .title = "List the model providers",
      .description =
          "The providers of models that the operator configured, by name. Agents of kind `model` name one of them.",
      .input_schema = p::arguments({}),
      .output_schema = p::answer({{"data", p::list("By name.", row)}}),
      .annotations = {.is_read_only = true, .is_destructive = false, .is_idempotent = true, .is_open_world = false},
      .scope = tools::Scope::agents_read,
      .rest = tools::RestRoute{"GET", "/v1/providers", 200},
      .handler = [&providers](const CallContext& context, const Json&) -> Result<ToolResult> {
        ToolResult result;
        Json rows = Json::array();
        for (const ModelProviders::Info& info : providers.list()) {
          Json shown = {{"name", info.name},
                        {"kind", info.kind},
                        {"model", info.model.empty() ? Json() : Json(info.model)},
                        {"has_key", info.has_key}};
          if (context.caller->scopes.allows(tools::Scope::admin)) shown["base_url"] = info.base_url;
          rows.push_back(std::move(shown));
        }
        result.summary = std::to_string(rows.size()) + (rows.size() == 1 ? " provider." : " providers.");
        result.structured = {{"data", std::move(rows)}};
        return result;
      },
  };
}

Tool test_route(ProviderChecks& checks) {
  const Json step = p::answer({{"name", p::text("key, connection, model, answer, tools, stream or usage.")},
                               {"status", p::one_of("failed: agents cannot use it.", {"ok", "warning", "failed"})},
                               {"message", p::text("What was found.")},
                               {"advice", p::text("What to do; empty if nothing has to be done.")}});
  return {
      .name = "test_provider",
      .title = "Test a model provider",
      .description =
          "Asks the provider for its models and its default model one small question with one tool, streamed, and "
          "says what is wrong and what to do. It costs what the provider charges for some hundred tokens. One test "
          "runs at a time; it takes up to 45 seconds while a model is being loaded.",
      .input_schema =
          p::arguments({{"provider", p::text("The provider's name, as GET /v1/providers has it.")}}, {"provider"}),
      .output_schema = p::answer({{"provider", p::text("Its name.")},
                                  {"model", p::text("The model that was asked; empty if there is no default.")},
                                  {"ok", p::boolean("No step failed.")},
                                  {"elapsed_ms", p::integer("How long the test took.")},
                                  {"steps", p::list("In the order in which they were taken.", step)}}),
      .annotations = {.is_read_only = true, .is_destructive = false, .is_idempotent = true, .is_open_world = true},
      .scope = tools::Scope::admin,
      .rest = tools::RestRoute{"POST", "/v1/providers/{provider}/test", 200},
      .handler = [&checks](const CallContext&, const Json& arguments) -> Result<ToolResult> {
        auto checked = checks.run(string_or(arguments, "provider", ""));
        if (!checked) return std::move(checked).error();
        ToolResult result;
        result.structured = check_json(*checked);
        result.summary =
            "The provider " + checked->provider + (checked->is_ok() ? " can be used." : " cannot be used.");
        return result;
      },
  };
}

}  // namespace

std::vector<Tool> provider_routes(const ConfiguredProviders& providers, ProviderChecks& checks) {
  std::vector<Tool> routes;
  routes.push_back(list_route(providers));
  routes.push_back(test_route(checks));
  return routes;
}

}  // namespace weir::rest
