#include "server/event_hints.h"

#include <array>
#include <utility>

namespace weir::server {

// A message is the node's name and the hint, on one line.
EventHints::EventHints(const limits::RedisSettings& redis, const std::string& installation, std::string node,
                       Receiver receiver)
    : channel_("weir:events:" + installation),
      node_(std::move(node)),
      publisher_(redis),
      subscriber_(redis, channel_, [this, receiver = std::move(receiver)](std::string_view message) {
        const std::size_t space = message.find(' ');
        if (space == std::string_view::npos || message.substr(0, space) == node_) return;
        if (const auto hint = streaming::EventHint::parse(message.substr(space + 1))) receiver(*hint);
      }) {}

void EventHints::tell(const streaming::EventHint& hint) {
  const std::string message = node_ + " " + hint.to_text();
  const std::array<std::string_view, 3> command = {"PUBLISH", channel_, message};
  publisher_.post(command);
}

}  // namespace weir::server
