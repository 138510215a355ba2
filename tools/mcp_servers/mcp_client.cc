#include "tools/mcp_servers/mcp_client.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "tools/mcp_servers/server_spec.h"

namespace weir::tools::mcp_servers {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view kStateless = "2026-07-28";
// Newest first: the first is asked for, any may be answered.
constexpr std::array<std::string_view, 4> kSessionRevisions = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
// An old server may not answer a method that it does not know.
constexpr milliseconds kProbeTimeout{5'000};
constexpr milliseconds kNotifyTimeout{2'000};
constexpr std::chrono::hours kListenFor{1};
constexpr int kPagesMax = 64;
// All pages together; the largest servers have some hundred KiB.
constexpr std::size_t kListBytesMax = 4 * 1024 * 1024;
// Rounds of a stateless server that asks for input again and again.
constexpr int kInputRoundsMax = 4;
constexpr std::size_t kNotesMax = 8;
constexpr std::size_t kNameBytesMax = 100;

Json client_info() { return {{"name", "weir"}, {"title", "Weir"}, {"version", WEIR_VERSION}}; }

bool is_listed(const Json* versions, std::string_view version) {
  return versions != nullptr && versions->is_array() && std::ranges::find(*versions, Json(version)) != versions->end();
}

// An error of the protocol as one of ours, with the server's words.
Error explained(const Reply& reply) {
  const RpcError& error = *reply.error;
  if (reply.http_status == 401 || reply.http_status == 403) {
    return {ErrorCode::unauthorized,
            "refuses the credentials of the configuration: " + error.message + "; look at mcp_servers.ALIAS.headers"};
  }
  if (reply.http_status == 429) return {ErrorCode::unavailable, "asks to be called less often: " + error.message};
  if (error.code == kInvalidParams) return {ErrorCode::validation_failed, "refuses the call: " + error.message};
  if (error.code == kMethodNotFound) return {ErrorCode::not_found, "does not know that: " + error.message};
  return {ErrorCode::unavailable, error.code == 0 ? "refuses: " + error.message
                                                  : "failed with " + std::to_string(error.code) + ": " + error.message};
}

constexpr std::string_view kDeclined =
    "The server asked a person for input while it worked; that was declined, because runs do not pass such questions "
    "on.";

}  // namespace

McpClient::McpClient(Connect connect, Callbacks callbacks)
    : connect_(std::move(connect)), callbacks_(std::move(callbacks)) {}

McpClient::~McpClient() { close(); }

bool McpClient::is_open() const { return transport_ && transport_->is_open() && !is_session_lost_; }

std::string McpClient::trouble() const { return transport_ ? transport_->trouble() : ""; }

void McpClient::close() {
  if (transport_) transport_->close();
}

Result<void> McpClient::connect() {
  auto transport = connect_(Inbox{.notified = [this](const Incoming& message) { notified(message); },
                                  .asked = [this](const Incoming& message) { return asked(message); },
                                  .closed = callbacks_.closed});
  if (!transport) return std::move(transport).error();
  transport_ = *std::move(transport);
  return {};
}

Result<void> McpClient::open(steady_clock::time_point deadline, std::stop_token stop) {
  if (auto connected = connect(); !connected) return connected;
  auto found = discover(deadline, stop);
  if (!found) return std::move(found).error();
  if (*found) return {};
  if (!transport_->is_open()) {
    // An old program may end because of a message that it does not know before the handshake.
    transport_->close();
    if (auto again = connect(); !again) return again;
  }
  return initialize(deadline, stop);
}

// True if the server is stateless, false if the handshake should be tried.
Result<bool> McpClient::discover(steady_clock::time_point deadline, const std::stop_token& stop) {
  era_ = Era::stateless;
  revision_ = kStateless;
  auto reply =
      request("server/discover", Json::object(), {}, std::min(deadline, steady_clock::now() + kProbeTimeout), stop);
  const auto fall_back = [this] {
    era_ = Era::sessions;
    revision_.clear();
    return false;
  };
  if (!reply) {
    // Silence, or an end, may be how an old program takes it; what cannot be reached is not asked twice.
    const ErrorCode code = reply.error().code;
    const bool is_program = !transport_->is_open();
    if (steady_clock::now() < deadline && (code == ErrorCode::timed_out || is_program)) return fall_back();
    return std::move(reply).error();
  }
  if (reply->error) {
    const int status = reply->http_status;
    if (status == 401 || status == 403 || status >= 500) return explained(*reply);
    return fall_back();
  }
  if (!is_listed(find_member(reply->result, "supportedVersions"), kStateless)) return fall_back();
  keep_server_info(reply->result);
  return true;
}

Result<void> McpClient::initialize(steady_clock::time_point deadline, const std::stop_token& stop) {
  auto reply = request(
      "initialize",
      {{"protocolVersion", kSessionRevisions.front()}, {"capabilities", Json::object()}, {"clientInfo", client_info()}},
      {}, deadline, stop);
  if (!reply) return std::move(reply).error();
  if (reply->error) {
    Error error = explained(*reply);
    if (reply->http_status == 404 || reply->http_status == 405) {
      error.message += "; is the URL that of a Streamable HTTP endpoint? The older HTTP+SSE transport is not supported";
    }
    return error;
  }
  const std::string answered = string_or(reply->result, "protocolVersion", "");
  if (std::ranges::find(kSessionRevisions, answered) == kSessionRevisions.end()) {
    return Error(ErrorCode::unavailable,
                 "speaks a revision of MCP that is not known here: \"" + printable(answered, kNameBytesMax) + "\"");
  }
  revision_ = answered;
  keep_server_info(reply->result);
  return transport_->notify("notifications/initialized", Json::object(), headers_for("notifications/initialized"),
                            std::min(deadline, steady_clock::now() + kNotifyTimeout));
}

void McpClient::keep_server_info(const Json& result) {
  const Json* info = find_member(result, "serverInfo");
  if (const Json* meta = find_member(result, "_meta"); info == nullptr && meta != nullptr) {
    info = find_member(*meta, "io.modelcontextprotocol/serverInfo");
  }
  if (info == nullptr) return;
  for (const char* name : {"name", "version"}) {
    server_info_[name] = printable(string_or(*info, name, ""), kNameBytesMax);
  }
}

HeaderLines McpClient::headers_for(const std::string& method) const {
  if (era_ == Era::stateless) return {{"MCP-Protocol-Version", revision_}, {"Mcp-Method", method}};
  if (revision_.empty()) return {};
  return {{"MCP-Protocol-Version", revision_}};
}

Result<Reply> McpClient::request(const std::string& method, Json params, HeaderLines headers,
                                 steady_clock::time_point deadline, const std::stop_token& stop, std::int64_t id) {
  Outgoing outgoing;
  outgoing.id = id != 0 ? id : next_id_++;
  outgoing.method = method;
  outgoing.headers = headers_for(method);
  outgoing.headers.insert(outgoing.headers.end(), headers.begin(), headers.end());
  if (era_ == Era::stateless) {
    Json& meta = params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = revision_;
    meta["io.modelcontextprotocol/clientCapabilities"] = Json::object();
    meta["io.modelcontextprotocol/clientInfo"] = client_info();
  }
  outgoing.params = std::move(params);
  outgoing.deadline = deadline;
  outgoing.stop = stop;
  auto reply = transport_->send(outgoing);
  if (reply && reply->http_status == 404 && era_ == Era::sessions && method != "initialize") {
    // MCP 2025-03-26, "Session Management": 404 ends the session.
    is_session_lost_ = true;
    if (callbacks_.closed) callbacks_.closed();
    return Error(ErrorCode::unavailable, std::string(kSessionEnded));
  }
  return reply;
}

Result<std::vector<Json>> McpClient::list_tools(steady_clock::time_point deadline, std::stop_token stop) {
  std::vector<Json> tools;
  std::size_t bytes = 0;
  Json params = Json::object();
  for (int page = 0; page < kPagesMax; ++page) {
    auto reply = request("tools/list", params, {}, deadline, stop);
    if (!reply) return std::move(reply).error();
    if (reply->error) return explained(*reply);
    const Json* const listed = find_member(reply->result, "tools");
    if (listed == nullptr || !listed->is_array()) {
      return Error(ErrorCode::unavailable, "answered tools/list without a list of tools");
    }
    for (const Json& tool : *listed) {
      if (tools.size() == kToolsMax) {
        return Error(ErrorCode::unavailable,
                     "offers more than " + std::to_string(kToolsMax) +
                         " tools, which no agent can use well; most servers have a setting for a part");
      }
      bytes += to_text(tool).size();
      if (bytes > kListBytesMax) {
        return Error(ErrorCode::unavailable,
                     "describes its tools in more than " + std::to_string(kListBytesMax) + " bytes");
      }
      tools.push_back(tool);
    }
    const auto next = string_member(reply->result, "nextCursor");
    if (!next) return tools;
    params = {{"cursor", *next}};
  }
  return Error(ErrorCode::unavailable, "has more than " + std::to_string(kPagesMax) + " pages of tools");
}

Result<McpClient::Answer> McpClient::call_tool(const Call& call) {
  const std::int64_t token = next_id_++;
  active_.with([&](auto& active) { active.emplace(token, ActiveCall{call.progress, {}}); });
  auto result = called(call, token);
  std::vector<std::string> notes = forget(token);
  if (!result) return std::move(result).error();
  return Answer{*std::move(result), std::move(notes)};
}

std::vector<std::string> McpClient::forget(std::int64_t token) {
  return active_.with([&](auto& active) {
    std::vector<std::string> notes = std::move(active.at(token).notes);
    active.erase(token);
    return notes;
  });
}

Result<Json> McpClient::called(const Call& call, std::int64_t token) {
  Json params = {{"name", call.tool}, {"arguments", call.arguments}};
  params["_meta"] = {{"progressToken", token}};
  HeaderLines headers;
  if (era_ == Era::stateless) {
    headers = header_lines(call.param_headers, call.arguments);
    headers.emplace_back("Mcp-Name", header_value(call.tool));
  }
  for (int round = 0; round < kInputRoundsMax; ++round) {
    const std::int64_t id = round == 0 ? token : next_id_++;
    auto reply = request("tools/call", params, headers, call.deadline, call.stop, id);
    if (!reply) {
      const ErrorCode code = reply.error().code;
      if (code == ErrorCode::timed_out || code == ErrorCode::cancelled) tell_cancelled(id);
      return std::move(reply).error();
    }
    if (reply->error) return explained(*reply);
    const std::string type = string_or(reply->result, "resultType", "complete");
    if (type == "complete") return std::move(reply->result);
    if (type != "input_required") {
      return Error(ErrorCode::unavailable, "answered with a result of type \"" + printable(type, kNameBytesMax) +
                                               "\", which was not asked for");
    }
    auto responses = settled_input(reply->result, token);
    if (!responses) return std::move(responses).error();
    params["inputResponses"] = *std::move(responses);
    params.erase("requestState");
    if (const Json* state = find_member(reply->result, "requestState")) params["requestState"] = *state;
  }
  return Error(ErrorCode::unavailable, "asked for input more than " + std::to_string(kInputRoundsMax) + " times");
}

// What a stateless server is told that asks before it answers (MCP 2026-07-28, multi round-trip requests).
Result<Json> McpClient::settled_input(const Json& asked_for, std::int64_t token) {
  Json responses = Json::object();
  const Json* const requests = find_member(asked_for, "inputRequests");
  if (requests == nullptr || !requests->is_object()) return responses;  // only its state is to be sent back
  for (const auto& [key, asked] : requests->items()) {
    const std::string method = string_or(asked, "method", "");
    if (method != "elicitation/create") {
      return Error(ErrorCode::unavailable,
                   "needs " + printable(method, kNameBytesMax) + " from its client, which is refused here");
    }
    responses[key] = {{"action", "decline"}};
  }
  active_.with([&](auto& active) {
    auto& notes = active.at(token).notes;
    if (notes.empty()) notes.emplace_back(kDeclined);
  });
  return responses;
}

void McpClient::tell_cancelled(std::int64_t id) {
  // A stateless server over HTTP has seen the stream close; telling it again does no harm over pipes, where nothing
  // closed.
  auto told = transport_->notify("notifications/cancelled",
                                 {{"requestId", id}, {"reason", "the caller does not wait any more"}},
                                 headers_for("notifications/cancelled"), steady_clock::now() + kNotifyTimeout);
  if (!told) log::debug("mcp_server.cancel_not_told", {{"reason", told.error().message}});
}

void McpClient::notified(const Incoming& notification) {
  if (notification.method == "notifications/tools/list_changed") {
    if (callbacks_.tools_changed) callbacks_.tools_changed();
    return;
  }
  if (notification.method != "notifications/progress") return;
  const auto token = integer_member(notification.params, "progressToken");
  if (!token) return;
  const auto progress = active_.with([&](const auto& active) {
    const auto found = active.find(*token);
    return found == active.end() ? std::function<void(const Json&)>() : found->second.progress;
  });
  if (progress) progress(notification.params);
}

Json McpClient::asked(const Incoming& request) {
  if (request.method == "ping") return result_message(request.id, Json::object());
  if (request.method == "elicitation/create") {
    note_all(std::string(kDeclined));
    return result_message(request.id, {{"action", "decline"}});
  }
  note_all("The server asked for " + printable(request.method, kNameBytesMax) + ", which was refused.");
  return error_message(request.id, kMethodNotFound, "Not offered by this client");
}

// Over pipes nobody knows for which call a server asks, so each that is under way says it.
void McpClient::note_all(const std::string& text) {
  active_.with([&](auto& active) {
    for (auto& [token, call] : active) {
      if (call.notes.size() < kNotesMax && std::ranges::find(call.notes, text) == call.notes.end()) {
        call.notes.push_back(text);
      }
    }
  });
}

Result<void> McpClient::listen(std::stop_token stop) {
  if (era_ == Era::sessions) return transport_->listen(headers_for(""), stop);
  auto reply = request("subscriptions/listen", {{"notifications", {{"toolsListChanged", true}}}}, {},
                       steady_clock::now() + kListenFor, stop);
  if (!reply) return std::move(reply).error();
  if (reply->error) return Error(ErrorCode::not_found, "has no stream of news: " + reply->error->message);
  return {};
}

}  // namespace weir::tools::mcp_servers
