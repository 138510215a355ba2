// Whatever a provider sends, cut anywhere, is read the same; what comes of it is bounded, can be stored, and can be sent back.
// The first byte chooses the format: 'a' for the Messages API, anything else for chat completions.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "tools/models/anthropic_answer.h"
#include "tools/models/openai_answer.h"
#include "tools/models/stream_decoder.h"

namespace weir::tools::models {
namespace {

struct Read {
  Result<ModelTurn> turn{Error(ErrorCode::internal, "")};
  std::string text;
  std::string reasoning;
};

Read read_cut(std::string_view bytes, std::size_t piece, ProviderKind kind) {
  Read read;
  int minted = 0;
  AssemblerHooks hooks{.on_text = [&](std::string_view part) { read.text += part; },
                       .on_reasoning = [&](std::string_view part) { read.reasoning += part; },
                       .mint_call_id = [&] { return "minted_" + std::to_string(++minted); }};
  std::unique_ptr<TurnAssembler> assembler;
  if (kind == ProviderKind::anthropic_messages) {
    assembler = std::make_unique<AnthropicAnswer>(std::move(hooks));
  } else {
    assembler = std::make_unique<OpenAiAnswer>(std::move(hooks));
  }
  StreamDecoder decoder(std::move(assembler));
  while (!bytes.empty() && decoder.feed(bytes.substr(0, piece))) bytes.remove_prefix(std::min(piece, bytes.size()));
  read.turn = decoder.finish();
  return read;
}

bool are_equal(const Read& left, const Read& right) {
  if (left.text != right.text || left.reasoning != right.reasoning || left.turn.has_value() != right.turn.has_value()) {
    return false;
  }
  if (!left.turn)
    return left.turn.error().code == right.turn.error().code && left.turn.error().message == right.turn.error().message;
  return left.turn->stop == right.turn->stop && message_json(left.turn->message) == message_json(right.turn->message) &&
         left.turn->usage.input_tokens == right.turn->usage.input_tokens &&
         left.turn->usage.output_tokens == right.turn->usage.output_tokens;
}

void check_turn(const ModelTurn& turn, ProviderKind kind) {
  CHECK(turn.message.text.size() <= kAnswerBytesMax && turn.message.calls.size() <= 1'024, "an answer is bounded");
  for (const ModelCall& call : turn.message.calls) CHECK(!call.id.empty(), "every call has an id");
  const bool may_have_calls = turn.stop == ModelTurn::Stop::tool_calls || turn.stop == ModelTurn::Stop::paused;
  CHECK(turn.message.calls.empty() || may_have_calls, "a turn that was cut has no calls");
  const auto stored = message_from(message_json(turn.message));
  CHECK(stored.has_value() && message_json(*stored) == message_json(turn.message), "what is stored is read again");
  ProviderSettings settings;
  settings.kind = kind;
  ModelRequest request;
  request.messages = {*stored};
  CHECK(parse_json(to_text(message_json(*stored))).has_value(), "what is stored can be read");
  CHECK(parse_json(to_text(wire_format(settings)->body(request))).has_value(), "what came back can be sent back");
}

}  // namespace
}  // namespace weir::tools::models

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::tools::models;
  if (size == 0) return 0;
  const auto kind = data[0] == 'a' ? ProviderKind::anthropic_messages : ProviderKind::openai_chat;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  const Read whole = read_cut(bytes, bytes.size() + 1, kind);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    CHECK(are_equal(read_cut(bytes, piece, kind), whole), "the cuts must not matter");
  }
  if (whole.turn) check_turn(*whole.turn, kind);
  return 0;
}
