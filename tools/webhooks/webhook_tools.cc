#include "tools/webhooks/webhook_tools.h"

#include "store/audit_store.h"
#include "streaming/webhook_signature.h"
#include "tools/idempotency.h"
#include "tools/paging.h"
#include "tools/parameters.h"
#include "tools/webhooks/webhook_request.h"
#include "tools/webhooks/webhook_views.h"

namespace weir::tools {
namespace {

namespace p = parameters;

// Longer overlaps are a second secret that nobody remembers.
constexpr std::int64_t kOverlapHoursMax = 24 * 7;
constexpr std::string_view kHowToVerify =
    "Keep the secret: it is not shown again. Verify deliveries with any Standard Webhooks library.";

Result<void> audit(const Services& services, const CallContext& context, store::Transaction& transaction,
                   std::string_view action, const store::WebhookRow& webhook) {
  // The URL may hold a token: only its host is written down.
  const auto url = egress::Url::parse(webhook.url);
  return store::insert_audit(transaction, {.account_id = webhook.account_id,
                                           .actor = context.caller->key_id,
                                           .action = std::string(action),
                                           .subject = webhook.id,
                                           .data = {{"host", url ? url->host : ""}, {"events", webhook.events}},
                                           .at = services.clock.now()});
}

// Looks the endpoint up and changes it in one transaction; the sender learns of it after the commit.
template <typename Change>
Result<store::WebhookRow> change_webhook(const Services& services, const CallContext& context, const Json& arguments,
                                         Change change) {
  return services.database.write_for([&](store::Transaction& transaction) -> Result<store::WebhookRow> {
    auto webhook = find_webhook(transaction, context, string_or(arguments, "webhook_id", ""));
    if (!webhook) return webhook;
    if (Result<void> changed = change(transaction, *webhook); !changed) return std::move(changed).error();
    services.webhooks.outbox.notify_changed(transaction, webhook->id);
    return webhook;
  });
}

std::string secret_of(const Services& services, const store::WebhookRow& webhook) {
  return services.webhooks.sealer.open(webhook.sealed_secret, webhook.id).value_or("");
}

Result<Json> insert(const Services& services, const CallContext& context, store::WebhookRow webhook,
                    store::Transaction& transaction) {
  Result<std::int64_t> count = store::count_webhooks(transaction, webhook.account_id);
  if (!count) return std::move(count).error();
  if (std::cmp_greater_equal(*count, services.webhooks.settings.per_account_max)) {
    return Error(ErrorCode::conflict, "The account already has " + std::to_string(*count) +
                                          " webhooks, which is the most allowed. Delete one with delete_webhook.");
  }
  webhook.id = services.ids.make("whk");
  webhook.sealed_secret = services.webhooks.sealer.seal(streaming::make_webhook_secret(services.random), webhook.id);
  // Before the commit: an event that follows it must find the account.
  services.webhooks.outbox.expect_webhooks_of(webhook.account_id);
  if (Result<void> stored = store::insert_webhook(transaction, webhook); !stored) return std::move(stored).error();
  if (Result<void> noted = audit(services, context, transaction, "webhook.created", webhook); !noted) {
    return std::move(noted).error();
  }
  return webhook_json(webhook, services.clock.now());
}

Result<ToolResult> create_webhook(const Services& services, const CallContext& context, const Json& arguments) {
  auto events = event_patterns_of(arguments);
  if (!events) return std::move(events).error();
  auto token = client_token_of(context, arguments);
  if (!token) return std::move(token).error();
  auto url = vetted_webhook_url(services, string_or(arguments, "url", ""));
  if (!url) return std::move(url).error();
  const UnixMillis now = services.clock.now();
  store::WebhookRow webhook;
  webhook.account_id = context.caller->account_id;
  webhook.created_by_key = context.caller->key_id;
  webhook.url = url->to_text();
  webhook.description = string_or(arguments, "description", "");
  webhook.events = *std::move(events);
  webhook.created_at = now;
  webhook.updated_at = now;
  std::string secret;
  auto made = services.database.write_for([&](store::Transaction& transaction) -> Result<Creation> {
    auto creation = create_once(transaction, context, *token, "create_webhook", now,
                                [&](store::Transaction& inner) { return insert(services, context, webhook, inner); });
    if (!creation) return creation;
    // Not part of the answer that is remembered for repetitions: that one is stored in clear.
    auto stored = find_webhook(transaction, context, string_or(creation->answer, "id", ""));
    if (!stored) return std::move(stored).error();
    secret = secret_of(services, *stored);
    return creation;
  });
  if (!made) return std::move(made).error();
  ToolResult result;
  result.structured = std::move(made->answer);
  result.structured["secret"] = secret;
  result.is_replayed = made->is_replayed;
  result.summary = "Webhook " + string_or(result.structured, "id", "") + " will receive events at " +
                   string_or(result.structured, "url", "") + ". " + std::string(kHowToVerify);
  return result;
}

Result<ToolResult> list_webhooks(const Services& services, const CallContext& context, const Json& arguments) {
  auto page = page_request(arguments, "whk");
  if (!page) return std::move(page).error();
  auto webhooks = services.database.read_for([&](store::Transaction& transaction) {
    return store::list_webhooks(transaction, context.caller->account_id, *page);
  });
  if (!webhooks) return std::move(webhooks).error();
  ToolResult result;
  result.structured = {{"data", Json::array()}, {"next_cursor", next_cursor(webhooks->next_after_id)}};
  for (const auto& webhook : webhooks->items) {
    result.structured["data"].push_back(webhook_json(webhook, services.clock.now()));
  }
  result.summary = webhooks->items.empty() ? "No webhooks. Make one with create_webhook."
                                           : std::to_string(webhooks->items.size()) + " webhooks" +
                                                 (webhooks->next_after_id ? ", more with next_cursor." : ".");
  return result;
}

ToolResult shown(const Services& services, const store::WebhookRow& webhook, const std::string& summary) {
  ToolResult result;
  result.structured = webhook_json(webhook, services.clock.now());
  result.summary = summary;
  return result;
}

Result<ToolResult> get_webhook(const Services& services, const CallContext& context, const Json& arguments) {
  auto webhook = services.database.read_for([&](store::Transaction& transaction) {
    return find_webhook(transaction, context, string_or(arguments, "webhook_id", ""));
  });
  if (!webhook) return std::move(webhook).error();
  std::string state = webhook->is_enabled ? "enabled" : "disabled (" + webhook->disabled_reason + ")";
  if (webhook->health.failures_in_row > 0)
    state += ", " + std::to_string(webhook->health.failures_in_row) + " failures in a row";
  return shown(services, *webhook, "Webhook " + webhook->id + " to " + webhook->url + " is " + state + ".");
}

Result<void> switch_webhook(const Services& services, store::Transaction& transaction, const store::WebhookRow& webhook,
                            bool is_enabled) {
  const UnixMillis now = services.clock.now();
  if (is_enabled) return store::enable_webhook(transaction, webhook.id, now);
  if (auto off = store::disable_webhook(transaction, webhook.id, "requested", now); !off) return off;
  return store::fail_pending_deliveries(transaction, webhook.id, "the webhook was disabled", now);
}

Result<ToolResult> update_webhook(const Services& services, const CallContext& context, const Json& arguments) {
  std::optional<egress::Url> url;
  if (arguments.contains("url")) {
    auto vetted = vetted_webhook_url(services, string_or(arguments, "url", ""));
    if (!vetted) return std::move(vetted).error();
    url = *std::move(vetted);
  }
  std::optional<std::vector<std::string>> events;
  if (arguments.contains("events")) {
    auto patterns = event_patterns_of(arguments);
    if (!patterns) return std::move(patterns).error();
    events = *std::move(patterns);
  }
  auto webhook = change_webhook(
      services, context, arguments, [&](store::Transaction& transaction, store::WebhookRow& row) -> Result<void> {
        if (url) row.url = url->to_text();
        if (events) row.events = *events;
        row.description = string_or(arguments, "description", row.description);
        row.updated_at = services.clock.now();
        if (auto updated = store::update_webhook(transaction, row); !updated) return updated;
        // Another receiver is not to blame for the failures of the one before.
        if (url) {
          if (auto tried = store::end_webhook_pause(transaction, row.id); !tried) return tried;
        }
        const auto enabled = bool_member(arguments, "enabled");
        if (enabled && *enabled != row.is_enabled) {
          if (auto switched = switch_webhook(services, transaction, row, *enabled); !switched) return switched;
        }
        if (auto noted = audit(services, context, transaction, "webhook.updated", row); !noted) return noted;
        auto current = find_webhook(transaction, context, row.id);
        if (!current) return std::move(current).error();
        row = *std::move(current);
        return {};
      });
  if (!webhook) return std::move(webhook).error();
  return shown(services, *webhook,
               "Updated webhook " + webhook->id + ", which is " +
                   (webhook->is_enabled ? "enabled." : "disabled. Nothing is sent to it."));
}

Result<ToolResult> delete_webhook(const Services& services, const CallContext& context, const Json& arguments) {
  auto webhook = change_webhook(
      services, context, arguments, [&](store::Transaction& transaction, const store::WebhookRow& row) -> Result<void> {
        const UnixMillis now = services.clock.now();
        if (auto gone = store::delete_webhook(transaction, row.id, now); !gone) return gone;
        if (auto ended = store::fail_pending_deliveries(transaction, row.id, "the webhook was deleted", now); !ended) {
          return ended;
        }
        return audit(services, context, transaction, "webhook.deleted", row);
      });
  if (!webhook) return std::move(webhook).error();
  ToolResult result;
  result.structured = {{"id", webhook->id}, {"deleted", true}};
  result.summary = "Deleted webhook " + webhook->id + ". Nothing more is sent to it.";
  return result;
}

Result<ToolResult> rotate_secret(const Services& services, const CallContext& context, const Json& arguments) {
  const Sealer& sealer = services.webhooks.sealer;
  const std::string secret = streaming::make_webhook_secret(services.random);
  auto webhook = change_webhook(services, context, arguments,
                                [&](store::Transaction& transaction, store::WebhookRow& row) -> Result<void> {
                                  const UnixMillis now = services.clock.now();
                                  std::chrono::milliseconds overlap = services.webhooks.settings.secret_overlap;
                                  if (const auto hours = integer_member(arguments, "overlap_hours"))
                                    overlap = std::chrono::hours{*hours};
                                  row.sealed_previous_secret = row.sealed_secret;  // bound to the same row
                                  row.previous_until = now + overlap;
                                  row.sealed_secret = sealer.seal(secret, row.id);
                                  row.updated_at = now;
                                  if (auto stored = store::update_webhook_secrets(transaction, row); !stored)
                                    return stored;
                                  return audit(services, context, transaction, "webhook.secret_rotated", row);
                                });
  if (!webhook) return std::move(webhook).error();
  ToolResult result =
      shown(services, *webhook,
            "Webhook " + webhook->id + " has a new secret. Until " + to_rfc3339(*webhook->previous_until) +
                " deliveries are signed with the old one, too. " + std::string(kHowToVerify));
  result.structured["secret"] = secret;
  return result;
}

Result<ToolResult> test_webhook(const Services& services, const CallContext& context, const Json& arguments) {
  auto queued = services.database.write_for([&](store::Transaction& transaction) -> Result<store::DeliveryRow> {
    auto webhook = find_webhook(transaction, context, string_or(arguments, "webhook_id", ""));
    if (!webhook) return std::move(webhook).error();
    if (!webhook->is_enabled) {
      return Error(ErrorCode::conflict, "Webhook " + webhook->id + " is disabled (" + webhook->disabled_reason +
                                            "). Enable it first: update_webhook with \"enabled\": true.");
    }
    if (auto pause = store::end_webhook_pause(transaction, webhook->id); !pause) return std::move(pause).error();
    auto id = services.webhooks.outbox.add_test(transaction, *webhook);
    if (!id) return std::move(id).error();
    services.webhooks.outbox.notify_changed(transaction, webhook->id);
    return store::delivery_by_id(transaction, webhook->account_id, *id);
  });
  if (!queued) return std::move(queued).error();
  ToolResult result;
  result.structured = delivery_json(*queued);
  result.summary = "Sending a webhook.test to " + queued->webhook_id + ". get_delivery with " + queued->id +
                   " says what the receiver answered.";
  return result;
}

const Annotations kReads{.is_read_only = true, .is_idempotent = true};

Json url_parameter() {
  return p::text("Where deliveries are POSTed: https://host/path. No user name or password.",
                 {.length_min = 1, .length_max = static_cast<std::int64_t>(egress::kUrlBytesMax)});
}
Json events_parameter() {
  return p::list(
      "Types of events to send, such as scan.completed or finding.new; scan.* for all of scans, * for everything.",
      p::text("A type or a pattern.", {.length_min = 1, .length_max = 100}),
      static_cast<std::int64_t>(streaming::kPatternsMax));
}
Json description_parameter() { return p::text("What it is for, in your words.", {.length_min = 0, .length_max = 200}); }
Json id_parameter() { return p::id("whk", "The webhook."); }

// The parts that all tools here share.
Tool tool(const Services& services, std::string_view name, std::string_view title, RestRoute rest,
          Annotations annotations, Result<ToolResult> (*call)(const Services&, const CallContext&, const Json&)) {
  Tool made;
  made.name = name;
  made.title = title;
  made.annotations = annotations;
  made.scope = Scope::webhooks_write;  // reading, too: URLs and bodies may hold secrets of the receiver
  made.rest = std::move(rest);
  made.handler = [&services, call](const CallContext& context, const Json& arguments) {
    return call(services, context, arguments);
  };
  return made;
}

Tool with(Tool tool, std::string_view description, Json input, Json output) {
  tool.description = description;
  tool.input_schema = std::move(input);
  tool.output_schema = std::move(output);
  return tool;
}

}  // namespace

std::vector<Tool> webhook_tools(const Services& services) {
  const Json only_id = p::arguments({{"webhook_id", id_parameter()}}, {"webhook_id"});
  return {
      with(tool(services, "list_webhooks", "List webhooks", {"GET", "/v1/webhooks", 200}, kReads, list_webhooks),
           "Lists where this account's events are sent, newest first, and whether each receiver is well. Costs 1 unit.",
           p::arguments(p::page_members()), p::page_answer("A page of webhooks.", webhook_schema())),
      with(tool(services, "get_webhook", "Get a webhook", {"GET", "/v1/webhooks/{webhook_id}", 200}, kReads,
                get_webhook),
           "Reads one webhook: its URL, its events and how its receiver is doing. The secret is not shown. Costs 1 "
           "unit.",
           only_id, webhook_schema()),
      with(tool(services, "create_webhook", "Make a webhook", {"POST", "/v1/webhooks", 201}, {}, create_webhook),
           "Has this account's events sent to a URL as signed HTTP POSTs (Standard Webhooks), instead of polling or "
           "keeping a "
           "stream open. The answer shows the signing secret once. Deliveries are repeated until the receiver answers "
           "2xx, may "
           "come twice and in any order. Costs 1 unit. Next: test_webhook.",
           p::arguments(
               {{"url", url_parameter()},
                {"events", events_parameter()},
                {"description", description_parameter()},
                {"client_token", p::text("Makes a repetition of this very request safe for 24 hours; any unique text.",
                                         {.length_min = 1, .length_max = 128})}},
               {"url", "events"}),
           webhook_secret_schema()),
      with(tool(services, "update_webhook", "Change a webhook", {"PATCH", "/v1/webhooks/{webhook_id}", 200},
                {.is_idempotent = true}, update_webhook),
           "Changes what is given of a webhook: URL, events, description, enabled. Disabling ends its pending "
           "deliveries as "
           "failed; after enabling, replay_deliveries sends what was missed. Costs 1 unit.",
           p::arguments({{"webhook_id", id_parameter()},
                         {"url", url_parameter()},
                         {"events", events_parameter()},
                         {"description", description_parameter()},
                         {"enabled", p::boolean("Whether anything is sent.")}},
                        {"webhook_id"}),
           webhook_schema()),
      with(tool(services, "delete_webhook", "Delete a webhook", {"DELETE", "/v1/webhooks/{webhook_id}", 200},
                {.is_destructive = true, .is_idempotent = true}, delete_webhook),
           "Ends a webhook: its secret is erased, its pending deliveries end as failed. Costs 1 unit. Ask the user "
           "first.",
           only_id, p::answer({{"id", p::text("The webhook's id.")}, {"deleted", p::boolean("Always true.")}})),
      with(tool(services, "rotate_webhook_secret", "Replace a webhook's secret",
                {"POST", "/v1/webhooks/{webhook_id}/rotate-secret", 200}, {}, rotate_secret),
           "Makes a new signing secret and shows it once. For a day, or overlap_hours, deliveries carry signatures of "
           "both, so "
           "that the receiver can change over at any time. Costs 1 unit.",
           p::arguments({{"webhook_id", id_parameter()},
                         {"overlap_hours", p::integer("How long the old secret still signs; 0 ends it at once.",
                                                      {.minimum = 0, .maximum = kOverlapHoursMax})}},
                        {"webhook_id"}),
           webhook_secret_schema()),
      with(tool(services, "test_webhook", "Test a webhook", {"POST", "/v1/webhooks/{webhook_id}/test", 202},
                {.is_open_world = true}, test_webhook),
           "Sends a webhook.test to the receiver now, once, before everything that waits. get_delivery with the "
           "returned id says "
           "what it answered. Costs 1 unit.",
           only_id, delivery_schema()),
  };
}

}  // namespace weir::tools
