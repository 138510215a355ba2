// The tables [providers.NAME] of the configuration: which models there are for agents and how they are reached
// (docs/providers.md). Beside the flat settings, because an operator names the providers.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tools/models/configured_providers.h"

namespace weir::server {

inline constexpr std::string_view kProviderPrefix = "providers.";

// Sets "providers.local.base_url"; the provider is made if it is new. Returns validation_failed, saying what is wrong with
// `text` ("expects ...") and never repeating what may be a key.
Result<void> set_provider(tools::models::ProviderTable& providers, std::string_view name, std::string_view text);

// "providers.local.base_url" for WEIR_PROVIDERS_LOCAL_BASE_URL; nothing if the variable names no field of a provider. Prices
// and headers, whose names a variable cannot spell, are set in the file or by --set.
std::optional<std::string> provider_setting_of(std::string_view variable);

// Once everything has been read: fills in what follows from other fields. Returns validation_failed, naming the provider, if
// one is not complete.
Result<void> finish_providers(tools::models::ProviderTable& providers);

// Their part of weir.example.toml and of docs/reference/configuration.md.
std::string provider_example();
std::string provider_reference();

}  // namespace weir::server
