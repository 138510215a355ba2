#include "tools/runs/model/turn_calls.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tools/near_match.h"
#include "tools/runs/model/spotlight.h"

namespace weir::tools::runs {
namespace {

using models::ModelCall;
using Role = models::ModelMessage::Role;
using End = CallOutcome::End;

// A call that waits for its answer to the model.
struct Open {
  const ModelCall* call = nullptr;
  std::string key;
  Json arguments;
  std::optional<Error> mistake;  // its arguments are none: it is answered without being made
  std::optional<CallOutcome> outcome{};
};

// Not in the middle of a character.
void cut(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  text += "\n(cut here: longer than " + std::to_string(bytes_max) +
          " bytes; ask for less, with a filter or a smaller limit)";
}

std::string content_of(const CallOutcome& outcome) {
  std::string text = outcome.text;
  const bool has_result = !outcome.result.is_null() && !(outcome.result.is_object() && outcome.result.empty());
  // A report is its text; what stands around it would only say it again.
  const bool is_document = find_member(outcome.result, "media_type") != nullptr && !text.empty();
  if (has_result && !is_document) {
    if (!text.empty()) text += '\n';
    text += to_text(outcome.result);
  }
  if (text.empty()) text = "Done; there is no further answer.";
  cut(text, kToolAnswerBytesMax);
  return text;
}

std::string_view heading(End end) {
  switch (end) {
    case End::denied: return "Denied";
    case End::timed_out: return "Timed out";
    default: return "Failed";
  }
}

bool is_told(End end) {
  return end == End::completed || end == End::failed || end == End::denied || end == End::timed_out;
}

// What the run comes to if a call ended like this; nothing: the model goes on.
std::optional<EngineOutcome> outcome_of(const std::vector<Open>& calls) {
  const auto find = [&](End end) {
    return std::find_if(calls.begin(), calls.end(),
                        [end](const Open& one) { return one.outcome && one.outcome->end == end; });
  };
  if (find(End::stopped) != calls.end()) return EngineOutcome{.kind = EngineOutcome::Kind::stopped};
  if (const auto lost = find(End::interrupted); lost != calls.end()) {
    return EngineOutcome{
        .kind = EngineOutcome::Kind::failed,
        .code = "server_restarted",
        .message = "the server ended while " + lost->call->name +
                   " was being called; whether it had its effect is not known, and it must not be repeated"};
  }
  if (const auto limit = find(End::refused_by_limit); limit != calls.end()) {
    return EngineOutcome{
        .kind = EngineOutcome::Kind::incomplete, .code = "max_tool_calls", .message = limit->outcome->text};
  }
  if (find(End::awaiting_approval) != calls.end()) return EngineOutcome{.kind = EngineOutcome::Kind::requires_action};
  return std::nullopt;
}

Result<void> start(RunSession& session, std::vector<Open>& calls, std::string_view step, bool is_influenced) {
  for (Open& open : calls) {
    if (open.mistake) continue;
    Result<void> started = session.start_call({.key = open.key,
                                               .step_id = std::string(step),
                                               .tool = open.call->name,
                                               .arguments = std::move(open.arguments),
                                               .is_influenced = is_influenced,
                                               .may_retry = true,
                                               .max_attempts = kToolAttemptsMax});
    if (!started) return started;
  }
  return {};
}

void collect(RunSession& session, std::vector<Open>& calls) {
  auto missing = std::count_if(calls.begin(), calls.end(), [](const Open& one) { return !one.mistake; });
  while (missing > 0) {
    std::optional<CallOutcome> outcome = session.next_call();
    if (!outcome) return;
    const auto open =
        std::find_if(calls.begin(), calls.end(), [&](const Open& one) { return one.key == outcome->key; });
    if (open == calls.end() || open->outcome) continue;
    open->outcome = std::move(outcome);
    --missing;
  }
}

// What the model may have meant; which tools there are is in the text already.
std::string with_near_name(std::string text, std::string_view name, const std::vector<CallableTool>& tools) {
  std::vector<std::string> names;
  for (const CallableTool& tool : tools) {
    if (tool.name == name) return text;
    names.push_back(tool.name);
  }
  const std::string near = nearest(name, names);
  return near.empty() ? text : text + " Did you mean " + near + "?";
}

Said answer_to(const Open& open, const std::vector<CallableTool>& tools, Random& random) {
  Said said{.message = {.role = Role::tool, .call_id = open.call->id}};
  if (open.mistake) {
    said.message.text = "Failed (invalid_tool_arguments): " + open.mistake->message;
    said.message.is_error = true;
    return said;
  }
  said.message.text = answer_text(*open.outcome, open.call->name, random);
  said.message.is_error = open.outcome->end != End::completed;
  said.is_tainted = open.outcome->is_tainted;
  if (said.message.is_error) said.message.text = with_near_name(std::move(said.message.text), open.call->name, tools);
  return said;
}

}  // namespace

Result<Json> call_arguments(const ModelCall& call) {
  if (call.arguments_text.find_first_not_of(" \t\r\n") == std::string::npos) return Json::object();
  Result<Json> parsed = parse_json(call.arguments_text);
  const std::string expected = "; expected one JSON object that fits the input schema of " + call.name;
  if (!parsed) {
    return Error(ErrorCode::validation_failed, "the arguments are no JSON (" + parsed.error().message + ")" + expected);
  }
  if (parsed->is_null()) return Json::object();
  if (!parsed->is_object()) {
    return Error(ErrorCode::validation_failed,
                 "the arguments are of type " + std::string(json_type(*parsed)) + expected);
  }
  return parsed;
}

std::string answer_text(const CallOutcome& outcome, std::string_view tool, Random& random) {
  std::string text = content_of(outcome);
  if (outcome.is_tainted) text = spotlit(text, tool, random);
  if (outcome.end == End::completed) return text;
  std::string told(heading(outcome.end));
  if (!outcome.error_code.empty()) told.append(" (").append(outcome.error_code).append(")");
  return told.append(": ").append(text);
}

Result<std::optional<EngineOutcome>> make_calls(RunSession& session, Conversation& conversation,
                                                const std::vector<ModelCall>& calls, std::int64_t turn,
                                                Random& random) {
  std::size_t answered = 0;
  while (answered < calls.size() && conversation.next(Role::tool)) ++answered;
  const std::string step = "turn" + std::to_string(turn);
  std::vector<Open> open;
  for (std::size_t i = answered; i < calls.size(); ++i) {
    // A call is known by its id: of two with the same one, the first counts.
    const auto before = calls.begin() + static_cast<std::ptrdiff_t>(i);
    const bool is_repeated =
        std::any_of(calls.begin(), before, [&](const ModelCall& one) { return one.id == calls[i].id; });
    Result<Json> arguments =
        is_repeated ? Result<Json>(Error(ErrorCode::validation_failed,
                                         "Another call of this turn has the same id. Make this call again."))
                    : call_arguments(calls[i]);
    open.push_back({.call = &calls[i],
                    .key = step + "/" + calls[i].id,
                    .arguments = arguments ? std::move(*arguments) : Json(),
                    .mistake = arguments ? std::nullopt : std::optional<Error>(arguments.error())});
  }

  Result<void> started = start(session, open, step, session.is_tainted() || conversation.is_tainted());
  if (!started) return std::move(started).error();
  collect(session, open);
  if (std::optional<EngineOutcome> outcome = outcome_of(open)) return outcome;
  const bool is_all_told = std::all_of(open.begin(), open.end(), [](const Open& one) {
    return one.mistake || (one.outcome && is_told(one.outcome->end));
  });
  if (!is_all_told) return std::optional(EngineOutcome{.kind = EngineOutcome::Kind::stopped});

  const std::vector<CallableTool> tools = session.tools();
  for (const Open& one : open) {
    Result<void> added = conversation.add(session, answer_to(one, tools, random));
    if (!added) return std::move(added).error();
  }
  return std::optional<EngineOutcome>();
}

}  // namespace weir::tools::runs
