#include "server/mcp_offers/run_resources.h"

#include "server/mcp_offers/change_gate.h"
#include "server/mcp_offers/held_subscription.h"
#include "server/mcp_offers/tool_call.h"

namespace weir::mcp_offers {
namespace {

using tools::Scope;

constexpr std::string_view kJson = "application/json";
constexpr int kRunsPerPage = 20;
// What a completion looks at; older runs are typed in full.
constexpr int kCompletedRunsMax = 100;

Error not_found() { return {ErrorCode::not_found, "There is no such resource."}; }

// Pieces of text and progress are no change of what the resource says.
bool changes_run(std::string_view type) {
  return type != "message.delta" && type != "tool_call.progress" && type != "usage.updated";
}

Result<tools::ToolResult> get_run(const tools::Catalog& catalog, const tools::CallContext& context,
                                  std::string_view uri) {
  if (!uri.starts_with(RunResources::kPrefix)) return not_found();
  auto run =
      call_now(catalog, context, "get_run",
               {{"run_id", uri.substr(RunResources::kPrefix.size())}, {"include", {"steps", "tool_calls", "output"}}});
  // An id of a wrong form is as unknown as any other.
  if (!run && run.error().code == ErrorCode::validation_failed) return not_found();
  return run;
}

}  // namespace

Result<mcp::ResourcePage> RunResources::list(const tools::CallContext& context, const std::string& cursor) const {
  mcp::ResourcePage page;
  if (!context.caller->scopes.allows(Scope::runs_read) || catalog_.find("list_runs") == nullptr) return page;
  Json arguments{{"limit", kRunsPerPage}};
  if (!cursor.empty()) arguments["cursor"] = cursor;
  auto runs = call_now(catalog_, context, "list_runs", std::move(arguments));
  if (!runs) return std::move(runs).error();
  for (const Json& run : runs->structured["data"]) {
    const std::string id = string_or(run, "id", "");
    page.items.push_back(
        {.uri = std::string(kPrefix) + id,
         .name = id,
         .title = "Run " + id,
         .description = "A run of " + string_or(run, "agent", "an agent") + ", " + string_or(run, "status", "") + ".",
         .media_type = std::string(kJson)});
  }
  page.next_cursor = string_member(runs->structured, "next_cursor");
  return page;
}

std::vector<mcp::ResourceTemplate> RunResources::templates() const {
  if (catalog_.find("get_run") == nullptr) return {};
  return {{.uri_template = std::string(kPrefix) + "{run_id}",
           .name = "run",
           .title = "Run",
           .description = "A run of an agent: its status, steps, tool calls and output.",
           .media_type = std::string(kJson)}};
}

Scope RunResources::scope_of(std::string_view) const { return Scope::runs_read; }

Result<std::vector<mcp::ResourceContent>> RunResources::read(const tools::CallContext& context,
                                                             const std::string& uri) const {
  auto run = get_run(catalog_, context, uri);
  if (!run) return std::move(run).error();
  return std::vector<mcp::ResourceContent>{
      {.uri = uri, .media_type = std::string(kJson), .bytes = to_pretty_text(run->structured)}};
}

Result<std::vector<std::string>> RunResources::complete(const tools::CallContext& context, const std::string&,
                                                        const mcp::CompletionRequest& request) const {
  std::vector<std::string> found;
  if (request.argument != "run_id" || !context.caller->scopes.allows(Scope::runs_read)) return found;
  auto runs = call_now(catalog_, context, "list_runs", {{"limit", kCompletedRunsMax}});
  if (!runs) return std::move(runs).error();
  for (const Json& run : runs->structured["data"]) {
    std::string id = string_or(run, "id", "");
    if (id.starts_with(request.value)) found.push_back(std::move(id));
  }
  return found;
}

std::shared_ptr<mcp::Watch> RunResources::watch(const tools::CallContext& context, const std::string& uri,
                                                std::function<void()> changed) const {
  if (!context.caller->scopes.allows(Scope::runs_read)) return nullptr;
  auto run = get_run(catalog_, context, uri);
  if (!run) return nullptr;
  const auto gate = std::make_shared<ChangeGate>(timers_, std::move(changed));
  auto subscription =
      hub_.subscribe(string_or(run->structured, "id", ""), [gate](const streaming::Published& published) {
        if (changes_run(published.event->type)) gate->tell();
      });
  return subscription ? std::make_shared<HeldSubscription>(std::move(subscription)) : nullptr;
}

}  // namespace weir::mcp_offers
