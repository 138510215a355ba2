#include "tools/mcp_servers/server_link.h"

#include <pthread.h>

#include <algorithm>

#include "base/log.h"
#include "tools/mcp_servers/http_transport.h"
#include "tools/mcp_servers/stdio_transport.h"
#include "tools/mcp_servers/tool_answer.h"

namespace weir::tools::mcp_servers {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kProblemBytesMax = 1'000;
// A failure that is older says nothing about the next try.
constexpr milliseconds kSteadyAfter{60'000};
constexpr int kDoublingsMax = 10;

Error about(const std::string& alias, Error error) {
  error.message = "The MCP server " + alias + " " + error.message;
  if (!error.message.ends_with('.') && !error.message.ends_with('?')) error.message += ".";
  return error;
}

// What is told of a server's progress, whatever it sends.
Json progress_data(const Json& params) {
  constexpr std::size_t kMessageBytesMax = 500;
  Json data = Json::object();
  for (const char* name : {"progress", "total"}) {
    if (const Json* value = find_member(params, name); value != nullptr && value->is_number()) data[name] = *value;
  }
  if (const auto message = string_member(params, "message")) data["message"] = printable(*message, kMessageBytesMax);
  return data;
}

}  // namespace

ServerLink::ServerLink(ServerSpec spec, const LinkParts& parts, LinkTimes times)
    : spec_(std::move(spec)),
      parts_(parts),
      times_(times),
      policy_(policy_for(spec_, parts.own_port)),
      pins_(parts.database, parts.clock, spec_.alias, spec_.endpoint()) {
  shared_.view.alias = spec_.alias;
  shared_.view.transport = spec_.is_stdio() ? "stdio" : "http";
  shared_.view.endpoint = spec_.endpoint();
}

ServerLink::~ServerLink() { stop(); }

void ServerLink::start() {
  read_approval();
  supervisor_ = std::jthread([this](const std::stop_token& stop) { supervise(stop); });
  listener_ = std::jthread([this](const std::stop_token& stop) { listen(stop); });
  for (std::size_t i = 0; i < kCallsAtOnceMax; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

void ServerLink::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (shared_.is_stopping) return;
    shared_.is_stopping = true;
  }
  for (std::jthread& worker : workers_) worker.request_stop();
  listener_.request_stop();
  supervisor_.request_stop();
  changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
  if (listener_.joinable()) listener_.join();
  for (std::jthread& worker : workers_) worker.join();
  while (const auto call = queue_.try_pop()) {
    if (!(*call)->is_given_up) (*call)->callbacks.done(Error(ErrorCode::unavailable, "The server is stopping."));
  }
}

ServerView ServerLink::view() const {
  const std::lock_guard lock(mutex_);
  return shared_.view;
}

std::vector<runs::CallableTool> ServerLink::tools() const {
  const auto list = usable_list(view());
  std::vector<runs::CallableTool> tools;
  if (!list) return tools;
  for (const RemoteTool& tool : list->tools()) {
    if (tool.unusable.empty()) tools.push_back(callable_tool(spec_.alias, tool));
  }
  return tools;
}

std::optional<runs::CallableTool> ServerLink::find(std::string_view tool) const {
  const auto list = usable_list(view());
  const RemoteTool* const found = list ? list->find(tool) : nullptr;
  if (found == nullptr || !found->unusable.empty()) return std::nullopt;
  return callable_tool(spec_.alias, *found);
}

std::optional<Error> ServerLink::refusal(std::string_view tool) const { return refusal_of(view(), tool); }

Result<void> ServerLink::approve(std::string_view sha256, const std::string& account_id, const std::string& key_id) {
  const ServerView now = view();
  if (!now.seen) {
    return Error(ErrorCode::conflict, "The MCP server " + spec_.alias + " has not listed its tools since the start" +
                                          (now.problem.empty() ? std::string() : ": " + now.problem) + ".");
  }
  if (now.seen->sha256() != sha256) {
    return Error(ErrorCode::conflict, "The tools of the MCP server " + spec_.alias + " have the hash " +
                                          now.seen->sha256() + " now, not " + printable(sha256, 80) +
                                          ". Look at them again before you approve them.");
  }
  auto written = pins_.approve(*now.seen, account_id, key_id);
  if (!written) return written;
  log::info("mcp_server.approved", {{"alias", spec_.alias}, {"sha256", sha256}, {"by", key_id}});
  read_approval();
  return {};
}

bool ServerLink::enqueue(std::shared_ptr<LinkCall> call) { return queue_.push(std::move(call)); }

// --- the connection ---

void ServerLink::supervise(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "mcp-server");
  while (!stop.stop_requested()) {
    const bool may_reconnect = connect(stop) && !serve(stop);
    std::shared_ptr<McpClient> client;
    {
      const std::lock_guard lock(mutex_);
      client = std::exchange(shared_.client, nullptr);
    }
    if (client) client->close();
    if (!stop.stop_requested() && !may_reconnect) back_off(stop);
  }
}

Result<std::unique_ptr<Transport>> ServerLink::make_transport(Inbox inbox) {
  if (!spec_.is_stdio()) {
    return std::unique_ptr<Transport>(
        std::make_unique<HttpTransport>(spec_, policy_, parts_.resolver, std::move(inbox)));
  }
  auto started = StdioTransport::start(spec_, std::move(inbox));
  if (!started) return std::move(started).error();
  return std::unique_ptr<Transport>(*std::move(started));
}

bool ServerLink::connect(const std::stop_token& stop) {
  const auto flag = [this](bool Shared::*which) {
    return [this, which] {
      {
        const std::lock_guard lock(mutex_);
        shared_.*which = true;
      }
      changed_.notify_all();
    };
  };
  auto client = std::make_shared<McpClient>(
      [this](Inbox inbox) { return make_transport(std::move(inbox)); },
      McpClient::Callbacks{.tools_changed = flag(&Shared::must_list), .closed = flag(&Shared::is_closed)});
  const auto deadline = steady_clock::now() + times_.connect_timeout;
  auto opened = client->open(deadline, stop);
  if (opened) {
    const std::lock_guard lock(mutex_);
    shared_.is_closed = !client->is_open();
    shared_.must_list = false;
    shared_.view.revision = client->revision();
    shared_.view.server_info = client->server_info();
  }
  if (opened) opened = list(*client, stop);
  if (!opened) {
    client->close();
    if (!stop.stop_requested()) failed(opened.error());
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    shared_.client = std::move(client);
  }
  changed_.notify_all();
  return true;
}

// Until the connection ends: lists again when the server says so and from time to time.
bool ServerLink::serve(const std::stop_token& stop) {
  const auto since = steady_clock::now();
  auto list_at = since + times_.list_again;
  while (!stop.stop_requested()) {
    std::shared_ptr<McpClient> client;
    bool must_list = false;
    {
      std::unique_lock lock(mutex_);
      const auto until = std::min(list_at, steady_clock::now() + times_.look_again);
      changed_.wait_until(lock, stop, until, [this] { return shared_.must_list || shared_.is_closed; });
      if (steady_clock::now() - since > kSteadyAfter) shared_.view.failures = 0;
      if (shared_.is_closed) break;
      if (std::exchange(shared_.must_list, false)) shared_.is_doubted = must_list = true;
      must_list = must_list || steady_clock::now() >= list_at;
      client = shared_.client;
    }
    if (stop.stop_requested()) return true;
    if (!must_list) {
      read_approval();
      continue;
    }
    list_at = steady_clock::now() + times_.list_again;
    if (auto listed = list(*client, stop); !listed && !stop.stop_requested()) {
      if (client->is_session_lost()) return false;
      failed(listed.error());
      return true;
    }
  }
  if (stop.stop_requested()) return true;
  const auto client = [this] {
    const std::lock_guard lock(mutex_);
    return shared_.client;
  }();
  if (client->is_session_lost()) return false;
  const std::string why = client->trouble();
  failed(Error(ErrorCode::unavailable, why.empty() ? "has ended the connection" : why));
  return true;
}

void ServerLink::failed(const Error& error) {
  std::string problem = printable(spec_.without_secrets(about(spec_.alias, error).message), kProblemBytesMax);
  {
    const std::lock_guard lock(mutex_);
    shared_.view.state = ServerState::failing;
    shared_.view.problem = problem;
    ++shared_.view.failures;
  }
  changed_.notify_all();
  log::warning("mcp_server.failing", {{"alias", spec_.alias}, {"problem", problem}, {"cause", error.cause}});
}

void ServerLink::back_off(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto doublings = std::clamp<std::int64_t>(shared_.view.failures - 1, 0, kDoublingsMax);
  const milliseconds full = std::min(times_.retry_max, times_.retry_first * (std::int64_t{1} << doublings));
  // Between half and all of it: servers that failed together do not come back together.
  const milliseconds delay =
      full / 2 +
      milliseconds{static_cast<std::int64_t>(parts_.random.below(static_cast<std::uint64_t>(full.count() / 2 + 1)))};
  shared_.view.next_try_at = parts_.clock.now() + delay;
  changed_.wait_for(lock, stop, delay, [] { return false; });
  shared_.view.next_try_at.reset();
  shared_.is_closed = false;
}

// What a server says of its own accord while nobody calls. Not every server does; all are asked again from time to
// time.
void ServerLink::listen(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "mcp-listen");
  std::shared_ptr<McpClient> last;
  while (!stop.stop_requested()) {
    std::shared_ptr<McpClient> client;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return shared_.client && shared_.client != last; })) return;
      client = shared_.client;
    }
    auto heard = client->listen(stop);
    if (!heard && heard.error().code == ErrorCode::not_found) {
      last = client;  // not until there is another connection
      continue;
    }
    // What was said in between is not lost: the list is asked for.
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, times_.listen_again, [] { return false; });
    if (shared_.client == client) shared_.must_list = true;
    lock.unlock();
    changed_.notify_all();
  }
}

// --- the list and what was agreed to ---

Result<void> ServerLink::list(McpClient& client, const std::stop_token& stop) {
  auto listing = client.list_tools(steady_clock::now() + times_.connect_timeout, stop);
  if (!listing) return std::move(listing).error();
  auto seen = ToolList::from_listing(*listing, spec_.alias);
  if (!seen) return std::move(seen).error();
  if (auto kept = keep(*seen); !kept) {
    log::warning("mcp_server.not_recorded", {{"alias", spec_.alias}, {"reason", kept.error().message}});
  }
  std::unique_lock lock(mutex_);
  shared_.view.seen = std::make_shared<const ToolList>(*std::move(seen));
  shared_.view.seen_at = parts_.clock.now();
  shared_.is_doubted = false;
  settle(lock);
  return {};
}

// Writes the list if it is new, and reads what was agreed to meanwhile.
Result<void> ServerLink::keep(const ToolList& seen) {
  const auto before = view().seen;
  if (!before || before->sha256() != seen.sha256()) {
    if (auto kept = pins_.keep(seen); !kept) return kept;
  }
  read_approval();
  return {};
}

void ServerLink::read_approval() {
  auto approval = pins_.read(view().approved);
  if (!approval) {
    log::warning("mcp_server.approval_unknown", {{"alias", spec_.alias}, {"reason", approval.error().message}});
    return;
  }
  std::unique_lock lock(mutex_);
  shared_.view.approved = approval->list;
  shared_.view.approved_by_key = approval->by_key;
  shared_.view.approved_at = approval->at;
  if (shared_.view.seen && shared_.view.state != ServerState::failing) settle(lock);
}

// With a list seen: which state that is.
void ServerLink::settle(std::unique_lock<std::mutex>& lock) {
  const ServerState before = shared_.view.state;
  const ServerView& view = shared_.view;
  ServerState now = ServerState::unapproved;
  if (view.approved) {
    now = view.approved->sha256() == view.seen->sha256() ? ServerState::approved : ServerState::changed;
  }
  shared_.view.state = now;
  shared_.view.problem.clear();
  const std::string hash = view.seen->sha256();
  lock.unlock();
  changed_.notify_all();
  if (now == before) return;
  if (now == ServerState::changed) {
    log::warning("mcp_server.tools_changed", {{"alias", spec_.alias}, {"sha256", hash}});
  } else {
    log::info("mcp_server.state", {{"alias", spec_.alias}, {"state", to_string(now)}, {"sha256", hash}});
  }
}

// --- calls ---

void ServerLink::work(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "mcp-call");
  while (auto next = queue_.pop(stop)) {
    LinkCall& call = **next;
    if (call.is_given_up) continue;
    const std::stop_callback ends_with_us(stop, [&call] { call.stop.request_stop(); });
    auto result = perform(*next);
    if (!call.is_given_up) call.callbacks.done(std::move(result));
  }
}

Result<std::shared_ptr<McpClient>> ServerLink::connected(LinkCall& call) {
  std::unique_lock lock(mutex_);
  const auto is_settled = [this] {
    const bool is_listed = !shared_.must_list && !shared_.is_doubted;
    return (is_listed && shared_.client && shared_.client->is_open()) || shared_.view.state == ServerState::failing ||
           shared_.is_stopping;
  };
  if (!changed_.wait_until(lock, call.stop.get_token(), call.deadline, is_settled)) {
    return Error(ErrorCode::unavailable, "The MCP server " + spec_.alias + " is still being connected to.");
  }
  if (shared_.is_stopping) return Error(ErrorCode::unavailable, "The server is stopping.");
  if (!shared_.client || !shared_.client->is_open()) return Error(ErrorCode::unavailable, shared_.view.problem);
  // Whoever asked has been told that there is no answer: nothing must be done any more.
  if (call.stop.stop_requested() || steady_clock::now() >= call.deadline) {
    return Error(ErrorCode::timed_out, "The MCP server " + spec_.alias + " was not asked in time.");
  }
  return shared_.client;
}

Result<ToolResult> ServerLink::perform(const std::shared_ptr<LinkCall>& held) {
  LinkCall& call = *held;
  // Twice only if the server says that it has forgotten the session: then it has not done anything.
  for (int tries = 0;; ++tries) {
    auto client = connected(call);
    if (!client) return std::move(client).error();
    if (auto refused = refusal(call.tool)) return *std::move(refused);
    McpClient::Call wanted;
    wanted.tool = call.tool;
    wanted.arguments = call.arguments;
    {
      const std::lock_guard lock(mutex_);
      if (const RemoteTool* tool = shared_.view.seen ? shared_.view.seen->find(call.tool) : nullptr) {
        wanted.param_headers = tool->param_headers;
      }
    }
    if (call.callbacks.progress) {
      // Holds the call: news may come on another thread while the worker is done with it.
      wanted.progress = [held](const Json& params) {
        if (held->is_given_up) return;
        held->callbacks.progress({{"type", "progress"}, {"data", progress_data(params)}});
      };
    }
    wanted.deadline = call.deadline;
    wanted.stop = call.stop.get_token();
    auto answer = (*client)->call_tool(wanted);
    if (answer) return tool_answer(answer->result, callable_name(spec_.alias, call.tool), std::move(answer->notes));
    if (tries == 0 && answer.error().message == kSessionEnded) {
      std::unique_lock lock(mutex_);
      const auto is_replaced = [&] { return shared_.client != *client; };
      changed_.wait_until(lock, call.stop.get_token(), call.deadline, is_replaced);
      continue;
    }
    Error error = about(spec_.alias, std::move(answer).error());
    // `unauthorized` of a call would say that the key of the run's owner is no good, which ends the run.
    if (error.code == ErrorCode::unauthorized) error.code = ErrorCode::unavailable;
    error.message = spec_.without_secrets(std::move(error.message));
    return error;
  }
}

}  // namespace weir::tools::mcp_servers
