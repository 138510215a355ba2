#include "tools/models/http_provider.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "tools/models/provider_errors.h"
#include "tools/models/stream_decoder.h"

namespace weir::tools::models {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kConnectTimeout{10'000};
// Of what is not 2xx: the provider's words are at its beginning.
constexpr std::size_t kErrorBytesMax = 64 * 1024;
// Of a list of models; gateways list some thousand.
constexpr std::size_t kListBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kListedModelsMax = 10'000;

// False if `stop` came first.
bool wait_for(milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

bool passes(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::rate_limit_exceeded;
}

void add(std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& more) {
  if (more) sum = sum.value_or(0) + *more;
}

// Two halves of a turn that was paused as one.
void append(ModelTurn& whole, ModelTurn part) {
  whole.stop = part.stop;
  whole.message.text += part.message.text;
  whole.reasoning += part.reasoning;
  add(whole.usage.input_tokens, part.usage.input_tokens);
  add(whole.usage.output_tokens, part.usage.output_tokens);
  add(whole.usage.cached_input_tokens, part.usage.cached_input_tokens);
  add(whole.usage.reasoning_tokens, part.usage.reasoning_tokens);
  const Json* more = find_member(part.message.opaque, "content");
  if (more != nullptr) {
    for (const Json& block : *more) whole.message.opaque["content"].push_back(block);
  } else {
    if (!part.message.text.empty()) {
      whole.message.opaque["content"].push_back({{"type", "text"}, {"text", part.message.text}});
    }
    for (const ModelCall& call : part.message.calls) {
      whole.message.opaque["content"].push_back({{"type", "tool_use"},
                                                 {"id", call.id},
                                                 {"name", call.name},
                                                 {"input", arguments_object(call.arguments_text)}});
    }
  }
  for (ModelCall& call : part.message.calls) whole.message.calls.push_back(std::move(call));
}

}  // namespace

std::optional<milliseconds> retry_delay(const RetrySettings& settings, std::int64_t n,
                                        std::optional<milliseconds> asked, Random& random) {
  if (asked && *asked > settings.asked_most) return std::nullopt;
  milliseconds most = settings.base;
  for (std::int64_t i = 1; i < n && most < settings.most; ++i) most *= 2;
  most = std::min(most, settings.most);
  const milliseconds jitter{random.below(static_cast<std::uint64_t>(most.count()) + 1)};
  return std::max(jitter, asked.value_or(milliseconds{0}));
}

// How one try ended. Not thread-safe: a value.
struct HttpProvider::Try {
  Result<ModelTurn> turn;
  bool has_given_out = false;  // pieces that cannot be taken back
};

HttpProvider::HttpProvider(const Parts& parts, std::string key, RetrySettings retry)
    : parts_(parts),
      key_(std::move(key)),
      retry_(retry),
      format_(wire_format(parts.settings)),
      client_(parts.policy, parts.resolver, std::string("Weir/") + WEIR_VERSION) {}

egress::HttpRequest HttpProvider::request_to(std::string_view path, milliseconds timeout) const {
  egress::HttpRequest request;
  request.url = parts_.settings.endpoint(path);
  request.headers = format_->headers(key_);
  for (const auto& header : parts_.settings.headers) request.headers.push_back(header);
  request.connect_timeout = std::min(kConnectTimeout, timeout);
  request.timeout = timeout;
  request.ca_file = parts_.settings.ca_file;
  return request;
}

// Errors name the provider, and never its key.
Error HttpProvider::told(Error error) const {
  const std::string who =
      "The model provider \"" + parts_.name + "\" (" + printable(parts_.settings.base_url.origin()) + ") ";
  error.message = without_key(who + error.message, key_);
  error.cause = without_key(error.cause, key_);
  return error;
}

Error HttpProvider::unreachable(const Error& error, milliseconds allowed, milliseconds taken) const {
  std::string text = "could not be asked: " + error.message + ".";
  switch (error.code) {
    case ErrorCode::cancelled: return {ErrorCode::cancelled, "was not waited for: the run was stopped"};
    case ErrorCode::timed_out:
      // Before its time is over only the connection can have timed out, which is worth another try.
      if (taken + milliseconds{50} < allowed) return Error(ErrorCode::unavailable, text).because(error.cause);
      return Error(ErrorCode::timed_out,
                   "did not end its answer within " + std::to_string(allowed.count()) + " ms: " + error.message + ".")
          .because(error.cause);
    case ErrorCode::unavailable:
      if (text.find("nothing listens") != std::string::npos) text += " Is it started, and is base_url right?";
      return Error(ErrorCode::unavailable, text).because(error.cause);
    default: return Error(ErrorCode::validation_failed, text).because(error.cause);
  }
}

HttpProvider::Try HttpProvider::attempt(const ModelRequest& request, const TurnCallbacks& callbacks, TimePoint deadline,
                                        const std::stop_token& stop) {
  const auto start = steady_clock::now();
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - start);
  if (left <= milliseconds{0}) return {Error(ErrorCode::timed_out, "was not asked: the time of the run is over")};
  const milliseconds allowed = std::min(left, parts_.settings.timeout);

  Try result{Error(ErrorCode::unavailable, "")};
  const auto counted =
      [&result](const std::function<void(std::string_view)>& give) -> std::function<void(std::string_view)> {
    if (!give) return {};
    return [&result, &give](std::string_view piece) {
      result.has_given_out = true;
      give(piece);
    };
  };
  StreamDecoder decoder(format_->assembler({.on_text = counted(callbacks.on_text),
                                            .on_reasoning = counted(callbacks.on_reasoning),
                                            .mint_call_id = [this] { return "call_" + parts_.random.base62(24); }}));
  egress::HttpRequest http = request_to(format_->completion_path(), allowed);
  http.method = "POST";
  http.headers.emplace_back("Content-Type", "application/json");
  http.headers.emplace_back("Accept", "text/event-stream");
  http.body = to_text(format_->body(request));
  http.body_bytes_max = kErrorBytesMax;
  // What comes after the end is not waited for: some servers leave the connection open.
  http.on_body = [&decoder](std::string_view bytes) { return decoder.feed(bytes) && !decoder.is_complete(); };

  auto response = client_.send(http, stop);
  has_streamed_ = decoder.has_streamed();
  if (!response && !decoder.is_complete()) {
    const auto taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    result.turn = unreachable(response.error(), allowed, taken);
    return result;
  }
  if (response && (response->status < 200 || response->status > 299)) {
    const bool is_overflow = is_context_overflow(*response);
    if (is_overflow || is_filtered(*response)) {
      ModelTurn turn;
      turn.stop = is_overflow ? ModelTurn::Stop::context_window : ModelTurn::Stop::refusal;
      turn.message.role = ModelMessage::Role::assistant;
      turn.message.text = is_overflow ? "" : without_key(words_of(response->body), key_);
      result.turn = std::move(turn);
    } else {
      result.turn = status_error(*response, parts_.settings, request.model, parts_.clock.now());
    }
    return result;
  }
  result.turn = decoder.finish();
  if (!result.turn && response && !decoder.has_streamed()) {
    const std::string type(response->header("Content-Type").value_or("none"));
    result.turn.error().message += " (content type " + printable(type) + ")";
  }
  return result;
}

// One request, tried as often as it may be.
Result<ModelTurn> HttpProvider::turn(const ModelRequest& request, const TurnCallbacks& callbacks, TimePoint deadline,
                                     const std::stop_token& stop) {
  for (std::int64_t n = 1;; ++n) {
    Try tried = attempt(request, callbacks, deadline, stop);
    if (tried.turn) return std::move(tried.turn);
    Error error = told(std::move(tried.turn).error());
    if (stop.stop_requested())
      return Error(ErrorCode::cancelled, "The run was stopped while its model was being asked.");
    if (!passes(error) || tried.has_given_out || n >= retry_.tries) return error;
    const auto delay = retry_delay(retry_, n, error.retry_after, parts_.random);
    if (!delay || steady_clock::now() + *delay >= deadline) return error;
    log::warning("model.retry", {{"provider", parts_.name},
                                 {"attempt", n},
                                 {"code", to_string(error.code)},
                                 {"problem", error.message},
                                 {"delay_ms", delay->count()}});
    const TurnAttempt told_attempt{n, std::string(to_string(error.code)), error.message};
    if (callbacks.on_retry && !callbacks.on_retry(told_attempt, *delay)) return error;
    if (!wait_for(*delay, stop)) {
      return Error(ErrorCode::cancelled, "The run was stopped while its model was being asked.");
    }
  }
}

Result<ModelTurn> HttpProvider::complete(const ModelRequest& asked, const TurnCallbacks& callbacks,
                                         milliseconds timeout, std::stop_token stop) {
  const TimePoint deadline = steady_clock::now() + timeout;
  ModelRequest request = asked;
  if (request.model.empty()) request.model = parts_.settings.model;
  if (request.model.empty()) {
    return told(
        {ErrorCode::validation_failed, "has no default model: name one in the agent, or set model of this provider."});
  }
  if (parts_.settings.max_output_tokens > 0) {
    request.max_output_tokens = std::min(request.max_output_tokens, parts_.settings.max_output_tokens);
  }
  auto first = turn(request, callbacks, deadline, stop);
  if (!first) return first;
  ModelTurn whole = *std::move(first);
  for (int pauses = 0; whole.stop == ModelTurn::Stop::paused && pauses < kPausesMax; ++pauses) {
    if (request.messages.size() > asked.messages.size()) request.messages.pop_back();
    request.messages.push_back(whole.message);
    auto next = turn(request, callbacks, deadline, stop);
    if (!next) return next;
    append(whole, *std::move(next));
  }
  return whole;
}

Result<std::vector<std::string>> HttpProvider::models(milliseconds timeout, std::stop_token stop) {
  egress::HttpRequest http = request_to(format_->models_path(), timeout);
  http.headers.emplace_back("Accept", "application/json");
  http.body_bytes_max = kListBytesMax;
  const auto start = steady_clock::now();
  auto response = client_.send(http, stop);
  if (!response) {
    const auto taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    return told(unreachable(response.error(), timeout, taken));
  }
  if (response->status == 404 || response->status == 405) {
    return told({ErrorCode::not_found, "answered HTTP " + std::to_string(response->status) + " to its list of models"});
  }
  if (response->status != 200) return told(status_error(*response, parts_.settings, "", parts_.clock.now()));
  auto body = parse_answer(response->body);
  if (!body) return told(std::move(body).error());
  const Json* data = find_member(*body, "data");
  if (data == nullptr || !data->is_array()) {
    return told({ErrorCode::not_found, "answered something else than a list of models"});
  }
  std::vector<std::string> ids;
  for (const Json& model : *data) {
    if (ids.size() < kListedModelsMax && !string_or(model, "id", "").empty()) ids.push_back(string_or(model, "id", ""));
  }
  return ids;
}

}  // namespace weir::tools::models
