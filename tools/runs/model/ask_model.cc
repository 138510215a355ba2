#include "tools/runs/model/ask_model.h"

#include <algorithm>
#include <utility>

namespace weir::tools::runs {
namespace {

using models::ModelTurn;
using models::TurnAttempt;
using std::chrono::milliseconds;

std::string in_seconds(milliseconds delay) {
  const auto tenths = (delay.count() + 99) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

bool is_passing(ErrorCode code) { return code == ErrorCode::unavailable || code == ErrorCode::timed_out; }

// One request to the provider with its tries; what the callbacks could not write is remembered and ends it.
class Request {
 public:
  Request(RunSession& session, const ModelSeat& seat, std::int64_t turn)
      : session_(session), seat_(seat), turn_(turn), started_at_(session.clock().now()) {}

  Result<ModelTurn> complete(const models::ModelRequest& request) {
    const std::stop_callback forward(session_.stop_token(), [this] { given_up_.request_stop(); });
    const models::TurnCallbacks callbacks{
        .on_text = [this](std::string_view piece) { add(RunSession::DeltaKind::text, piece); },
        .on_reasoning = [this](std::string_view piece) { add(RunSession::DeltaKind::reasoning, piece); },
        .on_retry = [this](const TurnAttempt& attempt, milliseconds delay) { return tell_retry(attempt, delay); }};
    const milliseconds timeout = std::min<milliseconds>(session_.limits().wall, kTurnTimeMax);
    Result<ModelTurn> turn = seat_.provider.complete(request, callbacks, timeout, given_up_.get_token());
    if (!failure_) {
      if (turn) {
        note(session_.add_attempt("model", tries_, "ok", label(""), started_at_));
      } else if (turn.error().code != ErrorCode::cancelled) {
        note(session_.add_attempt("model", tries_, to_string(turn.error().code), label(turn.error().message),
                                  started_at_));
      }
    }
    return turn;
  }

  [[nodiscard]] bool has_given_pieces() const { return has_begun_; }
  [[nodiscard]] std::int64_t tries() const { return tries_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  // For turns without a text: a message that is recorded has begun.
  void begin() {
    if (!has_begun_) note(session_.begin_message());
    has_begun_ = true;
  }

 private:
  void note(Result<void> written) {
    if (written || failure_) return;
    failure_ = std::move(written).error();
    given_up_.request_stop();
  }

  void add(RunSession::DeltaKind kind, std::string_view piece) {
    if (piece.empty() || failure_) return;
    begin();
    if (!failure_) note(session_.add_delta(kind, piece));
  }

  bool tell_retry(const TurnAttempt& attempt, milliseconds delay) {
    if (failure_ || session_.should_stop()) return false;
    note(session_.add_attempt("model", attempt.n, attempt.outcome, label(attempt.detail), started_at_));
    const bool is_limit = attempt.outcome == to_string(ErrorCode::rate_limit_exceeded);
    if (!failure_) {
      note(session_.warn(is_limit ? "model_rate_limited" : "model_retry",
                         "provider " + seat_.provider_name + ", try " + std::to_string(attempt.n) + ": " +
                             attempt.outcome + (attempt.detail.empty() ? "" : " (" + attempt.detail + ")") +
                             "; trying again in " + in_seconds(delay)));
    }
    tries_ = attempt.n + 1;
    started_at_ = session_.clock().now() + delay;
    return !failure_;
  }

  [[nodiscard]] std::string label(std::string_view detail) const {
    std::string text = "turn " + std::to_string(turn_);
    if (!detail.empty()) text.append(": ").append(detail);
    return text;
  }

  RunSession& session_;
  const ModelSeat& seat_;
  std::int64_t turn_;
  UnixMillis started_at_;
  std::int64_t tries_ = 1;
  bool has_begun_ = false;
  std::optional<Error> failure_;
  std::stop_source given_up_;
};

Result<std::string> count(RunSession& session, const ModelSeat& seat, const std::string& model,
                          const models::ModelUsage& usage, std::int64_t requests) {
  Result<std::optional<std::string>> used_up =
      session.add_usage({.input_tokens = usage.input_tokens,
                         .output_tokens = usage.output_tokens,
                         .cached_input_tokens = usage.cached_input_tokens,
                         .reasoning_tokens = usage.reasoning_tokens,
                         .cost_microusd = seat.providers.cost_microusd(seat.provider_name, model, usage),
                         .requests = requests});
  if (!used_up) return std::move(used_up).error();
  return used_up->value_or("");
}

}  // namespace

Result<Asked> ask_model(RunSession& session, const ModelSeat& seat, const models::ModelRequest& request,
                        std::int64_t turn) {
  for (std::int64_t round = 1;; ++round) {
    Request once(session, seat, turn);
    Result<ModelTurn> answer = once.complete(request);
    if (once.failure()) return *once.failure();
    if (answer) {
      once.begin();
      if (once.failure()) return *once.failure();
      Result<std::string> used_up = count(session, seat, request.model, answer->usage, once.tries());
      if (!used_up) return std::move(used_up).error();
      return Asked{.turn = std::move(*answer), .used_up = std::move(*used_up)};
    }
    if (answer.error().code == ErrorCode::cancelled || session.should_stop()) return Asked{};

    // What a turn that broke off has cost is not known, and said so; one that was never begun costs nothing.
    const models::ModelUsage none{
        .input_tokens = 0, .output_tokens = 0, .cached_input_tokens = 0, .reasoning_tokens = 0};
    const bool is_broken_off = once.has_given_pieces();
    Result<std::string> used_up =
        count(session, seat, request.model, is_broken_off ? models::ModelUsage{} : none, once.tries());
    if (!used_up) return std::move(used_up).error();
    if (!is_broken_off || !is_passing(answer.error().code) || round == kBrokenTurnsMax) {
      return Asked{.failure = std::move(answer).error()};
    }
    const milliseconds pause{seat.random.below(static_cast<std::uint64_t>(kBrokenTurnPause.count()) << (round - 1)) +
                             1};
    Result<void> told =
        session.warn("model_turn_broken", "provider " + seat.provider_name + ": " + answer.error().message +
                                              "; the turn is asked again in " + in_seconds(pause));
    if (!told) return std::move(told).error();
    if (!session.wait(pause)) return Asked{};
  }
}

}  // namespace weir::tools::runs
