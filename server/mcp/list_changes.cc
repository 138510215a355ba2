#include "server/mcp/list_changes.h"

#include <vector>

namespace weir::mcp {

// Thread-safe.
class ListChanges::Entry final : public Watch {
 public:
  Entry(ListChanges& changes, std::uint64_t id) : changes_(changes), id_(id) {}
  ~Entry() override {
    // What the receiver holds is destroyed outside the lock.
    const auto removed = changes_.state_.with([&](State& state) { return state.receivers.extract(id_); });
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  ListChanges& changes_;
  const std::uint64_t id_;
};

void ListChanges::publish(ListKind kind) {
  const auto receivers = state_.with([](State& state) {
    std::vector<std::shared_ptr<const Receiver>> all;
    for (const auto& [id, receiver] : state.receivers) all.push_back(receiver);
    return all;
  });
  for (const auto& receiver : receivers) (*receiver)(kind);
}

std::shared_ptr<Watch> ListChanges::watch(Receiver receiver) {
  auto shared = std::make_shared<const Receiver>(std::move(receiver));
  const auto id = state_.with([&](State& state) {
    state.receivers.emplace(++state.next_id, std::move(shared));
    return state.next_id;
  });
  return std::make_shared<Entry>(*this, id);
}

}  // namespace weir::mcp
