// Identifiers: a prefix that names the noun and a ULID (26 Crockford characters), so that ids sort by the
// time of their making and cannot be guessed. https://github.com/ulid/spec
#pragma once
#include <array>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"

namespace weir {

// Ids made in one millisecond are still in order: the random part is counted up. Thread-safe.
class IdGenerator {
 public:
  // Both must outlive the generator.
  IdGenerator(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // make("scn") is "scn_01JD8Z6W0V6E5Q9T2YB3K4M7NP". Never blocks.
  std::string make(std::string_view prefix);

 private:
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::uint64_t last_ms_ = 0;
  std::array<std::uint8_t, 10> last_random_{};
};

// True for "<prefix>_" and 26 Crockford characters; ids that are not of this form are never looked up.
bool is_id(std::string_view text, std::string_view prefix);

}  // namespace weir
