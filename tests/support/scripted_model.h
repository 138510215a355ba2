// A model that says what a test has written down, turn by turn, and refuses conversations that a real provider would
// refuse. For the tests of the engine; what speaks a wire format is tests/model_double. Not thread-safe: owned by the
// test.
#pragma once
#include <algorithm>
#include <deque>
#include <set>

#include "tools/models/model_provider.h"

namespace weir::testing {

// One answer: pieces given out, then a turn or an error. Not thread-safe: a value.
struct ScriptedTurn {
  std::vector<std::string> pieces;  // of text, before the end
  Result<tools::models::ModelTurn> end = tools::models::ModelTurn{};
  std::vector<tools::models::TurnAttempt> failed_tries;  // told before, each with a delay of its n in seconds
};

// Text, and no call. Its text comes in pieces of at most eight bytes.
inline ScriptedTurn says(const std::string& text,
                         tools::models::ModelTurn::Stop stop = tools::models::ModelTurn::Stop::end) {
  ScriptedTurn turn;
  for (std::size_t at = 0; at < text.size(); at += 8) turn.pieces.push_back(text.substr(at, 8));
  tools::models::ModelTurn end;
  end.stop = stop;
  end.message.role = tools::models::ModelMessage::Role::assistant;
  end.message.text = text;
  end.usage.input_tokens = 100;
  end.usage.output_tokens = 10;
  turn.end = std::move(end);
  return turn;
}

inline ScriptedTurn asks_for(std::vector<tools::models::ModelCall> calls, const std::string& text = "") {
  ScriptedTurn turn = says(text, tools::models::ModelTurn::Stop::tool_calls);
  turn.end->message.calls = std::move(calls);
  return turn;
}

inline ScriptedTurn breaks_off(ErrorCode code, const std::string& message, const std::string& text_before = "") {
  ScriptedTurn turn = says(text_before);
  turn.end = Error(code, message);
  return turn;
}

// What a provider would answer with 400; "" : nothing to object to.
inline std::string objection_to(const tools::models::ModelRequest& request) {
  using Role = tools::models::ModelMessage::Role;
  if (request.messages.empty()) return "messages: at least one is required";
  if (request.messages.front().role != Role::user) return "messages: the first must be a user's";
  std::set<std::string> open;
  Role last = Role::tool;
  for (const auto& message : request.messages) {
    if (message.role == Role::tool) {
      if (open.erase(message.call_id) == 0) return "a tool's answer to no call: " + message.call_id;
      if (message.text.empty()) return "a tool's answer without content";
    } else {
      if (!open.empty()) return "a call without an answer: " + *open.begin();
      if (message.role == last && message.role == Role::user) return "two messages of a user in a row";
      if (message.role == Role::assistant && message.text.empty() && message.calls.empty() &&
          message.opaque.is_null()) {
        return "an assistant without content";
      }
      for (const auto& call : message.calls) {
        if (!open.insert(call.id).second) return "two calls with one id: " + call.id;
      }
    }
    last = message.role;
  }
  if (!open.empty()) return "a call without an answer: " + *open.begin();
  std::set<std::string> names;
  for (const auto& tool : request.tools) {
    if (!names.insert(tool.name).second) return "two tools of one name: " + tool.name;
    if (!tool.input_schema.is_object()) return "a tool without a schema: " + tool.name;
  }
  return "";
}

class ScriptedModel final : public tools::models::ModelProviders {
 public:
  // What comes next. After the last of them the model says "nothing more".
  std::deque<ScriptedTurn> script;
  std::vector<tools::models::ModelRequest> requests;
  std::optional<std::int64_t> price;    // micro-dollars for each output token
  std::function<void()> before_answer;  // may be empty

  [[nodiscard]] std::vector<Info> list() const override {
    return {{.name = "local", .kind = "openai_chat", .base_url = "http://127.0.0.1:1/v1", .model = "default-model"}};
  }
  Result<std::unique_ptr<tools::models::ModelProvider>> open(std::string_view name) const override {
    if (name != "local") return Error(ErrorCode::not_found, "no provider of that name; there is local");
    return std::unique_ptr<tools::models::ModelProvider>(new Seat(const_cast<ScriptedModel&>(*this)));
  }
  [[nodiscard]] std::optional<std::int64_t> cost_microusd(std::string_view /*name*/, std::string_view /*model*/,
                                                          const tools::models::ModelUsage& usage) const override {
    if (!price || !usage.output_tokens) return std::nullopt;
    return *price * *usage.output_tokens;
  }

 private:
  class Seat final : public tools::models::ModelProvider {
   public:
    explicit Seat(ScriptedModel& model) : model_(model) {}
    Result<tools::models::ModelTurn> complete(const tools::models::ModelRequest& request,
                                              const tools::models::TurnCallbacks& callbacks,
                                              std::chrono::milliseconds /*timeout*/, std::stop_token stop) override {
      model_.requests.push_back(request);
      if (const std::string objection = objection_to(request); !objection.empty()) {
        return Error(ErrorCode::validation_failed, objection);
      }
      if (model_.before_answer) model_.before_answer();
      ScriptedTurn turn = says("nothing more");
      if (!model_.script.empty()) {
        turn = std::move(model_.script.front());
        model_.script.pop_front();
      }
      for (const auto& tried : turn.failed_tries) {
        if (callbacks.on_retry && !callbacks.on_retry(tried, std::chrono::seconds{tried.n})) {
          return Error(ErrorCode::cancelled, "given up");
        }
      }
      for (const std::string& piece : turn.pieces) {
        if (stop.stop_requested()) break;
        if (callbacks.on_text) callbacks.on_text(piece);
      }
      if (stop.stop_requested()) return Error(ErrorCode::cancelled, "given up");
      return std::move(turn.end);
    }

   private:
    ScriptedModel& model_;
  };
};

}  // namespace weir::testing
