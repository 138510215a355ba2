// One turn of a run's model: asked, streamed into the run's events, tried again where that is safe, and counted.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"
#include "base/result.h"
#include "tools/models/model_provider.h"
#include "tools/runs/run_session.h"

namespace weir::tools::runs {

// The provider itself tries again as long as no piece was given out. A turn that broke off later is asked again from
// its beginning (message.started comes again): no tool of it has run and nothing of it is recorded.
inline constexpr std::int64_t kBrokenTurnsMax = 3;
// Before such a turn is asked again: anything up to this, doubled each time.
inline constexpr std::chrono::milliseconds kBrokenTurnPause{1'000};
// A turn takes no longer, whatever the run's wall time: a local model on a slow machine needs minutes.
inline constexpr std::chrono::seconds kTurnTimeMax{600};

// Where a turn is asked. Not thread-safe: a set of references.
struct ModelSeat {
  const models::ModelProviders& providers;
  models::ModelProvider& provider;
  std::string provider_name;
  Random& random;
};

// What came of asking: a turn, the provider's failure, or neither, if the run must stop. Not thread-safe: a value.
struct Asked {
  std::optional<models::ModelTurn> turn{};
  std::optional<Error> failure{};
  std::string used_up{};  // the budget that the turn used up; "" : none
};

// Blocks until the turn is over, up to kTurnTimeMax for each try. Returns an error only if the records cannot be
// written.
Result<Asked> ask_model(RunSession& session, const ModelSeat& seat, const models::ModelRequest& request,
                        std::int64_t turn);

}  // namespace weir::tools::runs
