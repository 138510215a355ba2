#include "tools/models/openai_answer.h"

#include <algorithm>
#include <set>

#include "tools/models/provider_errors.h"

namespace weir::tools::models {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<void> OpenAiAnswer::take(const streaming::SseEvent& event) {
  const std::string_view data = trimmed(event.data);
  if (data == "[DONE]") {
    is_done_ = true;
    return {};
  }
  if (data.empty()) return {};
  auto chunk = parse_answer(data);
  if (!chunk) return std::move(chunk).error();
  if (event.type == "error") return stated_error(*chunk);
  return take_chunk(*chunk);
}

Result<void> OpenAiAnswer::take_document(const Json& document) {
  if (auto taken = take_chunk(document); !taken) return taken;
  if (find_member(document, "choices") == nullptr) {
    return Error(ErrorCode::unavailable, "sent JSON without choices, which is no chat completion");
  }
  is_done_ = true;
  return {};
}

Result<void> OpenAiAnswer::take_chunk(const Json& chunk) {
  if (!chunk.is_object()) return Error(ErrorCode::unavailable, "sent a chunk that is not an object");
  if (const Json* error = find_member(chunk, "error"); error != nullptr && !error->is_null())
    return stated_error(chunk);
  if (string_or(chunk, "object", "") == "error") return stated_error(chunk);  // vLLM before 0.10
  if (const Json* usage = find_member(chunk, "usage"); usage != nullptr && usage->is_object()) take_usage(*usage);
  const Json* choices = find_member(chunk, "choices");
  // The chunk with the usage has no choices.
  if (choices == nullptr || !choices->is_array()) return {};
  for (const Json& choice : *choices) {
    if (integer_or(choice, "index", 0) != 0) continue;  // one answer was asked for
    const Json* message = find_member(choice, "delta");
    if (message == nullptr || !message->is_object()) message = find_member(choice, "message");
    if (message != nullptr && message->is_object()) {
      if (auto taken = take_message(*message); !taken) return taken;
    }
    if (const auto reason = string_member(choice, "finish_reason"); reason && !reason->empty())
      finish_reason_ = *reason;
  }
  return {};
}

Result<void> OpenAiAnswer::take_message(const Json& message) {
  // Ollama says `reasoning`, the others `reasoning_content`; those that say both say the same twice.
  auto reasoning = string_member(message, "reasoning_content");
  if (!reasoning || reasoning->empty()) reasoning = string_member(message, "reasoning");
  if (reasoning && !reasoning->empty()) {
    if (auto added = add_reasoning(*reasoning); !added) return added;
  }
  if (const Json* content = find_member(message, "content")) {
    if (auto taken = take_content(*content); !taken) return taken;
  }
  if (const auto refusal = string_member(message, "refusal"); refusal && !refusal->empty()) {
    if (refusal_.size() + refusal->size() > kAnswerBytesMax) return too_large_answer("a text");
    refusal_ += *refusal;
  }
  const Json* calls = find_member(message, "tool_calls");
  if (calls == nullptr || !calls->is_array()) return {};
  for (const Json& fragment : *calls) {
    if (auto taken = take_call(fragment); !taken) return taken;
  }
  return {};
}

// A text, or a list of parts as some gateways send it.
Result<void> OpenAiAnswer::take_content(const Json& content) {
  if (content.is_string()) return add_text(content.get_ref<const std::string&>());
  if (!content.is_array()) return {};
  for (const Json& part : content) {
    if (auto added = add_text(string_or(part, "text", "")); !added) return added;
  }
  return {};
}

Result<void> OpenAiAnswer::take_call(const Json& fragment) {
  if (!fragment.is_object()) return {};
  Call* call = call_of(fragment);
  if (call == nullptr) return too_large_answer("more tool calls than " + std::to_string(kCallsMax));
  const Json* function = find_member(fragment, "function");
  if (call->id.empty()) call->id = string_or(fragment, "id", "");
  if (function == nullptr) return {};
  if (call->name.empty()) call->name = string_or(*function, "name", "");
  const Json* arguments = find_member(*function, "arguments");
  if (arguments == nullptr || arguments->is_null()) return {};
  const std::string piece = arguments->is_string() ? arguments->get<std::string>() : to_text(*arguments);
  argument_bytes_ += piece.size();
  if (argument_bytes_ > kAnswerBytesMax) return too_large_answer("arguments");
  call->arguments += piece;
  return {};
}

// The call that a fragment belongs to, made if it is new. Null if there are too many.
OpenAiAnswer::Call* OpenAiAnswer::call_of(const Json& fragment) {
  const std::string id = string_or(fragment, "id", "");
  const Json* function = find_member(fragment, "function");
  const bool is_named = function != nullptr && !string_or(*function, "name", "").empty();
  const auto index = integer_member(fragment, "index");
  // Gateways that give every call the index 0, or none, tell them apart by their ids. A name alone repeats no call:
  // without an index, it begins one.
  const auto begins_another = [&](const Call& call) {
    return is_named && !call.name.empty() &&
           ((!id.empty() && !call.id.empty() && id != call.id) || (!index && id.empty()));
  };
  auto found = calls_.end();
  if (index) {
    const auto newest =
        std::find_if(calls_.rbegin(), calls_.rend(), [&](const Call& call) { return call.index == *index; });
    if (newest != calls_.rend()) found = std::prev(newest.base());
  } else if (!id.empty()) {
    found = std::ranges::find(calls_, id, &Call::id);
    if (found == calls_.end() && !is_named && !calls_.empty()) found = std::prev(calls_.end());
  } else if (!calls_.empty()) {
    found = std::prev(calls_.end());
  }
  if (found != calls_.end() && !begins_another(*found)) return &*found;
  if (calls_.size() >= kCallsMax) return nullptr;
  calls_.push_back({.index = index.value_or(-1), .id = {}, .name = {}, .arguments = {}});
  return &calls_.back();
}

void OpenAiAnswer::take_usage(const Json& usage) {
  const auto keep = [](std::optional<std::int64_t>& value, std::optional<std::int64_t> newer) {
    if (newer) value = newer;
  };
  keep(usage_.input_tokens, token_count(usage, "prompt_tokens"));
  keep(usage_.output_tokens, token_count(usage, "completion_tokens"));
  keep(usage_.cached_input_tokens, token_count(usage, "prompt_cache_hit_tokens"));
  if (const Json* details = find_member(usage, "prompt_tokens_details")) {
    keep(usage_.cached_input_tokens, token_count(*details, "cached_tokens"));
  }
  if (const Json* details = find_member(usage, "completion_tokens_details")) {
    keep(usage_.reasoning_tokens, token_count(*details, "reasoning_tokens"));
  }
}

Result<void> OpenAiAnswer::add_text(std::string_view piece) {
  if (piece.empty()) return {};
  if (text_.size() + piece.size() > kAnswerBytesMax) return too_large_answer("a text");
  text_ += piece;
  if (hooks_.on_text) hooks_.on_text(piece);
  return {};
}

Result<void> OpenAiAnswer::add_reasoning(std::string_view piece) {
  if (reasoning_.size() + piece.size() > kAnswerBytesMax) return too_large_answer("reasoning");
  reasoning_ += piece;
  if (hooks_.on_reasoning) hooks_.on_reasoning(piece);
  return {};
}

std::vector<ModelCall> OpenAiAnswer::take_calls() {
  std::vector<ModelCall> calls;
  std::set<std::string> ids;
  for (Call& call : calls_) {
    std::string id = std::move(call.id);
    // No id, or one that another call has: answers could not be told apart.
    if (id.empty() || ids.contains(id)) id = hooks_.mint_call_id();
    ids.insert(id);
    calls.push_back({std::move(id), std::move(call.name), call.arguments.empty() ? "{}" : std::move(call.arguments)});
  }
  return calls;
}

Result<ModelTurn> OpenAiAnswer::finish() {
  if (!is_done_ && finish_reason_.empty()) {
    return Error(ErrorCode::unavailable, "closed the connection in the middle of its answer");
  }
  if (finish_reason_ == "error") return Error(ErrorCode::unavailable, "ended its answer with an error");
  ModelTurn turn;
  turn.message.role = ModelMessage::Role::assistant;
  turn.message.text = std::move(text_);
  turn.reasoning = std::move(reasoning_);
  turn.usage = usage_;
  if (finish_reason_ == "content_filter" || !refusal_.empty()) {
    turn.stop = ModelTurn::Stop::refusal;
    if (turn.message.text.empty()) turn.message.text = std::move(refusal_);
  } else if (finish_reason_ == "length" || finish_reason_ == "max_tokens") {
    // Calls of an answer that was cut may be cut themselves: none is made.
    turn.stop = ModelTurn::Stop::max_tokens;
  } else if (!calls_.empty()) {
    // Whatever the reason says: several servers say `stop` although there are calls.
    turn.stop = ModelTurn::Stop::tool_calls;
    turn.message.calls = take_calls();
  }
  return turn;
}

}  // namespace weir::tools::models
