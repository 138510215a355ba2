// Where the issuer's keys come from, and when they are fetched again.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "egress/address_policy.h"
#include "egress/resolver.h"
#include "server/auth/key_set.h"

namespace weir::auth {

// Keeps the latest key set. A key that it does not hold makes it look again, and so does an age of kAgeMax, so that
// a key that the issuer took back stops working; but never more often than `refresh`, whatever tokens arrive. When the
// source does not answer, the keys at hand stay. Thread-safe.
class KeySource {
 public:
  // Half the time for which issuers commonly announce a change.
  static constexpr std::chrono::minutes kAgeMax{10};
  // A worker waits for the answer, one at a time.
  static constexpr std::chrono::milliseconds kFetchTimeout{3'000};

  struct Settings {
    std::string url{};  // one of the two
    std::string file{};
    std::chrono::milliseconds refresh{30'000};
    std::string user_agent{};
  };

  // `clock` and `resolver` must outlive it. The operator chose the URL, so private addresses may be asked; those of
  // cloud metadata may not.
  KeySource(Settings settings, const Clock& clock, egress::Resolver& resolver);
  ~KeySource();
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;

  // Returns not_found if the issuer has no such key, and unavailable if that cannot be said now: nothing could be
  // fetched yet, or another thread is fetching. Blocks up to kFetchTimeout when it is this thread's turn to fetch.
  Result<Jwk> find(std::string_view id, Algorithm algorithm);
  // Fetches once, so that the first call does not have to. What goes wrong is only logged.
  void warm_up();

 private:
  struct State {
    std::shared_ptr<const KeySet> keys;  // shared with the verifications in progress
    std::chrono::steady_clock::time_point fetched_at{};
    std::chrono::steady_clock::time_point tried_at{};
    bool was_tried = false;
    bool is_fetching = false;
  };
  enum class Turn : std::uint8_t { fetch, others, not_yet };
  Turn take_turn();
  // The text of the key set. Blocks up to kFetchTimeout.
  Result<std::string> fetch() const;
  void refresh();

  const Settings settings_;
  const Clock& clock_;
  egress::Resolver& resolver_;
  const egress::AddressPolicy policy_;
  Guarded<State> state_;
};

}  // namespace weir::auth
