// The model providers that the operator configured ([providers.NAME]). Nobody else adds one: a base URL is where requests
// with a key go.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "egress/address_policy.h"
#include "egress/resolver.h"
#include "tools/models/http_provider.h"
#include "tools/models/model_provider.h"
#include "tools/models/provider_key.h"
#include "tools/models/provider_settings.h"

namespace weir::tools::models {

using ProviderTable = std::map<std::string, ProviderSettings, std::less<>>;

// Thread-safe.
class ConfiguredProviders final : public ModelProviders {
 public:
  // What it works with; all must outlive it and what it opens.
  struct Parts {
    egress::Resolver& resolver;
    const Clock& clock;
    Random& random;
    Environment environment;  // where api_key_env is looked up
  };
  // `own_port`: the server's listener, which is no provider; 0: none.
  ConfiguredProviders(ProviderTable table, std::uint16_t own_port, Parts parts, RetrySettings retry = {});

  [[nodiscard]] std::vector<Info> list() const override;
  // Also returns unauthorized if the provider's key cannot be read.
  Result<std::unique_ptr<ModelProvider>> open(std::string_view name) const override;
  [[nodiscard]] std::optional<std::int64_t> cost_microusd(std::string_view name, std::string_view model,
                                                          const ModelUsage& usage) const override;

  // As open(), with what a check of a provider needs besides.
  Result<std::unique_ptr<HttpProvider>> open_http(std::string_view name) const;
  // Null if there is none of that name.
  [[nodiscard]] const ProviderSettings* settings(std::string_view name) const;
  // not_found, naming those that there are.
  [[nodiscard]] Error unknown(std::string_view name) const;

 private:
  const ProviderTable table_;
  const egress::AddressPolicy policy_;
  const Parts parts_;
  const RetrySettings retry_;
};

}  // namespace weir::tools::models
