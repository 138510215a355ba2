#include "streaming/webhook_attempt.h"

#include <algorithm>

#include "base/log.h"

namespace weir::streaming {
namespace {

using std::chrono::milliseconds;

bool is_success(int status) { return status >= 200 && status <= 299; }

// What a receiver wrote, as text that every database and JSON can hold: invalid UTF-8 is replaced, zeros are dropped.
std::string as_text(const std::string& bytes) {
  if (bytes.empty()) return bytes;
  auto clean = parse_json(to_text(Json(bytes)));
  std::string text = clean && clean->is_string() ? clean->get<std::string>() : std::string();
  std::erase(text, '\0');
  return text;
}

std::string head_of(const egress::HttpResponse& answer) {
  std::string head = "HTTP/" + answer.http_version + " " + std::to_string(answer.status);
  for (const auto& [name, value] : answer.headers) head += "\n" + name + ": " + value;
  return as_text(head);
}

std::string problem_with(const egress::HttpResponse& answer) {
  std::string problem = "answered " + std::to_string(answer.status);
  if (answer.status >= 300 && answer.status <= 399) {
    problem += ", a redirect; none is followed, so give the webhook the URL where it ends";
    if (const auto location = answer.header("Location")) problem += " (" + printable(*location, 200) + ")";
  } else if (answer.status == 410) {
    problem += ": the endpoint is gone and was disabled";
  }
  return problem;
}

std::optional<milliseconds> asked_pause(const Result<egress::HttpResponse>& answer, UnixMillis now) {
  if (!answer || (answer->status != 429 && answer->status != 503)) return std::nullopt;
  const auto header = answer->header("Retry-After");
  return header ? parse_retry_after(*header, now) : std::nullopt;
}

}  // namespace

JudgedAttempt judge_attempt(const WebhookSettings& settings, store::DeliveryRow delivery,
                            const Result<egress::HttpResponse>& answer, AttemptTimes times,
                            store::WebhookHealth& health, Random& random) {
  JudgedAttempt judged;
  store::AttemptRow& attempt = judged.outcome.attempt;
  ++delivery.attempts;
  ++delivery.round_attempts;
  attempt.position = delivery.attempts;
  attempt.started_at = times.started_at;
  attempt.duration_ms = std::max<std::int64_t>(0, (times.now - times.started_at).count());
  delivery.last_status.reset();
  if (answer) {
    attempt.status = answer->status;
    attempt.response_head = head_of(*answer);
    attempt.response_body = as_text(answer->body);
    delivery.last_status = answer->status;
    if (!is_success(answer->status)) attempt.error = problem_with(*answer);
  } else {
    attempt.error = answer.error().message;
  }
  delivery.last_error = attempt.error;
  delivery.due_at.reset();
  delivery.finished_at = times.now;

  if (attempt.error.empty()) {
    delivery.state = "delivered";
    count_success(health, times.now);
    judged.outcome.delivery = std::move(delivery);
    return judged;
  }

  const std::optional<milliseconds> pause = asked_pause(answer, times.now);
  const bool is_test = delivery.cause == "test";
  std::optional<milliseconds> delay = retry_delay(settings.retry, delivery.round_attempts, random);
  const milliseconds next =
      delay.value_or(settings.retry.delays.empty() ? milliseconds{0} : settings.retry.delays.back());
  count_failure(health, settings.retry, times.now, pause ? std::optional<UnixMillis>(times.now + *pause) : std::nullopt,
                times.now + next);
  if (delay && pause) delay = *pause;
  if (answer && answer->status == 410) {
    judged.disable_reason = "gone";
  } else if (is_given_up(health, settings.retry, times.now)) {
    judged.disable_reason = "failing";
  }
  delivery.state = "failed";
  if (delay && !is_test && judged.disable_reason.empty()) {
    delivery.state = "pending";
    delivery.due_at = times.now + *delay;
    delivery.finished_at.reset();
  }
  judged.outcome.delivery = std::move(delivery);
  return judged;
}

}  // namespace weir::streaming
