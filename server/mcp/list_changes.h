// Tells that the list of tools, prompts or resources has changed, to whoever listens.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/guarded.h"
#include "server/mcp/watch.h"

namespace weir::mcp {

enum class ListKind : std::uint8_t { tools, prompts, resources };

// Thread-safe. Must outlive its watches.
class ListChanges {
 public:
  using Receiver = std::function<void(ListKind)>;

  // Calls every receiver before it returns.
  void publish(ListKind kind);
  // `receiver` must not block.
  std::shared_ptr<Watch> watch(Receiver receiver);

 private:
  class Entry;
  struct State {
    std::uint64_t next_id = 0;
    std::map<std::uint64_t, std::shared_ptr<const Receiver>> receivers;
  };
  Guarded<State> state_;
};

}  // namespace weir::mcp
