#include "tools/runs/model/conversation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace weir::tools::runs {
namespace {

using models::ModelCall;
using models::ModelMessage;
using models::ModelTurn;
using Role = models::ModelMessage::Role;

// What is recorded beside the message itself.
constexpr const char* kNote = "run_note";

constexpr std::array<std::string_view, 6> kStops = {"end",     "tool_calls",     "max_tokens",
                                                    "refusal", "context_window", "paused"};

// Of a run that ended with max_tool_calls some calls of the last turn were made, others not.
constexpr std::string_view kNoAnswer =
    "There is no answer: the run that asked for this call ended before it was told one. "
    "Whether the call was made is not known here.";

std::string_view role_name(Role role) {
  switch (role) {
    case Role::user: return "user";
    case Role::assistant: return "assistant";
    case Role::tool: return "tool";
  }
  return "user";
}

Json recorded(const Said& said) {
  Json content = message_json(said.message);
  Json note = Json::object();
  if (said.message.role == Role::assistant) note["stop"] = kStops.at(static_cast<std::size_t>(said.stop));
  if (!said.used_up.empty()) note["used_up"] = said.used_up;
  if (said.is_tainted) note["is_tainted"] = true;
  if (!note.empty()) content[kNote] = std::move(note);
  return content;
}

Result<Said> said_from(const Json& content) {
  Result<ModelMessage> message = models::message_from(content);
  if (!message) return internal_error("a recorded message cannot be read: " + message.error().message);
  Said said{.message = std::move(*message)};
  if (const Json* note = find_member(content, kNote)) {
    const auto* stop = std::find(kStops.begin(), kStops.end(), string_or(*note, "stop", "end"));
    if (stop == kStops.end()) return internal_error("a recorded message has an unknown stop: " + to_text(*note));
    said.stop = static_cast<ModelTurn::Stop>(stop - kStops.begin());
    said.used_up = string_or(*note, "used_up", "");
    said.is_tainted = bool_or(*note, "is_tainted", false);
  }
  return said;
}

}  // namespace

Result<Conversation> Conversation::load(RunSession& session) {
  Result<std::vector<store::RunMessageRow>> rows = session.messages();
  if (!rows) return std::move(rows).error();
  Conversation conversation;
  std::optional<std::size_t> own;
  for (const store::RunMessageRow& row : *rows) {
    Result<Said> said = said_from(row.content);
    if (!said) return std::move(said).error();
    if (!own && row.run_id == session.run().id) own = conversation.said_.size();
    conversation.said_.push_back(std::move(*said));
  }
  conversation.next_ = own.value_or(conversation.said_.size());
  return conversation;
}

std::optional<Said> Conversation::next(Role role) {
  if (next_ == said_.size() || said_[next_].message.role != role) return std::nullopt;
  return said_[next_++];
}

Result<void> Conversation::add(RunSession& session, Said said) {
  CHECK(next_ == said_.size(), "messages are added after those that are recorded");
  Result<void> added = session.add_message(role_name(said.message.role), recorded(said), said.message.text);
  if (!added) return added;
  said_.push_back(std::move(said));
  next_ = said_.size();
  return {};
}

std::vector<ModelMessage> Conversation::to_send() const {
  std::vector<ModelMessage> messages;
  messages.reserve(said_.size());
  for (const Said& said : said_) messages.push_back(said.message);
  return mended(std::move(messages));
}

bool Conversation::is_tainted() const {
  return std::any_of(said_.begin(), said_.end(), [](const Said& said) { return said.is_tainted; });
}

std::vector<ModelMessage> mended(std::vector<ModelMessage> messages) {
  std::vector<ModelMessage> sent;
  std::vector<std::string> open;  // calls of the last assistant that have no answer yet
  const auto close_open = [&] {
    for (std::string& id : open) {
      sent.push_back({.role = Role::tool, .text = std::string(kNoAnswer), .call_id = std::move(id), .is_error = true});
    }
    open.clear();
  };
  for (ModelMessage& message : messages) {
    if (message.role == Role::tool) {
      const auto call = std::find(open.begin(), open.end(), message.call_id);
      if (call == open.end()) continue;
      open.erase(call);
      sent.push_back(std::move(message));
      continue;
    }
    close_open();
    if (message.role == Role::user && !sent.empty() && sent.back().role == Role::user) {
      sent.back().text.append("\n\n").append(message.text);
      continue;
    }
    if (message.role == Role::assistant) {
      if (message.text.empty() && message.calls.empty() && message.opaque.is_null()) continue;
      for (const ModelCall& call : message.calls) open.push_back(call.id);
    }
    sent.push_back(std::move(message));
  }
  close_open();
  return sent;
}

}  // namespace weir::tools::runs
