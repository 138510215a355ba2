#include "server/webhook_delivery.h"

#include "store/key_file.h"

namespace weir::server {
namespace {

constexpr std::string_view kKeyFile = "secrets.key";

egress::PolicySettings policy_of(WebhookConfig& config, std::uint16_t own_port) {
  return {.allow_loopback = config.allow_loopback,
          .allowed_private = std::move(config.allow_private),
          .own_port = own_port,
          .settings_group = "webhooks"};
}

}  // namespace

WebhookDelivery::WebhookDelivery(WebhookConfig config, std::uint16_t own_port)
    : settings_(std::move(config.settings)), policy_(policy_of(config, own_port)) {}

Result<std::unique_ptr<WebhookDelivery>> WebhookDelivery::open(WebhookConfig config, const Place& place,
                                                               const WebhookDeliveryParts& parts) {
  const std::filesystem::path key_file =
      config.key_file.empty() ? place.data_folder / kKeyFile : std::filesystem::path(config.key_file);
  auto key = store::open_key_file(key_file, parts.random);
  if (!key) return std::move(key).error();
  config.settings.user_agent = std::string("Weir/") + WEIR_VERSION + " (webhooks)";
  std::unique_ptr<WebhookDelivery> delivery(new WebhookDelivery(std::move(config), place.own_port));
  delivery->sealer_.emplace(*key, parts.random);
  const bool is_shared = place.sharing == Sharing::shared;
  using Outbox = streaming::WebhookOutbox;
  auto outbox = Outbox::open(parts.database, parts.ids, parts.clock, delivery->notices_,
                             is_shared ? Outbox::Sharing::shared : Outbox::Sharing::alone);
  if (!outbox) return std::move(outbox).error();
  delivery->outbox_ = *std::move(outbox);
  parts.events.set_outbox(*delivery->outbox_);
  using Sender = streaming::WebhookSender;
  delivery->sender_.emplace(delivery->settings_,
                            streaming::WebhookSenderParts{parts.database, parts.events, delivery->notices_,
                                                          *delivery->sealer_, delivery->policy_, parts.resolver, parts.clock,
                                                          parts.random, parts.ids},
                            is_shared ? Sender::Sharing::shared : Sender::Sharing::alone);
  return delivery;
}

}  // namespace weir::server
