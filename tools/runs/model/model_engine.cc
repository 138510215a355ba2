#include "tools/runs/model/model_engine.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "tools/runs/model/ask_model.h"
#include "tools/runs/model/conversation.h"
#include "tools/runs/model/final_answer.h"
#include "tools/runs/model/prompt.h"
#include "tools/runs/model/turn_calls.h"

namespace weir::tools::runs {
namespace {

using models::ModelTurn;
using Kind = EngineOutcome::Kind;
using Role = models::ModelMessage::Role;
using Stop = models::ModelTurn::Stop;

EngineOutcome failed(std::string code, std::string message) {
  return {.kind = Kind::failed, .code = std::move(code), .message = std::move(message)};
}

EngineOutcome incomplete(std::string reason, std::string message, const std::string& text) {
  return {.kind = Kind::incomplete,
          .output = text.empty() ? Json() : Json(text),
          .code = std::move(reason),
          .message = std::move(message)};
}

// Two calls of one turn must not share an id, or their answers could not be told apart. Blocks that must go back
// unchanged hold the ids, too, and their providers keep them apart.
void separate_ids(models::ModelMessage& message, Random& random) {
  if (!message.opaque.is_null()) return;
  std::set<std::string> seen;
  for (models::ModelCall& call : message.calls) {
    while (call.id.empty() || !seen.insert(call.id).second) call.id = "call_" + random.base62(16);
  }
}

// One execution of one run.
class Execution {
 public:
  Execution(RunSession& session, const models::ModelProviders& providers, Random& random)
      : session_(session), providers_(providers), random_(random) {}

  Result<EngineOutcome> run() {
    Result<Conversation> loaded = Conversation::load(session_);
    if (!loaded) return std::move(loaded).error();
    Conversation conversation = std::move(*loaded);
    if (!conversation.next(Role::user)) {
      Result<void> added =
          conversation.add(session_, {.message = {.role = Role::user, .text = input_text(session_.run().input)}});
      if (!added) return std::move(added).error();
    }
    for (std::int64_t turn = 1; turn <= session_.limits().max_steps; ++turn) {
      if (session_.should_stop()) return EngineOutcome{.kind = Kind::stopped};
      Result<std::optional<EngineOutcome>> ended = take_turn(conversation, turn);
      if (!ended) return std::move(ended).error();
      if (*ended) return std::move(**ended);
    }
    return incomplete("max_steps",
                      "the model has had " + std::to_string(session_.limits().max_steps) +
                          " turns, as many as the run may have (max_steps), and was not done",
                      text_);
  }

 private:
  using Ended = std::optional<EngineOutcome>;

  // How the run ended with this turn; nothing: the model has another one.
  Result<Ended> take_turn(Conversation& conversation, std::int64_t turn) {
    const std::string step = "turn" + std::to_string(turn);
    Result<std::optional<StepEnd>> begun = session_.begin_step(step, kStepTool);
    if (!begun) return std::move(begun).error();
    std::optional<Said> said = conversation.next(Role::assistant);
    if (!said) {
      Result<Asked> asked = ask(conversation, turn);
      if (!asked) return std::move(asked).error();
      if (asked->failure) return failed_turn(step, *asked->failure);
      if (!asked->turn) return Ended{EngineOutcome{.kind = Kind::stopped}};
      said = Said{.message = std::move(asked->turn->message), .stop = asked->turn->stop, .used_up = asked->used_up};
      said->message.role = Role::assistant;
      separate_ids(said->message, random_);
      Result<void> added = conversation.add(session_, *said);
      if (!added) return std::move(added).error();
    }
    if (!said->message.text.empty()) text_ = said->message.text;
    Result<Ended> ended = settle(conversation, *said, turn);
    const bool goes_on_later =
        ended && *ended && ((**ended).kind == Kind::stopped || (**ended).kind == Kind::requires_action);
    if (!ended || *begun || goes_on_later) return ended;
    Result<void> finished = session_.end_step(step, step_end(*ended));
    if (!finished) return std::move(finished).error();
    return ended;
  }

  Result<Asked> ask(const Conversation& conversation, std::int64_t turn) {
    const agents::ModelUse& use = session_.agent().model;
    if (!provider_) {
      Result<std::unique_ptr<models::ModelProvider>> opened = providers_.open(use.provider);
      if (!opened) return Asked{.failure = std::move(opened).error()};
      provider_ = std::move(*opened);
    }
    const std::vector<CallableTool> tools = session_.tools();
    models::ModelRequest request{.model = model_name(),
                                 .instructions = instructions_text(session_.agent(), tools),
                                 .messages = conversation.to_send(),
                                 .tools = model_tools(tools),
                                 .temperature = use.temperature};
    if (const auto& most = session_.limits().max_output_tokens)
      request.max_output_tokens = std::max<std::int64_t>(*most, 1);
    const ModelSeat seat{
        .providers = providers_, .provider = *provider_, .provider_name = use.provider, .random = random_};
    return ask_model(session_, seat, request, turn);
  }

  [[nodiscard]] std::string model_name() const {
    const agents::ModelUse& use = session_.agent().model;
    if (!use.model.empty()) return use.model;
    for (const auto& info : providers_.list()) {
      if (info.name == use.provider) return info.model;
    }
    return "";
  }

  // What follows from what the model said.
  Result<Ended> settle(Conversation& conversation, const Said& said, std::int64_t turn) {
    const std::string& text = said.message.text;
    switch (said.stop) {
      case Stop::refusal: return Ended{incomplete("model_refusal", "the model refused to go on", text)};
      case Stop::max_tokens:
        return Ended{
            incomplete("max_tokens", "the model's answer was cut: it may write no more tokens in one turn", text)};
      case Stop::context_window:
        return Ended{incomplete("context_window", "the conversation is longer than the model can read", text)};
      case Stop::end:
      case Stop::tool_calls:
      case Stop::paused: break;
    }
    const bool is_last = said.message.calls.empty() && said.stop != Stop::paused;
    if (is_last) return finish(conversation, text);
    if (!said.used_up.empty()) {
      return Ended{incomplete(said.used_up, "the run has used up what it may use (" + said.used_up + ")", text)};
    }
    if (said.message.calls.empty()) return Ended{};
    const auto& calls = said.message.calls;
    const bool is_invalid =
        std::any_of(calls.begin(), calls.end(), [](const auto& call) { return !call_arguments(call); });
    argument_repairs_ = is_invalid ? argument_repairs_ + 1 : 0;
    if (argument_repairs_ > kArgumentRepairsMax) {
      return Ended{failed("invalid_tool_arguments", "the model wrote tool arguments that are no JSON object in " +
                                                        std::to_string(argument_repairs_) + " turns in a row")};
    }
    Result<Ended> ended = make_calls(session_, conversation, calls, turn, random_);
    if (ended && *ended && (**ended).kind == Kind::incomplete && !text_.empty()) (**ended).output = text_;
    return ended;
  }

  Result<Ended> finish(Conversation& conversation, const std::string& text) {
    Result<Json> answer = final_answer(text, session_.agent().output_schema);
    if (answer) return Ended{EngineOutcome{.kind = Kind::completed, .output = std::move(*answer)}};
    if (++output_repairs_ > kOutputRepairsMax) {
      EngineOutcome outcome = failed("output_invalid", answer.error().message);
      outcome.output = text.empty() ? Json() : Json(text);
      return Ended{std::move(outcome)};
    }
    if (!conversation.next(Role::user)) {
      Result<void> added = conversation.add(session_, {.message = {.role = Role::user,
                                                                   .text = "Not accepted: " + answer.error().message +
                                                                           " Answer again, with nothing else."}});
      if (!added) return std::move(added).error();
    }
    return Ended{};
  }

  Result<Ended> failed_turn(const std::string& step, const Error& failure) {
    EngineOutcome outcome = failed(std::string(to_string(failure.code)), failure.message);
    Result<void> ended = session_.end_step(step, step_end(outcome));
    if (!ended) return std::move(ended).error();
    return Ended{std::move(outcome)};
  }

  [[nodiscard]] static StepEnd step_end(const Ended& ended) {
    if (!ended || ended->kind != Kind::failed) return {};
    return {.status = StepEnd::Status::failed, .error = {{"code", ended->code}, {"message", ended->message}}};
  }

  // Turns are steps of no tool of their own.
  static constexpr std::string_view kStepTool = "";

  RunSession& session_;
  const models::ModelProviders& providers_;
  Random& random_;
  std::unique_ptr<models::ModelProvider> provider_;
  std::string text_;                   // the last that the model said
  std::int64_t argument_repairs_ = 0;  // turns in a row
  std::int64_t output_repairs_ = 0;
};

}  // namespace

Engine model_engine(const models::ModelProviders& providers, Random& random) {
  return [&providers, &random](RunSession& session) { return Execution(session, providers, random).run(); };
}

}  // namespace weir::tools::runs
