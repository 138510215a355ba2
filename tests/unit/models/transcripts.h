// The hand-written answers of tests/model_double/transcripts, and how a decoder reads them.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tools/models/anthropic_answer.h"
#include "tools/models/openai_answer.h"
#include "tools/models/stream_decoder.h"

namespace weir::tools::models {

// Name and body of each. Fails the test if the tree is not known.
inline std::vector<std::pair<std::string, std::string>> transcripts() {
  std::vector<std::pair<std::string, std::string>> all;
  const char* const root = std::getenv("WEIR_SOURCE_DIR");
  if (root == nullptr) {
    ADD_FAILURE() << "run by ctest, or set WEIR_SOURCE_DIR to the root of the tree";
    return all;
  }
  const auto folder = std::filesystem::path(root) / "tests/model_double/transcripts";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("openai_") && !name.starts_with("anthropic_")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    all.emplace_back(name, std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
  }
  return all;
}

inline std::string transcript(std::string_view name) {
  for (auto& [known, body] : transcripts()) {
    if (known == name) return body;
  }
  ADD_FAILURE() << "there is no transcript " << name;
  return "";
}

// What a decoder made of a body, and the pieces that it gave out, put together.
struct Read {
  Result<ModelTurn> turn{Error(ErrorCode::internal, "nothing was read")};
  std::string text;
  std::string reasoning;
};

inline Read read_pieces(std::string_view name, const std::vector<std::string_view>& pieces) {
  Read read;
  int minted = 0;
  AssemblerHooks hooks{.on_text = [&](std::string_view piece) { read.text += piece; },
                       .on_reasoning = [&](std::string_view piece) { read.reasoning += piece; },
                       .mint_call_id = [&] { return "minted_" + std::to_string(++minted); }};
  std::unique_ptr<TurnAssembler> assembler;
  if (name.starts_with("anthropic")) {
    assembler = std::make_unique<AnthropicAnswer>(std::move(hooks));
  } else {
    assembler = std::make_unique<OpenAiAnswer>(std::move(hooks));
  }
  StreamDecoder decoder(std::move(assembler));
  for (const std::string_view piece : pieces) {
    if (!decoder.feed(piece)) break;
  }
  read.turn = decoder.finish();
  return read;
}

inline Read read_whole(std::string_view name) {
  const std::string body = transcript(name);
  return read_pieces(name, {body});
}

// Everything that a caller can tell about it, so that two can be compared.
inline std::string described(const Read& read) {
  Json json = {{"text", read.text}, {"reasoning", read.reasoning}};
  if (!read.turn) {
    json["error"] = {std::string(to_string(read.turn.error().code)), read.turn.error().message};
    return to_text(json);
  }
  const auto count = [](const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(); };
  json["stop"] = static_cast<int>(read.turn->stop);
  json["message"] = message_json(read.turn->message);
  json["all_reasoning"] = read.turn->reasoning;
  json["usage"] = {count(read.turn->usage.input_tokens), count(read.turn->usage.output_tokens),
                   count(read.turn->usage.cached_input_tokens), count(read.turn->usage.reasoning_tokens)};
  return to_text(json);
}

}  // namespace weir::tools::models
