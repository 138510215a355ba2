#include "server/provider_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"
#include "egress/http_message.h"
#include "tools/near_match.h"

namespace weir::server {
namespace {

using tools::models::ModelPrice;
using tools::models::ProviderKind;
using tools::models::ProviderSettings;
using tools::models::ProviderTable;

constexpr std::string_view kVariablePrefix = "WEIR_PROVIDERS_";
constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kHeadersMax = 20;
constexpr std::size_t kPricesMax = 1'000;
// US dollars for a million tokens; the dearest model of 2025 costs some hundred.
constexpr std::int64_t kPriceMax = 10'000;
constexpr std::int64_t kMillionths = 1'000'000;

Error expected(std::string_view what, std::string_view text) {
  return {ErrorCode::validation_failed, "expects " + std::string(what) + ", got \"" + printable(text) + "\""};
}
Error complaint(std::string text) { return {ErrorCode::validation_failed, std::move(text)}; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Result<std::int64_t> whole_number(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return expected("a whole number from " + std::to_string(least) + " to " + std::to_string(most), text);
  }
  return value;
}

// "0.15" is 150000 millionths: exact, where a floating-point number would not be.
Result<std::int64_t> price(std::string_view text) {
  const auto bad = [&] {
    return expected("US dollars for a million tokens, from 0 to " + std::to_string(kPriceMax) +
                        " with up to six digits after the point, such as 0.15",
                    text);
  };
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  const auto is_digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (whole.empty() || whole.size() > 5 || fraction.size() > 6 || !is_digits(whole) || !is_digits(fraction))
    return bad();
  fraction.resize(6, '0');
  std::int64_t dollars = 0;
  std::int64_t millionths = 0;
  std::from_chars(whole.data(), whole.data() + whole.size(), dollars);
  std::from_chars(fraction.data(), fraction.data() + fraction.size(), millionths);
  if (dollars > kPriceMax) return bad();
  return dollars * kMillionths + millionths;
}

Result<void> set_kind(ProviderSettings& provider, std::string_view text) {
  for (const ProviderKind kind : {ProviderKind::openai_chat, ProviderKind::anthropic_messages}) {
    if (to_string(kind) != text) continue;
    provider.kind = kind;
    return {};
  }
  return expected("openai_chat or anthropic_messages", text);
}

Result<void> set_base_url(ProviderSettings& provider, std::string_view text) {
  auto url = egress::Url::parse(text);
  if (!url) {
    return complaint("expects an http or https URL such as http://127.0.0.1:11434/v1: " + url.error().message);
  }
  if (url->path.find('?') != std::string::npos) return complaint("expects a URL without a query");
  while (url->path.ends_with('/')) url->path.pop_back();
  for (const std::string_view ending : {"/chat/completions", "/completions", "/messages", "/models"}) {
    if (url->path.ends_with(ending)) {
      return complaint("expects the address without " + std::string(ending) + ", which is added for each request");
    }
  }
  provider.base_url = *std::move(url);
  return {};
}

Result<void> set_key_env(ProviderSettings& provider, std::string_view text) {
  // Never repeated: it may be the key.
  if (!is_word(text) || text.size() > 100 || (text.front() >= '0' && text.front() <= '9')) {
    return complaint("expects the name of an environment variable, such as OPENAI_API_KEY, not the key itself");
  }
  provider.api_key_env = text;
  return {};
}

Result<void> set_key_header(ProviderSettings& provider, std::string_view text) {
  egress::HttpRequest probe;
  probe.headers = {{std::string(text), "x"}};
  if (text.empty() || !egress::check_request(probe)) return expected("the name of a header, such as api-key", text);
  provider.api_key_header = lower(text) == "authorization" ? "Authorization" : std::string(text);
  return {};
}

Result<void> set_compat(ProviderSettings& provider, std::string_view text) {
  using Compat = ProviderSettings::Compat;
  if (text == "auto") {
    provider.compat = Compat::automatic;
  } else if (text == "generic") {
    provider.compat = Compat::generic;
  } else if (text == "openai") {
    provider.compat = Compat::openai;
  } else {
    return expected("auto, generic or openai", text);
  }
  return {};
}

Result<void> set_asks_for_usage(ProviderSettings& provider, std::string_view text) {
  if (text != "true" && text != "false") return expected("true or false", text);
  provider.asks_for_usage = text == "true";
  return {};
}

Result<void> set_timeout(ProviderSettings& provider, std::string_view text) {
  auto value = whole_number(text, 1'000, 3'600'000);
  if (!value) return std::move(value).error();
  provider.timeout = std::chrono::milliseconds{*value};
  return {};
}

Result<void> set_output_tokens(ProviderSettings& provider, std::string_view text) {
  auto value = whole_number(text, 1, 10'000'000);
  if (!value) return std::move(value).error();
  provider.max_output_tokens = *value;
  return {};
}

template <std::string ProviderSettings::*kField>
Result<void> set_text(ProviderSettings& provider, std::string_view text) {
  provider.*kField = text;
  return {};
}

struct Field {
  std::string_view name;
  std::string_view type;
  std::string_view shown_default;
  std::string_view description;
  Result<void> (*set)(ProviderSettings& provider, std::string_view text);
};
constexpr std::array kFields = {
    Field{"kind", "openai_chat, anthropic_messages", "openai_chat", "The API that the provider speaks.", set_kind},
    Field{"base_url", "url", "",
          "Where it is, without the path of a request: http://127.0.0.1:11434/v1, https://api.anthropic.com. Loopback "
          "and "
          "private addresses are allowed, because only the operator writes them; redirects are not followed.",
          set_base_url},
    Field{"model", "text", "", "The model of agents that name none.", set_text<&ProviderSettings::model>},
    Field{"api_key_env", "name of a variable", "", "The environment variable of the server that holds the key.",
          set_key_env},
    Field{"api_key_file", "path", "",
          "A file that holds the key and nothing else; read for each run. Instead of api_key_env.",
          set_text<&ProviderSettings::api_key_file>},
    Field{"api_key_header", "header", "by kind",
          "The header that carries the key. Authorization (as a bearer token) for openai_chat, x-api-key for "
          "anthropic_messages.",
          set_key_header},
    Field{"compat", "auto, generic, openai", "auto",
          "openai: max_completion_tokens, and instructions as developer. generic: max_tokens and system. auto: openai "
          "for "
          "api.openai.com.",
          set_compat},
    Field{"asks_for_usage", "true, false", "true", "false: stream_options is left out; then there are no token counts.",
          set_asks_for_usage},
    Field{"timeout_ms", "integer, 1000 to 3600000", "300000", "Of one request, to the end of its stream.", set_timeout},
    Field{"max_output_tokens", "integer, 1 to 10000000", "as the agent's", "No request asks for more.",
          set_output_tokens},
    Field{"ca_file", "path", "",
          "A PEM file of the authorities that the provider is certified by. Empty: the system's.",
          set_text<&ProviderSettings::ca_file>},
};

Error unknown_field(std::string_view field) {
  std::vector<std::string> names = {"headers.NAME", "prices.MODEL.input"};
  for (const Field& known : kFields) names.emplace_back(known.name);
  const std::string nearest = tools::nearest(field, names);
  return complaint("is not a field of a provider" + (nearest.empty() ? "" : "; did you mean " + nearest + "?") +
                   " There is " + tools::listed(names));
}

Result<void> set_header(ProviderSettings& provider, std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 6> kSecret = {"authorization", "proxy-authorization", "x-api-key", "api-key",
                                                       "cookie",        "x-goog-api-key"};
  constexpr std::array<std::string_view, 5> kOwn = {"host", "content-type", "accept", "user-agent",
                                                    "anthropic-version"};
  const std::string known = lower(name);
  if (std::ranges::find(kSecret, known) != kSecret.end()) {
    return complaint(
        "would hold a key, which does not belong in a configuration: use api_key_env or api_key_file, and "
        "api_key_header for the header's name");
  }
  if (std::ranges::find(kOwn, known) != kOwn.end()) return complaint("is a header that Weir sets itself");
  egress::HttpRequest probe;
  probe.headers = {{std::string(name), std::string(value)}};
  if (auto checked = egress::check_request(probe); !checked)
    return complaint("cannot be sent: " + checked.error().message);
  std::erase_if(provider.headers, [&](const auto& header) { return egress::is_same_field(header.first, name); });
  if (provider.headers.size() >= kHeadersMax)
    return complaint("is one too many: at most " + std::to_string(kHeadersMax));
  provider.headers.emplace_back(name, value);
  return {};
}

Result<void> set_price(ProviderSettings& provider, std::string_view rest, std::string_view text) {
  const std::size_t dot = rest.rfind('.');
  const std::string_view field = dot == std::string_view::npos ? "" : rest.substr(dot + 1);
  std::optional<std::int64_t> ModelPrice::*member = nullptr;
  if (field == "input") member = &ModelPrice::input;
  if (field == "output") member = &ModelPrice::output;
  if (field == "cached_input") member = &ModelPrice::cached_input;
  if (member == nullptr || dot == 0) {
    return complaint(
        "expects a name such as prices.\"gpt-5-mini\".input, output or cached_input; \"*\" is every other model");
  }
  auto value = price(text);
  if (!value) return std::move(value).error();
  const std::string model(rest.substr(0, dot));
  if (!provider.prices.contains(model) && provider.prices.size() >= kPricesMax) {
    return complaint("is one too many: prices of at most " + std::to_string(kPricesMax) + " models");
  }
  provider.prices[model].*member = *value;
  return {};
}

Result<void> set_field(ProviderSettings& provider, std::string_view field, std::string_view text) {
  if (field == "api_key" || field == "key" || field == "token") {
    return complaint(
        "is not a setting: a key does not belong in a configuration. Put it into an environment variable and "
        "name that (api_key_env = \"OPENAI_API_KEY\"), or into a file (api_key_file)");
  }
  if (field.starts_with("headers.")) return set_header(provider, field.substr(8), text);
  if (field.starts_with("prices.")) return set_price(provider, field.substr(7), text);
  const auto* const known = std::ranges::find(kFields, field, &Field::name);
  return known == kFields.end() ? Result<void>(unknown_field(field)) : known->set(provider, text);
}

Error incomplete(const std::string& name, std::string_view what) {
  return {ErrorCode::validation_failed, "Bad setting providers." + name + ": " + std::string(what)};
}

// True if everybody on the way could read what is sent there.
bool is_public_and_plain(const egress::Url& url) {
  if (url.scheme == "https" || url.host == "localhost") return false;
  const auto address = egress::IpAddress::parse(url.host);
  return address && address->address_class() == egress::AddressClass::public_internet;
}

}  // namespace

Result<void> set_provider(ProviderTable& providers, std::string_view name, std::string_view text) {
  const std::string_view rest = name.substr(kProviderPrefix.size());
  const std::size_t dot = rest.find('.');
  const std::string provider(rest.substr(0, dot));
  const bool is_name =
      !provider.empty() && provider.size() <= kNameBytesMax && std::ranges::all_of(provider, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  if (dot == std::string_view::npos || !is_name) {
    return complaint(
        "expects a name such as providers.local.base_url; the provider's has lower-case letters, digits, - and _, "
        "at most " +
        std::to_string(kNameBytesMax));
  }
  ProviderSettings& settings = providers[provider];
  return set_field(settings, rest.substr(dot + 1), text);
}

std::optional<std::string> provider_setting_of(std::string_view variable) {
  if (!variable.starts_with(kVariablePrefix)) return std::nullopt;
  const std::string rest = lower(variable.substr(kVariablePrefix.size()));
  std::string_view longest;
  for (const Field& field : kFields) {
    const std::string ending = "_" + std::string(field.name);
    if (rest.size() > ending.size() && rest.ends_with(ending) && field.name.size() > longest.size())
      longest = field.name;
  }
  // A key itself is refused where the reason is said.
  if (longest.empty() && rest.ends_with("_api_key") && rest.size() > 8) longest = "api_key";
  if (longest.empty()) return std::nullopt;
  return std::string(kProviderPrefix) + rest.substr(0, rest.size() - longest.size() - 1) + "." + std::string(longest);
}

Result<void> finish_providers(ProviderTable& providers) {
  for (auto& [name, settings] : providers) {
    if (settings.base_url.host.empty()) {
      return incomplete(name, "base_url is missing; it says where the provider is, such as http://127.0.0.1:11434/v1.");
    }
    if (!settings.api_key_env.empty() && !settings.api_key_file.empty()) {
      return incomplete(name, "api_key_env and api_key_file are both set; the key comes from one of them.");
    }
    const bool has_key = !settings.api_key_env.empty() || !settings.api_key_file.empty();
    if (has_key && is_public_and_plain(settings.base_url)) {
      return incomplete(name,
                        "its key would be sent unencrypted to a public address; base_url must begin with https there.");
    }
    // Requests go to /v1/messages below it; both spellings of the address are common.
    std::string& path = settings.base_url.path;
    if (settings.kind == ProviderKind::anthropic_messages && path.ends_with("/v1")) path.resize(path.size() - 3);
  }
  return {};
}

std::string provider_example() {
  return "\n# Providers: models for agents of kind `model`. Each has a name of its own; docs/providers.md has one for "
         "Ollama,\n"
         "# llama-server, vLLM, LM Studio, gateways and Anthropic. The key itself never stands here.\n"
         "#   [providers.local]\n#   kind = \"openai_chat\"\n#   base_url = \"http://127.0.0.1:11434/v1\"\n#   model = "
         "\"qwen3\"\n"
         "#   [providers.cloud]\n#   kind = \"anthropic_messages\"\n#   base_url = \"https://api.anthropic.com\"\n"
         "#   model = \"claude-sonnet-4-5\"\n#   api_key_env = \"ANTHROPIC_API_KEY\"\n"
         "#   [providers.cloud.prices.\"claude-sonnet-4-5\"]\n#   input = 3\n#   output = 15\n#   cached_input = 0.3\n";
}

std::string provider_reference() {
  std::string out =
      "\n## Providers\n\nA table `[providers.NAME]` adds a provider of models for agents (docs/providers.md). A "
      "variable such as\n"
      "`WEIR_PROVIDERS_LOCAL_BASE_URL` sets `providers.local.base_url`. The key itself is in no setting.\n\n"
      "| field | type | default | meaning |\n|---|---|---|---|\n";
  for (const Field& field : kFields) {
    out.append("| `").append(field.name).append("` | ").append(field.type).append(" | ");
    out.append(field.shown_default.empty() ? std::string("empty") : "`" + std::string(field.shown_default) + "`");
    out.append(" | ").append(field.description).append(" |\n");
  }
  out +=
      "| `headers.NAME` | text | none | Sent with every request; at most 20, none that holds a key. |\n"
      "| `prices.MODEL.input`, `.output`, `.cached_input` | decimal | none | US dollars for a million tokens, 0 to "
      "10000. "
      "`\"*\"` is every other model. Without a price a run's cost is null. |\n";
  return out;
}

}  // namespace weir::server
