// `weir webhooks`: where events are sent and what became of them, over a running server.
#pragma once
#include <string>
#include <vector>

#include "server/cli/commands.h"
#include "server/cli/terminal.h"

namespace weir::cli {

struct WebhooksOptions {
  enum class Action { list, create, test, deliveries, retry, replay, rotate, remove } action = Action::list;
  ServerOptions server;
  std::string url;
  std::vector<std::string> events;
  std::string description;
  std::string id;     // of a webhook, or of a delivery
  std::string state;  // of deliveries; empty: any
  std::string from;   // RFC 3339
  bool as_json = false;
};
int run_webhooks(const WebhooksOptions& options, Terminal& terminal);

}  // namespace weir::cli
