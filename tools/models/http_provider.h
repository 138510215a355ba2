// A model over HTTP: sends a turn's request, streams the answer into a decoder, tries again what passes, goes on with what
// the provider paused. What is on the wire is the WireFormat's.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "egress/http_client.h"
#include "tools/models/model_provider.h"
#include "tools/models/provider_settings.h"
#include "tools/models/wire_format.h"

namespace weir::tools::models {

// How often and when a try follows another: full jitter between nothing and `base` doubled each time, at most `most`; never
// before the provider's own Retry-After, and not at all if that is beyond `asked_most`. Not thread-safe: a value.
struct RetrySettings {
  std::int64_t tries = 3;
  std::chrono::milliseconds base{500};
  std::chrono::milliseconds most{8'000};
  std::chrono::milliseconds asked_most{60'000};
};

// The wait before the try after `n` tries. Nothing if it is not worth waiting for.
std::optional<std::chrono::milliseconds> retry_delay(const RetrySettings& settings, std::int64_t n,
                                                     std::optional<std::chrono::milliseconds> asked, Random& random);

// A turn that the provider paused (pause_turn) is sent again this often; beyond, it ends as paused.
inline constexpr int kPausesMax = 5;

// Not thread-safe: owned by one run's thread.
class HttpProvider final : public ModelProvider {
 public:
  // What it works with; all references must outlive it.
  struct Parts {
    const std::string& name;
    const ProviderSettings& settings;
    const egress::AddressPolicy& policy;
    egress::Resolver& resolver;
    const Clock& clock;
    Random& random;
  };
  HttpProvider(const Parts& parts, std::string key, RetrySettings retry = {});

  Result<ModelTurn> complete(const ModelRequest& request, const TurnCallbacks& callbacks,
                             std::chrono::milliseconds timeout, std::stop_token stop) override;

  // The ids of the models that the provider lists; errors as complete(). not_found if it has no such list.
  Result<std::vector<std::string>> models(std::chrono::milliseconds timeout, std::stop_token stop);
  // True if the last answer came as a stream.
  [[nodiscard]] bool has_streamed() const { return has_streamed_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Try;

  Result<ModelTurn> turn(const ModelRequest& request, const TurnCallbacks& callbacks, TimePoint deadline,
                         const std::stop_token& stop);
  Try attempt(const ModelRequest& request, const TurnCallbacks& callbacks, TimePoint deadline,
              const std::stop_token& stop);
  [[nodiscard]] egress::HttpRequest request_to(std::string_view path, std::chrono::milliseconds timeout) const;
  Error told(Error error) const;
  Error unreachable(const Error& error, std::chrono::milliseconds allowed, std::chrono::milliseconds taken) const;

  const Parts parts_;
  const std::string key_;
  const RetrySettings retry_;
  const std::unique_ptr<WireFormat> format_;
  egress::HttpClient client_;
  bool has_streamed_ = false;
};

}  // namespace weir::tools::models
