#include "tools/models/provider_settings.h"

namespace weir::tools::models {

std::string_view to_string(ProviderKind kind) {
  return kind == ProviderKind::anthropic_messages ? "anthropic_messages" : "openai_chat";
}

egress::Url ProviderSettings::endpoint(std::string_view path) const {
  egress::Url url = base_url;
  while (url.path.ends_with('/')) url.path.pop_back();
  url.path += path;
  return url;
}

const ModelPrice* price_of(const ProviderSettings& settings, std::string_view model) {
  auto found = settings.prices.find(model);
  if (found == settings.prices.end()) found = settings.prices.find("*");
  return found == settings.prices.end() ? nullptr : &found->second;
}

}  // namespace weir::tools::models
