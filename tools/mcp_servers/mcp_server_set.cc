#include "tools/mcp_servers/mcp_server_set.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace weir::tools::mcp_servers {
namespace {

// Thread-safe.
class GivesUp final : public PendingCall {
 public:
  explicit GivesUp(std::shared_ptr<LinkCall> call) : call_(std::move(call)) {}
  ~GivesUp() override {
    call_->is_given_up = true;
    call_->stop.request_stop();
  }

 private:
  const std::shared_ptr<LinkCall> call_;
};

}  // namespace

McpServerSet::McpServerSet(std::vector<ServerSpec> specs, const LinkParts& parts, LinkTimes times) {
  CHECK(specs.size() <= kServersMax, "the configuration bounds the servers");
  std::ranges::sort(specs, {}, &ServerSpec::alias);
  for (ServerSpec& spec : specs) links_.push_back(std::make_unique<ServerLink>(std::move(spec), parts, times));
}

McpServerSet::~McpServerSet() { stop(); }

void McpServerSet::start() {
  for (const auto& each : links_) each->start();
}

void McpServerSet::stop() {
  // Together: each may take the time of its process.
  std::vector<std::jthread> stopping;
  for (const auto& each : links_) stopping.emplace_back([link = each.get()] { link->stop(); });
}

ServerLink* McpServerSet::link(std::string_view alias) const {
  const auto found = std::ranges::find_if(links_, [&](const auto& each) { return each->alias() == alias; });
  return found == links_.end() ? nullptr : found->get();
}

std::vector<ServerView> McpServerSet::list() const {
  std::vector<ServerView> views;
  for (const auto& each : links_) views.push_back(each->view());
  return views;
}

std::vector<runs::CallableTool> McpServerSet::tools() const {
  std::vector<runs::CallableTool> tools;
  for (const auto& each : links_) std::ranges::move(each->tools(), std::back_inserter(tools));
  return tools;
}

std::optional<runs::CallableTool> McpServerSet::find(std::string_view name) const {
  const auto [alias, tool] = split_name(name);
  const ServerLink* const owner = link(alias);
  if (owner == nullptr) return std::nullopt;
  return owner->find(tool);
}

Result<ServerView> McpServerSet::approve(std::string_view alias, std::string_view sha256, const std::string& account_id,
                                         const std::string& key_id) {
  ServerLink* const owner = link(alias);
  if (owner == nullptr) {
    std::string names;
    for (const auto& each : links_) names += (names.empty() ? "" : ", ") + each->alias();
    return Error(ErrorCode::not_found, "There is no MCP server " + printable(alias, 64) +
                                           " in the configuration. There " +
                                           (names.empty() ? "is none." : "are: " + names + "."));
  }
  if (auto done = owner->approve(sha256, account_id, key_id); !done) return std::move(done).error();
  return owner->view();
}

std::shared_ptr<PendingCall> McpServerSet::call(std::string_view name, Json arguments,
                                                runs::ToolCaller::Callbacks callbacks) {
  const auto [alias, tool] = split_name(name);
  ServerLink* const owner = link(alias);
  const auto refuse = [&](Error error) -> std::shared_ptr<PendingCall> {
    callbacks.done(std::move(error));
    return nullptr;
  };
  if (owner == nullptr) {
    return refuse(Error(ErrorCode::not_found,
                        "There is no MCP server for the tool " + printable(name, 80) + " in the configuration."));
  }
  if (auto refused = owner->refusal(tool)) return refuse(*std::move(refused));
  if (!arguments.is_object()) {
    return refuse(Error(ErrorCode::validation_failed, "The arguments of " + printable(name, 80) + " are of type " +
                                                          std::string(json_type(arguments)) + "; expected an object."));
  }
  if (to_text(arguments).size() > kArgumentsBytesMax) {
    return refuse(Error(ErrorCode::payload_too_large, "The arguments of " + printable(name, 80) + " are larger than " +
                                                          std::to_string(kArgumentsBytesMax) + " bytes."));
  }
  auto call = std::make_shared<LinkCall>();
  call->tool = tool;
  call->arguments = std::move(arguments);
  call->deadline = std::chrono::steady_clock::now() + owner->timeout();
  call->callbacks = callbacks;
  if (!owner->enqueue(call)) {
    return refuse(Error(ErrorCode::concurrency_limit, std::to_string(kCallsWaitingMax) + " calls of the MCP server " +
                                                          std::string(alias) + " wait already. Try again later."));
  }
  return std::make_shared<GivesUp>(std::move(call));
}

}  // namespace weir::tools::mcp_servers
