// Everything that webhooks need beside the database and the event log, put together for the program: the key that seals
// their secrets, the address policy of deliveries, the outbox and the sender.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/sealer.h"
#include "egress/address_policy.h"
#include "streaming/webhook_outbox.h"
#include "streaming/webhook_sender.h"
#include "streaming/webhook_settings.h"
#include "tools/webhooks/webhook_services.h"

namespace weir::server {

// From the configuration. Not thread-safe: a value.
struct WebhookConfig {
  streaming::WebhookSettings settings{};
  bool allow_loopback = false;
  std::vector<egress::AddressRange> allow_private{};
  std::string key_file{};  // "": secrets.key in the data folder
};

// What it works with. All must outlive it. Not thread-safe: a set of references.
struct WebhookDeliveryParts {
  store::Database& database;
  streaming::EventLog& events;
  egress::Resolver& resolver;
  const Clock& clock;
  Random& random;
  IdGenerator& ids;
};

// Thread-safe.
class WebhookDelivery {
 public:
  // alone: no other server uses the database.
  enum class Sharing : std::uint8_t { alone, shared };
  struct Place {
    std::filesystem::path data_folder;
    std::uint16_t own_port = 0;  // never delivered to
    Sharing sharing = Sharing::alone;
  };
  // Hands the outbox to the event log: from then on events are queued. Returns what main should print: a key file that
  // cannot be read, a database that cannot.
  static Result<std::unique_ptr<WebhookDelivery>> open(WebhookConfig config, const Place& place,
                                                       const WebhookDeliveryParts& parts);

  [[nodiscard]] tools::WebhookServices services() { return {*outbox_, *sealer_, policy_, settings_}; }
  void start() { sender_->start(); }
  // Blocks up to WebhookSender::kStopPatience.
  void stop() { sender_->stop(); }

 private:
  WebhookDelivery(WebhookConfig config, std::uint16_t own_port);

  streaming::WebhookSettings settings_;
  const egress::AddressPolicy policy_;
  streaming::WebhookNotices notices_;
  std::optional<Sealer> sealer_;
  std::unique_ptr<streaming::WebhookOutbox> outbox_;
  std::optional<streaming::WebhookSender> sender_;
};

}  // namespace weir::server
