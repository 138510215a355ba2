#include "streaming/delta_coalescer.h"

#include <utility>

namespace weir::streaming {

std::optional<std::string> DeltaCoalescer::add(std::string_view piece, TimePoint now) {
  if (piece.empty()) return std::nullopt;
  if (gathered_.empty()) oldest_ = now;
  gathered_ += piece;
  if (gathered_.size() < kBytesMax && now - oldest_ < kAgeMax) return std::nullopt;
  return take();
}

std::optional<DeltaCoalescer::TimePoint> DeltaCoalescer::due() const {
  if (gathered_.empty()) return std::nullopt;
  return oldest_ + kAgeMax;
}

std::string DeltaCoalescer::take() { return std::exchange(gathered_, std::string()); }

}  // namespace weir::streaming
