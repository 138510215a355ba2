#include "server/mcp_offers/run_review.h"

#include "server/mcp/tool_results.h"
#include "server/mcp_offers/run_approvals.h"
#include "server/mcp_offers/tool_call.h"
#include "tools/parameters.h"

namespace weir::mcp_offers {
namespace {

using Review = std::shared_ptr<mcp::Interaction>;

Result<tools::ToolResult> run_with_calls(const tools::Catalog& catalog, const tools::CallContext& context,
                                         const std::string& id) {
  return call_now(catalog, context, "get_run", {{"run_id", id}, {"include", Json::array({"tool_calls"})}});
}

void answer_error(const Review& review, const Error& error) {
  const tools::CallContext context = review->context();
  review->answer(
      mcp::call_tool_result(mcp::error_answer(error, context.request_id), review->revision(), context.decision));
}

void answer_run(const Review& review, tools::ToolResult run, std::string_view preface) {
  run.summary = std::string(preface) + run.summary;
  review->answer(
      mcp::call_tool_result(mcp::success_answer(std::move(run)), review->revision(), review->context().decision));
}

void handle(const tools::Catalog& catalog, const Review& review) {
  const std::string id = string_or(review->arguments(), "run_id", "");
  auto run = run_with_calls(catalog, review->context(), id);
  if (!run) return answer_error(review, run.error());
  const Json* calls = find_member(run->structured, "tool_calls");
  Json requests = calls == nullptr ? Json::object() : approval_requests(*calls);
  if (review->responses().empty()) {
    if (requests.empty()) return answer_run(review, *std::move(run), "Nothing waits for a decision. ");
    if (!review->can_ask("elicitation/create")) {
      return answer_error(review,
                          {ErrorCode::conflict,
                           "This client cannot ask a person (it does not declare elicitation). Decide with `weir runs "
                           "approve " +
                               id + "` or `weir runs deny " + id + "`, with POST /v1/runs/" + id +
                               "/respond, or in a client that can ask."});
    }
    return review->ask(std::move(requests));
  }
  // The forms were about the calls as they were: what has been decided meanwhile is no longer among them.
  if (auto done =
          carry_out(catalog, review->context(), id, calls == nullptr ? Json::array() : *calls, review->responses());
      !done) {
    return answer_error(review, done.error());
  }
  auto after = run_with_calls(catalog, review->context(), id);
  if (!after) return answer_error(review, after.error());
  answer_run(review, *std::move(after), "");
}

}  // namespace

mcp::McpTool review_run(const tools::Catalog& catalog) {
  namespace p = tools::parameters;
  mcp::McpTool tool;
  tools::Tool& declared = tool.declaration;
  declared.name = "review_run";
  declared.title = "Review a run";
  declared.description =
      "Asks the person at this client to allow or deny each tool call that a run waits for (status requires_action), "
      "one form "
      "for each with its exact arguments. Use it when get_run says that a run requires action. The person answers, not "
      "you. "
      "Costs 1 unit.";
  declared.input_schema =
      p::arguments({{"run_id", p::id("run", "The run, from create_run or list_runs.")}}, {"run_id"});
  const tools::Tool* get = catalog.find("get_run");
  if (get != nullptr) declared.output_schema = get->output_schema;
  declared.annotations = {
      .is_read_only = false, .is_destructive = true, .is_idempotent = false, .is_open_world = false};
  declared.scope = tools::Scope::runs_approve;
  tool.handler = [&catalog](const Review& review) { handle(catalog, review); };
  return tool;
}

}  // namespace weir::mcp_offers
