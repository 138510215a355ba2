// Secrets at rest: text that must come back as it was (a webhook's signing secret), unreadable without the key and bound
// to the row that it stands in. AES-256-GCM. What never has to come back is hashed instead (hmac.h).
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace weir {

// Thread-safe.
class Sealer {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  // `key` holds kKeyBytes bytes. `random` must outlive the sealer; it makes the nonces.
  Sealer(std::string_view key, Random& random);
  ~Sealer();
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  // Another text each time. `bound_to` is not stored; opening needs the same.
  [[nodiscard]] std::string seal(std::string_view secret, std::string_view bound_to) const;
  // Nothing if it was changed, sealed with another key, or bound to something else.
  [[nodiscard]] std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const;

 private:
  std::array<unsigned char, kKeyBytes> key_{};
  Random& random_;
};

}  // namespace weir
