#include "streaming/event_envelope.h"

#include <string>

namespace weir::streaming {

Json envelope_of(const Event& event, std::string_view epoch) {
  return {{"id", std::string(epoch) + "-" + std::to_string(event.seq)},
          {"seq", event.seq},
          {"type", event.type},
          {"resource", event.resource_id},
          {"account", event.account_id},
          {"ts", to_rfc3339(event.at)},
          {"data", event.data}};
}

}  // namespace weir::streaming
