#include "server/webhook_delivery.h"

#include "base/hmac.h"
#include "base/log.h"
#include "store/kept_secrets.h"
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

// What was sealed with another key cannot be sent: of several servers, the one that has the wrong file must not take
// endpoints from the others.
Result<void> check_key(store::Database& database, const std::string& key, const std::filesystem::path& file,
                       bool is_shared) {
  const std::string print = to_hex(hmac_sha256(key, "the key of webhook secrets")).substr(0, 32);
  auto kept = database.write_for(
      [&](store::Transaction& transaction) { return store::kept_secret(transaction, "webhook_key_print", print); });
  if (!kept) return std::move(kept).error();
  if (*kept == print) return {};
  const std::string problem =
      "The key file " + file.string() + " is not the one that the secrets in this database are sealed with";
  if (is_shared) {
    return Error(ErrorCode::unavailable, problem + ". Copy secrets.key from another server, or set webhooks.key_file.");
  }
  log::error("webhooks.other_key",
             {{"problem", problem}, {"hint", "restore the file, or rotate the secret of each webhook"}});
  return {};
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
  const bool is_shared = place.sharing == Sharing::shared;
  if (auto checked = check_key(parts.database, *key, key_file, is_shared); !checked) return std::move(checked).error();
  config.settings.user_agent = std::string("Weir/") + WEIR_VERSION + " (webhooks)";
  std::unique_ptr<WebhookDelivery> delivery(new WebhookDelivery(std::move(config), place.own_port));
  delivery->sealer_.emplace(*key, parts.random);
  using Outbox = streaming::WebhookOutbox;
  auto outbox = Outbox::open(parts.database, parts.ids, parts.clock, delivery->notices_,
                             is_shared ? Outbox::Sharing::shared : Outbox::Sharing::alone);
  if (!outbox) return std::move(outbox).error();
  delivery->outbox_ = *std::move(outbox);
  parts.events.set_outbox(*delivery->outbox_);
  using Sender = streaming::WebhookSender;
  delivery->sender_.emplace(
      delivery->settings_,
      streaming::WebhookSenderParts{parts.database, parts.events, delivery->notices_, *delivery->sealer_,
                                    delivery->policy_, parts.resolver, parts.clock, parts.random, parts.ids},
      is_shared ? Sender::Sharing::shared : Sender::Sharing::alone);
  return delivery;
}

}  // namespace weir::server
