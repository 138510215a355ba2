#include "tools/models/configured_providers.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "tools/near_match.h"

namespace weir::tools::models {
namespace {

constexpr double kTokensOfAPrice = 1'000'000;

// Operators write the addresses themselves: their own machine and network are what they mean. Link-local and metadata
// addresses are never a model's.
egress::AddressPolicy policy_for(std::uint16_t own_port) {
  egress::PolicySettings settings;
  settings.allow_loopback = true;
  settings.own_port = own_port;
  settings.settings_group = "providers";
  for (const char* range : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"}) {
    settings.allowed_private.push_back(*egress::AddressRange::parse(range));
  }
  return egress::AddressPolicy(std::move(settings));
}

}  // namespace

ConfiguredProviders::ConfiguredProviders(ProviderTable table, std::uint16_t own_port, Parts parts, RetrySettings retry)
    : table_(std::move(table)), policy_(policy_for(own_port)), parts_(std::move(parts)), retry_(retry) {}

std::vector<ModelProviders::Info> ConfiguredProviders::list() const {
  std::vector<Info> all;
  for (const auto& [name, settings] : table_) {
    all.push_back({.name = name,
                   .kind = std::string(to_string(settings.kind)),
                   .base_url = settings.base_url.to_text(),
                   .model = settings.model,
                   .has_key = !settings.api_key_env.empty() || !settings.api_key_file.empty()});
  }
  return all;
}

const ProviderSettings* ConfiguredProviders::settings(std::string_view name) const {
  const auto found = table_.find(name);
  return found == table_.end() ? nullptr : &found->second;
}

Error ConfiguredProviders::unknown(std::string_view name) const {
  const std::string what = "There is no model provider \"" + printable(name) + "\".";
  if (table_.empty()) {
    return {ErrorCode::not_found, what + " None is configured: docs/providers.md says how an operator adds one."};
  }
  std::vector<std::string> names;
  for (const auto& [known, settings] : table_) names.push_back(known);
  return {ErrorCode::not_found, what + " There is " + listed(names) + "."};
}

Result<std::unique_ptr<HttpProvider>> ConfiguredProviders::open_http(std::string_view name) const {
  const auto found = table_.find(name);
  if (found == table_.end()) return unknown(name);
  auto key = read_provider_key(found->second, parts_.environment);
  if (!key) {
    Error error = std::move(key).error();
    error.message = "Model provider \"" + found->first + "\": " + error.message;
    return error;
  }
  return std::make_unique<HttpProvider>(
      HttpProvider::Parts{found->first, found->second, policy_, parts_.resolver, parts_.clock, parts_.random},
      *std::move(key), retry_);
}

Result<std::unique_ptr<ModelProvider>> ConfiguredProviders::open(std::string_view name) const {
  auto opened = open_http(name);
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<ModelProvider>(*std::move(opened));
}

std::optional<std::int64_t> ConfiguredProviders::cost_microusd(std::string_view name, std::string_view model,
                                                               const ModelUsage& usage) const {
  const ProviderSettings* known = settings(name);
  if (known == nullptr) return std::nullopt;
  const ModelPrice* price = price_of(*known, model.empty() ? std::string_view(known->model) : model);
  if (price == nullptr || !price->input || !price->output || !usage.input_tokens || !usage.output_tokens) {
    return std::nullopt;
  }
  const std::int64_t cached = std::min(usage.cached_input_tokens.value_or(0), *usage.input_tokens);
  const double cost = (static_cast<double>(*usage.input_tokens - cached) * static_cast<double>(*price->input) +
                       static_cast<double>(cached) * static_cast<double>(price->cached_input.value_or(*price->input)) +
                       static_cast<double>(*usage.output_tokens) * static_cast<double>(*price->output)) /
                      kTokensOfAPrice;
  // Upwards: a budget is not exceeded by what was rounded off.
  constexpr double kMost = 9.0e18;
  return static_cast<std::int64_t>(std::ceil(std::min(cost, kMost)));
}

}  // namespace weir::tools::models
