#include "tools/models/anthropic_answer.h"

#include <algorithm>

#include "tools/models/anthropic_messages.h"
#include "tools/models/provider_errors.h"

namespace weir::tools::models {
namespace {

// Blocks of any kind; an answer has a handful.
constexpr std::size_t kBlocksMax = 1'024;

}  // namespace

Result<void> AnthropicAnswer::take(const streaming::SseEvent& event) {
  if (event.data.empty() || event.data == "[DONE]") return {};
  auto parsed = parse_answer(event.data);
  if (!parsed) return std::move(parsed).error();
  if (!parsed->is_object()) return Error(ErrorCode::unavailable, "sent an event that is not an object");
  // The kind is in the data; servers that only name it on the event's own line are understood, too.
  if (find_member(*parsed, "type") == nullptr) (*parsed)["type"] = event.type;
  return take_event(*parsed);
}

Result<void> AnthropicAnswer::take_event(const Json& event) {
  const std::string type = string_or(event, "type", "");
  const std::int64_t index = integer_or(event, "index", 0);
  if (type == "error") return stated_error(event);
  if (type == "message_stop") {
    is_done_ = true;
  } else if (type == "message_start") {
    const Json* message = find_member(event, "message");
    const Json* usage = message == nullptr ? nullptr : find_member(*message, "usage");
    if (usage != nullptr) take_usage(*usage);
  } else if (type == "content_block_start") {
    if (const Json* block = find_member(event, "content_block"); block != nullptr && block->is_object()) {
      return start_block(index, *block);
    }
  } else if (type == "content_block_delta") {
    if (const Json* delta = find_member(event, "delta"); delta != nullptr) return take_delta(index, *delta);
  } else if (type == "message_delta") {
    if (const Json* delta = find_member(event, "delta"); delta != nullptr) {
      if (auto reason = string_member(*delta, "stop_reason")) stop_reason_ = std::move(reason);
    }
    if (const Json* usage = find_member(event, "usage")) take_usage(*usage);
  }
  return {};
}

Result<void> AnthropicAnswer::take_document(const Json& document) {
  if (string_or(document, "type", "") == "error" || document.contains("error")) return stated_error(document);
  const Json* content = find_member(document, "content");
  if (content == nullptr || !content->is_array()) {
    return Error(ErrorCode::unavailable, "sent JSON without content, which is no message");
  }
  std::int64_t index = 0;
  for (const Json& block : *content) {
    if (!block.is_object()) continue;
    if (auto started = start_block(index++, block); !started) return started;
  }
  stop_reason_ = string_member(document, "stop_reason");
  if (const Json* usage = find_member(document, "usage")) take_usage(*usage);
  is_done_ = true;
  return {};
}

Result<void> AnthropicAnswer::start_block(std::int64_t index, const Json& block) {
  if (blocks_.size() >= kBlocksMax) return too_large_answer("more blocks than " + std::to_string(kBlocksMax));
  bytes_ += to_text(block).size();
  if (bytes_ > kAnswerBytesMax) return too_large_answer("a block");
  blocks_.push_back({.index = index, .value = block, .input_text = {}});
  // A block may begin with its first piece.
  const std::string type = string_or(block, "type", "");
  const std::string text = string_or(block, type == "thinking" ? "thinking" : "text", "");
  if (type == "text" && !text.empty() && hooks_.on_text) hooks_.on_text(text);
  if (type == "thinking" && !text.empty() && hooks_.on_reasoning) hooks_.on_reasoning(text);
  return {};
}

Result<void> AnthropicAnswer::append(Json& block, const char* member, std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > kAnswerBytesMax) return too_large_answer("a text");
  Json& value = block[member];
  if (!value.is_string()) value = "";
  value.get_ref<std::string&>() += piece;
  return {};
}

// The block that a piece belongs to. Text and thinking may begin without being announced; anything else would lack its name.
Result<AnthropicAnswer::Block*> AnthropicAnswer::block_of(std::int64_t index, const Json& delta) {
  const auto newest =
      std::find_if(blocks_.rbegin(), blocks_.rend(), [&](const Block& block) { return block.index == index; });
  if (newest != blocks_.rend()) return &*newest;
  const std::string type = string_or(delta, "type", "");
  if (type != "text_delta" && type != "thinking_delta") {
    return Error(ErrorCode::unavailable, "continued a block that it had not begun");
  }
  const char* const kind = type == "text_delta" ? "text" : "thinking";
  if (auto started = start_block(index, {{"type", kind}, {kind, ""}}); !started) return std::move(started).error();
  return &blocks_.back();
}

Result<void> AnthropicAnswer::take_delta(std::int64_t index, const Json& delta) {
  auto found = block_of(index, delta);
  if (!found) return std::move(found).error();
  Block& block = **found;
  const std::string type = string_or(delta, "type", "");
  if (type == "text_delta") {
    const std::string piece = string_or(delta, "text", "");
    if (auto done = append(block.value, "text", piece); !done) return done;
    if (!piece.empty() && hooks_.on_text) hooks_.on_text(piece);
  } else if (type == "thinking_delta") {
    const std::string piece = string_or(delta, "thinking", "");
    if (auto done = append(block.value, "thinking", piece); !done) return done;
    if (!piece.empty() && hooks_.on_reasoning) hooks_.on_reasoning(piece);
  } else if (type == "signature_delta") {
    return append(block.value, "signature", string_or(delta, "signature", ""));
  } else if (type == "input_json_delta") {
    const std::string piece = string_or(delta, "partial_json", "");
    bytes_ += piece.size();
    if (bytes_ > kAnswerBytesMax) return too_large_answer("arguments");
    block.input_text += piece;
  } else if (type == "citations_delta" && delta.contains("citation")) {
    Json& citations = block.value["citations"];
    if (!citations.is_array()) citations = Json::array();
    citations.push_back(delta["citation"]);
    bytes_ += to_text(delta).size();
    if (bytes_ > kAnswerBytesMax) return too_large_answer("citations");
  }
  return {};
}

// Counts are cumulative: the newest one counts.
void AnthropicAnswer::take_usage(const Json& usage) {
  const auto keep = [&](std::optional<std::int64_t>& value, const char* name) {
    if (const auto newer = token_count(usage, name)) value = newer;
  };
  keep(fresh_input_, "input_tokens");
  keep(written_input_, "cache_creation_input_tokens");
  keep(cached_input_, "cache_read_input_tokens");
  keep(output_, "output_tokens");
}

ModelTurn::Stop AnthropicAnswer::stop() const {
  using Stop = ModelTurn::Stop;
  const std::string reason = stop_reason_.value_or("end_turn");
  if (reason == "max_tokens") return Stop::max_tokens;
  if (reason == "refusal") return Stop::refusal;
  if (reason == "model_context_window_exceeded") return Stop::context_window;
  if (reason == "pause_turn") return Stop::paused;
  return Stop::end;  // end_turn, stop_sequence, tool_use; calls decide
}

void AnthropicAnswer::end_block(Block& block, ModelTurn& turn, Json& content) {
  const std::string type = string_or(block.value, "type", "");
  if (type == "text") {
    const std::string text = string_or(block.value, "text", "");
    if (text.empty()) return;  // refused when it is sent back
    turn.message.text += text;
  } else if (type == "thinking") {
    turn.reasoning += string_or(block.value, "thinking", "");
  } else if (type == "tool_use" || type == "server_tool_use") {
    if (!block.input_text.empty()) block.value["input"] = arguments_object(block.input_text);
    if (!block.value.contains("input") || !block.value["input"].is_object()) block.value["input"] = Json::object();
  }
  if (type == "tool_use") {
    const bool is_taken = std::ranges::any_of(
        turn.message.calls, [&](const ModelCall& call) { return call.id == string_or(block.value, "id", ""); });
    if (is_taken || string_or(block.value, "id", "").empty()) block.value["id"] = hooks_.mint_call_id();
    turn.message.calls.push_back({block.value["id"].get<std::string>(), string_or(block.value, "name", ""),
                                  block.input_text.empty() ? to_text(block.value["input"]) : block.input_text});
    block.value["name"] = sendable_name(string_or(block.value, "name", ""));
  }
  content.push_back(std::move(block.value));
}

Result<ModelTurn> AnthropicAnswer::finish() {
  if (!is_done_ && !stop_reason_)
    return Error(ErrorCode::unavailable, "closed the connection in the middle of its answer");
  ModelTurn turn;
  turn.message.role = ModelMessage::Role::assistant;
  turn.stop = stop();
  // Of an answer that was cut or withheld no call is made; it may be cut itself.
  const bool has_calls = turn.stop == ModelTurn::Stop::end || turn.stop == ModelTurn::Stop::paused;
  Json content = Json::array();
  for (Block& block : blocks_) {
    if (!has_calls && string_or(block.value, "type", "") == "tool_use") continue;
    end_block(block, turn, content);
  }
  if (turn.stop == ModelTurn::Stop::end && !turn.message.calls.empty()) turn.stop = ModelTurn::Stop::tool_calls;
  // What text and calls do not say has to be kept as it is.
  const bool is_plain = std::ranges::all_of(content, [](const Json& block) {
    const std::string type = string_or(block, "type", "");
    return type == "text" || type == "tool_use";
  });
  if (!is_plain || turn.stop == ModelTurn::Stop::paused) {
    turn.message.opaque = {{"format", kAnthropicFormat}, {"content", std::move(content)}};
  }
  if (fresh_input_ || cached_input_ || written_input_) {
    turn.usage.input_tokens = fresh_input_.value_or(0) + cached_input_.value_or(0) + written_input_.value_or(0);
  }
  turn.usage.cached_input_tokens = cached_input_;
  turn.usage.output_tokens = output_;
  return turn;
}

}  // namespace weir::tools::models
