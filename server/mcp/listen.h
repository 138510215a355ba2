// subscriptions/listen (MCP 2026-07-28): a stream of the changes that a client asked for, for as long as it stays.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "base/json.h"
#include "server/mcp/list_changes.h"
#include "server/mcp/watch.h"

namespace weir::mcp {

class Call;
struct Dispatch;

// An open stream is a connection and a few hundred bytes; beyond these it is refused.
inline constexpr std::size_t kListenersMax = 10'000;
inline constexpr std::size_t kListenersPerKeyMax = 1'024;
// What one stream may name.
inline constexpr std::size_t kListenedUrisMax = 100;

// The open streams. Thread-safe.
class Listeners {
 public:
  Listeners() = default;
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  // Answers every stream with its result and ends it, before a server that stops cuts it.
  void end_all();
  [[nodiscard]] std::size_t size() const;

 private:
  friend void handle_listen(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
  class Listener;
  struct State {
    std::map<const Listener*, std::shared_ptr<Listener>> open;
    std::map<std::string, std::size_t> by_key;
  };
  // False if there are too many.
  bool add(const std::shared_ptr<Listener>& listener);
  static void remove(const std::weak_ptr<Guarded<State>>& state, const Listener* listener);

  const std::shared_ptr<Guarded<State>> state_ = std::make_shared<Guarded<State>>();  // outlived by departing streams
};

void handle_listen(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
