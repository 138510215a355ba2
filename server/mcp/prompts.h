// Prompts: ready-made instructions that a person picks in a host. Declared once in a table; two methods show it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/mcp/interaction.h"
#include "server/mcp/resources.h"
#include "tools/call_context.h"

namespace weir::mcp {

// Immutable once offered.
struct PromptArgument {
  std::string name;
  std::string description;
  bool is_required = false;
};

// Immutable once offered.
struct Prompt {
  std::string name;
  std::string title;
  std::string description;
  std::vector<PromptArgument> arguments;
  tools::Scope scope = tools::Scope::none;  // who may get it; others do not see it
  // Answers the interaction with a GetPromptResult. Its arguments are strings, the required ones are there.
  InteractionHandler handler;
  // Values for an argument; may be empty. Blocks for the database.
  std::function<Result<std::vector<std::string>>(const tools::CallContext&, const CompletionRequest&)> complete;
};

// Null if there is none.
const Prompt* find_prompt(const std::vector<Prompt>& prompts, std::string_view name);
// {"role": "user", "content": {"type": "text", ...}}
Json user_text(std::string text);

void handle_prompts_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_prompts_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
