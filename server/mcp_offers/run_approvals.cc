#include "server/mcp_offers/run_approvals.h"

#include "base/log.h"
#include "server/mcp_offers/tool_call.h"

namespace weir::mcp_offers {
namespace {

// What a form shows of a call's arguments. What does not fit can be denied here, but not allowed: nobody agrees to what
// they have not seen.
constexpr std::size_t kShownArgumentsMax = 8'000;

std::string arguments_of(const Json& call) {
  const Json* arguments = find_member(call, "arguments");
  return to_pretty_text(arguments == nullptr ? Json::object() : *arguments);
}

bool is_shown_whole(const Json& call) { return arguments_of(call).size() <= kShownArgumentsMax; }

std::string shown(const Json& call) {
  std::string text = arguments_of(call);
  if (text.size() <= kShownArgumentsMax) return text;
  return printable(text, kShownArgumentsMax) +
         "\n(cut: too long to be allowed here. Read it with get_run, and decide with respond_run or `weir runs "
         "approve`.)";
}

bool is_waiting(const Json& call) { return string_or(call, "status", "") == "awaiting_approval"; }

Json form(const Json& call) {
  const std::string name = string_or(call, "name", "");
  std::string message = "A run asks to call " + name + " with:\n" + shown(call);
  const Json* approval = find_member(call, "approval");
  const std::string why = approval == nullptr ? "" : string_or(*approval, "reason", "");
  if (!why.empty()) message += "\nWhy you are asked: " + why;
  const Json words = is_shown_whole(call) ? Json{"allow", "deny"} : Json::array({"deny"});
  return {{"method", "elicitation/create"},
          {"params",
           {{"mode", "form"},
            {"message", std::move(message)},
            {"requestedSchema",
             {{"type", "object"},
              {"properties",
               {{"decision", {{"type", "string"}, {"title", "Decision"}, {"enum", words}}},
                {"reason",
                 {{"type", "string"},
                  {"title", "Reason"},
                  {"maxLength", 500},
                  {"description", "For the run and the record; a model is told it."}}}}},
              {"required", {"decision"}}}}}}};
}

// Null for an answer that leaves the call waiting.
Result<Json> decision_of(const Json& call, const Json& response) {
  const std::string id = string_or(call, "id", "");
  const std::string action = string_or(response, "action", "");
  if (action == "cancel") return Json(nullptr);
  Json decision{{"tool_call_id", id}, {"arguments_sha256", string_or(call, "arguments_sha256", "")}};
  if (action == "decline") {
    decision["decision"] = "deny";
    decision["reason"] = "Declined.";
    return decision;
  }
  const Json* content = find_member(response, "content");
  const std::string word = content == nullptr ? "" : string_or(*content, "decision", "");
  if (action == "accept" && word == "allow" && !is_shown_whole(call)) {
    const std::string problem = "allows what was not shown whole: decide with respond_run or `weir runs approve`";
    return Error(ErrorCode::validation_failed, "The answer for " + id + " " + problem + ".").with_field(id, problem);
  }
  if (action != "accept" || (word != "allow" && word != "deny")) {
    const std::string problem =
        "is no answer to the form: expected action accept with content.decision allow or deny, "
        "action decline, or action cancel";
    return Error(ErrorCode::validation_failed, "The answer for " + id + " " + problem + ".").with_field(id, problem);
  }
  decision["decision"] = word;
  const std::string reason = string_or(*content, "reason", "");
  if (!reason.empty()) decision["reason"] = reason;
  return decision;
}

}  // namespace

Json approval_requests(const Json& tool_calls) {
  Json requests = Json::object();
  for (const Json& call : tool_calls) {
    if (is_waiting(call)) requests[string_or(call, "id", "")] = form(call);
  }
  return requests;
}

Result<void> carry_out(const tools::Catalog& catalog, const tools::CallContext& context, const std::string& run_id,
                       const Json& tool_calls, const Json& responses) {
  Json decisions = Json::array();
  for (const Json& call : tool_calls) {
    if (!is_waiting(call)) continue;
    const Json* response = find_member(responses, string_or(call, "id", ""));
    if (response == nullptr) continue;
    Result<Json> decision = decision_of(call, *response);
    if (!decision) return std::move(decision).error();
    if (!decision->is_null()) decisions.push_back(*std::move(decision));
  }
  if (decisions.empty()) return {};
  auto responded = call_now(catalog, context, "respond_run", {{"run_id", run_id}, {"decisions", std::move(decisions)}});
  if (!responded) return std::move(responded).error();
  return {};
}

}  // namespace weir::mcp_offers
