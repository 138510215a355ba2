#include "server/cli/webhooks_command.h"

#include <condition_variable>
#include <mutex>

#include "server/cli/server_options.h"

namespace weir::cli {
namespace {

using Action = WebhooksOptions::Action;

// A receiver has 15 seconds to answer; the rest is for the way there.
constexpr std::chrono::seconds kTestPatience{20};
constexpr std::chrono::milliseconds kTestInterval{250};

// One command, step by step. Not thread-safe: owned by run_webhooks.
class WebhooksSession {
 public:
  WebhooksSession(const WebhooksOptions& options, Client& client, Terminal& terminal)
      : options_(options), client_(client), terminal_(terminal) {}

  int run() {
    const Json webhook = {{"webhook_id", options_.id}};
    switch (options_.action) {
      case Action::list: return show(call("list_webhooks", {{"limit", 100}}), &WebhooksSession::show_webhooks);
      case Action::create: return show(call("create_webhook", creation()), &WebhooksSession::show_secret);
      case Action::rotate: return show(call("rotate_webhook_secret", webhook), &WebhooksSession::show_secret);
      case Action::remove: return show(call("delete_webhook", webhook), &WebhooksSession::show_deleted);
      case Action::test: return test(webhook);
      case Action::deliveries: return show(call("list_deliveries", selection()), &WebhooksSession::show_deliveries);
      case Action::retry:
        return show(call("retry_delivery", {{"delivery_id", options_.id}}), &WebhooksSession::show_queued);
      case Action::replay:
        return show(call("replay_deliveries", {{"webhook_id", options_.id}, {"from", options_.from}}),
                    &WebhooksSession::show_replayed);
    }
    return kExitUsage;
  }

 private:
  // The structured answer, or nothing after the refusal has been printed.
  std::optional<Json> call(std::string_view tool, const Json& arguments) {
    auto answer = client_.call_tool_patiently(
        tool, arguments, [&](std::chrono::milliseconds, const std::string& message) { terminal_.note(message); });
    if (answer && !answer->is_error) return std::move(answer->structured);
    terminal_.error(answer ? string_or(answer->structured, "message", answer->text) : answer.error().message);
    return std::nullopt;
  }

  int show(const std::optional<Json>& answer, void (WebhooksSession::*print)(const Json&)) {
    if (!answer) return kExitGateFailed;
    if (options_.as_json) {
      terminal_.line(to_pretty_text(*answer));
    } else {
      (this->*print)(*answer);
    }
    return kExitOk;
  }

  Json creation() const {
    Json arguments = {{"url", options_.url}, {"events", options_.events}};
    if (!options_.description.empty()) arguments["description"] = options_.description;
    return arguments;
  }
  Json selection() const {
    Json arguments = {{"webhook_id", options_.id}};
    if (!options_.state.empty()) arguments["state"] = options_.state;
    return arguments;
  }

  void show_webhooks(const Json& answer) {
    const Json& webhooks = answer.at("data");
    if (webhooks.empty())
      terminal_.line("No webhooks. Make one: weir webhooks create https://example.org/hook --events 'scan.*'");
    for (const Json& webhook : webhooks) {
      std::string state = "enabled";
      Colour colour = Colour::green;
      if (!bool_or(webhook, "enabled", true)) {
        state = "disabled (" + string_or(webhook, "disabled_reason", "") + ")";
        colour = Colour::red;
      } else if (const auto failures = integer_or(webhook, "failures_in_row", 0); failures > 0) {
        state = std::to_string(failures) + " failures in a row";
        colour = Colour::yellow;
      }
      std::string events;
      for (const Json& event : webhook.at("events")) events += (events.empty() ? "" : ",") + event.get<std::string>();
      terminal_.line(string_or(webhook, "id", "") + "  " + terminal_.paint(colour, padded(state, 9) + " ") + " " +
                     string_or(webhook, "url", "") + "  " + terminal_.paint(Colour::dim, events));
    }
  }

  void show_secret(const Json& answer) {
    terminal_.line("webhook  " + string_or(answer, "id", "") + "  " + string_or(answer, "url", ""));
    terminal_.line("secret   " + string_or(answer, "secret", ""));
    terminal_.note("The secret is shown this once. Try it: weir webhooks test " + string_or(answer, "id", ""));
  }

  void show_deleted(const Json& answer) { terminal_.line("deleted  " + string_or(answer, "id", "")); }

  void show_delivery(const Json& delivery) {
    const std::string state = string_or(delivery, "state", "");
    const Colour colour = state == "delivered" ? Colour::green : state == "failed" ? Colour::red : Colour::yellow;
    std::string outcome;
    if (const auto status = integer_member(delivery, "last_status")) outcome = std::to_string(*status);
    outcome = string_or(delivery, "last_error", outcome);
    terminal_.line(string_or(delivery, "id", "") + "  " + string_or(delivery, "created_at", "") + "  " +
                   terminal_.paint(colour, padded(state, 9) + " ") + padded(string_or(delivery, "event_type", ""), 22) +
                   " " + std::to_string(integer_or(delivery, "attempts", 0)) + "x  " + outcome);
  }

  void show_deliveries(const Json& answer) {
    const Json& deliveries = answer.at("data");
    if (deliveries.empty()) terminal_.line("No deliveries.");
    for (const Json& delivery : deliveries) show_delivery(delivery);
  }

  void show_queued(const Json& answer) { terminal_.line("queued   " + string_or(answer, "id", "")); }

  void show_replayed(const Json& answer) {
    terminal_.line("queued   " + std::to_string(integer_or(answer, "queued_again", 0)) + " again, " +
                   std::to_string(integer_or(answer, "queued_new", 0)) + " new");
    if (const auto next = string_member(answer, "next_from")) terminal_.note("There is more: --from " + *next);
  }

  // Asks until the one attempt of a test has ended.
  int test(const Json& webhook) {
    const auto queued = call("test_webhook", webhook);
    if (!queued) return kExitGateFailed;
    const auto end = std::chrono::steady_clock::now() + kTestPatience;
    while (true) {
      const auto delivery = call("get_delivery", {{"delivery_id", string_or(*queued, "id", "")}});
      if (!delivery) return kExitGateFailed;
      const std::string state = string_or(*delivery, "state", "");
      if (state != "pending" || std::chrono::steady_clock::now() > end) {
        show(delivery, &WebhooksSession::show_delivery);
        return state == "delivered" ? kExitOk : kExitGateFailed;
      }
      std::unique_lock lock(mutex_);
      pause_.wait_for(lock, kTestInterval);
    }
  }

  const WebhooksOptions& options_;
  Client& client_;
  Terminal& terminal_;
  std::mutex mutex_;
  std::condition_variable pause_;
};

}  // namespace

int run_webhooks(const WebhooksOptions& options, Terminal& terminal) {
  auto client = client_for(options.server);
  if (!client) {
    terminal.error(client.error().message);
    return kExitUsage;
  }
  return WebhooksSession(options, **client, terminal).run();
}

}  // namespace weir::cli
