#include "server/config.h"

#include <toml++/toml.h>

#include <charconv>
#include <sstream>

#include "tools/near_match.h"

namespace weir::server {
namespace {

constexpr std::string_view kTierPrefix = "tiers.";
constexpr std::string_view kCostPrefix = "costs.";
// A tier's window: a second is the finest that headers can tell, an hour still has its full log in memory.
constexpr std::uint32_t kWindowMsMin = 1'000;
constexpr std::uint32_t kWindowMsMax = 3'600'000;

// WEIR_* variables that are no settings: the command line's own.
constexpr std::array<std::string_view, 4> kOtherVariables = {"WEIR_URL", "WEIR_KEY", "WEIR_CONFIG", "WEIR_PORT"};

std::string variable_of(std::string_view setting) {
  std::string name = "WEIR_";
  for (const char c : setting) name.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(c)));
  return name;
}

Error unknown_setting(std::string_view name, std::string_view source) {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) names.emplace_back(setting.name);
  const std::string nearest = tools::nearest(name, names);
  std::string message = "Unknown setting \"" + printable(name) + "\" (" + std::string(source) + ").";
  if (!nearest.empty()) message += " Did you mean " + nearest + "?";
  return {ErrorCode::validation_failed, message + " docs/reference/configuration.md lists all of them."};
}

Error bad_setting(std::string_view name, std::string_view source, const Error& complaint) {
  return {ErrorCode::validation_failed,
          "Bad setting " + std::string(name) + " (" + std::string(source) + "): it " + complaint.message + "."};
}

Result<std::uint32_t> parse_units(std::string_view text, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) {
    return Error(ErrorCode::validation_failed,
                 "expects a whole number from 0 to " + std::to_string(most) + ", got \"" + printable(text) + "\"");
  }
  return value;
}

// "tiers.gold.units_per_minute": the tier is made if it is new.
Result<void> set_tier(Config& config, std::string_view name, std::string_view text) {
  const std::string_view rest = name.substr(kTierPrefix.size());
  const std::size_t dot = rest.rfind('.');
  if (dot == std::string_view::npos || dot == 0) {
    return Error(ErrorCode::validation_failed, "expects a name such as tiers.gold.units_per_minute");
  }
  const std::string tier_name(rest.substr(0, dot));
  const std::string_view field = rest.substr(dot + 1);
  limits::Tier tier = config.tiers.contains(tier_name) ? config.tiers.at(tier_name) : limits::Tier{};
  tier.name = tier_name;
  if (field == "unlimited") {
    if (text != "true" && text != "false") {
      return Error(ErrorCode::validation_failed, "expects true or false, got \"" + printable(text) + "\"");
    }
    tier.is_unlimited = text == "true";
  } else {
    constexpr std::uint32_t kMost = 10'000'000;
    auto value = parse_units(text, kMost);
    if (!value) return std::move(value).error();
    if (field == "units_per_minute") {
      tier.units_per_minute = *value;
    } else if (field == "window_ms") {
      // Headers tell windows in whole seconds.
      if (*value < kWindowMsMin || *value > kWindowMsMax || *value % kWindowMsMin != 0) {
        return Error(ErrorCode::validation_failed,
                     "expects whole seconds in milliseconds, from 1000 to 3600000, got \"" + printable(text) + "\"");
      }
      tier.window = std::chrono::milliseconds{*value};
    } else if (field == "concurrent_scans") {
      tier.concurrent_scans = *value;
    } else if (field == "concurrent_runs") {
      tier.concurrent_runs = *value;
    } else if (field == "daily_scans") {
      tier.daily_scans = *value;
    } else {
      return Error(ErrorCode::validation_failed,
                   "is not a field of a tier; expects units_per_minute, window_ms, concurrent_scans, concurrent_runs, "
                   "daily_scans or unlimited");
    }
  }
  config.tiers.insert_or_assign(tier_name, tier);
  return {};
}

Result<void> set_cost(Config& config, std::string_view name, std::string_view text) {
  constexpr std::uint32_t kMost = 10'000;
  auto value = parse_units(text, kMost);
  if (!value) return std::move(value).error();
  config.costs.insert_or_assign(std::string(name.substr(kCostPrefix.size())), *value);
  return {};
}

Result<void> apply(Config& config, std::string_view name, std::string_view text, std::string_view source) {
  Result<void> done;
  if (name.starts_with(kTierPrefix)) {
    done = set_tier(config, name, text);
  } else if (name.starts_with(kCostPrefix)) {
    done = set_cost(config, name, text);
  } else if (name.starts_with(kProviderPrefix)) {
    done = set_provider(config.providers, name, text);
  } else if (name.starts_with(kMcpServerPrefix)) {
    done = set_mcp_server(config.mcp_servers, name, text);
  } else {
    const auto table = settings();
    const auto row = std::ranges::find(table, name, &Setting::name);
    if (row == table.end()) return unknown_setting(name, source);
    done = row->set(config, text);
  }
  if (!done) return bad_setting(name, source, done.error());
  return {};
}

// The text form that the table's setters take. Nothing for a date or another form that no setting has.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* decimal = node.as_floating_point()) {
    std::array<char, 400> digits{};  // the longest double without an exponent
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), decimal->get(), std::chars_format::fixed);
    return std::string(digits.data(), end.ptr);
  }
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* array = node.as_array()) {
    std::string joined;
    for (const toml::node& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr) return std::nullopt;
      joined += (joined.empty() ? "" : ",") + text->get();
    }
    return joined;
  }
  return std::nullopt;
}

// A list whose texts may hold commas: as JSON. Nothing if it is no list of texts.
std::optional<std::string> json_list_of(const toml::node& node) {
  const auto* const array = node.as_array();
  if (array == nullptr) return std::nullopt;
  Json list = Json::array();
  for (const toml::node& item : *array) {
    const auto* text = item.as_string();
    if (text == nullptr) return std::nullopt;
    list.push_back(text->get());
  }
  return to_text(list);
}

Result<void> apply_table(Config& config, const toml::table& table, const std::string& prefix, const std::string& file) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string source = file + ":" + std::to_string(node.source().begin.line);
    Result<void> done;
    if (const toml::table* inner = node.as_table()) {
      done = apply_table(config, *inner, name + ".", file);
    } else if (const auto text =
                   name.starts_with(kMcpServerPrefix) && node.is_array() ? json_list_of(node) : text_of(node)) {
      done = apply(config, name, *text, source);
    } else {
      done = bad_setting(
          name, source,
          Error(ErrorCode::validation_failed, "expects a number, a text, true or false, or a list of texts"));
    }
    if (!done) return done;
  }
  return {};
}

Result<void> apply_file(Config& config, const std::string& path) {
  try {
    return apply_table(config, toml::parse_file(path), "", path);
  } catch (const toml::parse_error& error) {
    return Error(ErrorCode::validation_failed, "Cannot read the configuration " + path + ", line " +
                                                   std::to_string(error.source().begin.line) + ": " +
                                                   printable(error.description()) + ".");
  }
}

}  // namespace

Config::Config() {
  const limits::Tiers defaults = limits::Tiers::defaults();
  for (const std::string_view name : {"free", "standard", "starter", "pro", "admin", "custom"}) {
    if (const limits::Tier* tier = defaults.find(name)) tiers.emplace(name, *tier);
  }
}

bool Config::listens_on_loopback() const {
  if (http.host == "localhost") return true;
  const auto address = egress::IpAddress::parse(http.host);
  return address.has_value() && address->address_class() == egress::AddressClass::loopback;
}

bool Config::may_scan_loopback() const {
  return scans_allow_loopback == Loopback::allowed ||
         (scans_allow_loopback == Loopback::automatic && listens_on_loopback());
}

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  if (sources.file) {
    if (auto done = apply_file(config, *sources.file); !done) return std::move(done).error();
  }
  for (const std::string& variable : sources.environment_names) {
    if (std::ranges::find(kOtherVariables, variable) != kOtherVariables.end()) continue;
    const auto table = settings();
    const auto row = std::ranges::find_if(table, [&](const Setting& s) { return variable_of(s.name) == variable; });
    const auto of_provider = provider_setting_of(variable);
    if (row == table.end() && !of_provider) {
      return Error(ErrorCode::validation_failed,
                   "Unknown variable " + printable(variable) +
                       ". WEIR_ and a setting's name in capitals with _ for the dot is expected, for example "
                       "WEIR_SERVER_LISTEN; docs/reference/configuration.md lists the settings.");
    }
    const char* value = sources.environment(variable.c_str());
    if (auto done = apply(config, of_provider ? *of_provider : row->name, value == nullptr ? "" : value, variable);
        !done) {
      return std::move(done).error();
    }
  }
  for (const auto& [name, text] : sources.flags) {
    if (auto done = apply(config, name, text, "command line"); !done) return std::move(done).error();
  }
  if (auto done = finish_providers(config.providers); !done) return std::move(done).error();
  if (auto done = finish_mcp_servers(config.mcp_servers); !done) return std::move(done).error();
  return config;
}

Result<std::pair<std::string, std::uint16_t>> parse_listen(std::string_view text) {
  const auto bad = [&] {
    return Error(ErrorCode::validation_failed,
                 "expects HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, got \"" + printable(text) + "\"");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (port_text.empty() || error != std::errc() || end != port_text.data() + port_text.size()) return bad();
  if (host.empty()) host = "0.0.0.0";
  if (host != "localhost" && !egress::IpAddress::parse(host)) return bad();
  return std::pair(std::string(host), port);
}

namespace {

// The default as TOML spells it.
std::string toml_value(const Setting& setting, const Config& config) {
  const std::string text = setting.show(config);
  if (setting.type == "integer") return text;
  if (setting.type.starts_with("list")) {
    std::string items;
    std::stringstream parts(text);
    for (std::string item; std::getline(parts, item, ',');) items += (items.empty() ? "\"" : ", \"") + item + "\"";
    return "[" + items + "]";
  }
  return "\"" + text + "\"";
}

}  // namespace

std::string example_toml() {
  const Config defaults;
  std::string out =
      "# Every setting of Weir with its default. Made by `weir config example`; start with `weir serve --config "
      "FILE`.\n"
      "# A variable WEIR_SERVER_LISTEN sets server.listen, and so on; flags win over variables, variables over this "
      "file.\n";
  std::string section;
  for (const Setting& setting : settings()) {
    const std::string_view name = setting.name;
    const std::size_t dot = name.find('.');
    if (name.substr(0, dot) != section) {
      section = name.substr(0, dot);
      out += "\n[" + section + "]\n";
    }
    out.append("# ").append(setting.description);
    if (!setting.bounds.empty()) out.append(" (").append(setting.bounds).append(")");
    out.append("\n#").append(name.substr(dot + 1)).append(" = ").append(toml_value(setting, defaults)).append("\n");
  }
  out += "\n# Tiers: what the keys of an account may spend. Change one of the defaults or add your own.\n";
  for (const auto& [name, tier] : defaults.tiers) {
    out += "#[tiers." + name + "]\n";
    if (tier.is_unlimited) {
      out += "#unlimited = true\n";
      continue;
    }
    out += "#units_per_minute = " + std::to_string(tier.units_per_minute) +
           "\n#concurrent_scans = " + std::to_string(tier.concurrent_scans) +
           "\n#concurrent_runs = " + std::to_string(tier.concurrent_runs) +
           "\n#daily_scans = " + std::to_string(tier.daily_scans) + "\n";
  }
  out +=
      "\n# Costs: units of the minute window that a call of a tool spends. 1 unless set; get_quota costs 0.\n"
      "#[costs]\n#create_scan = 5\n";
  out += provider_example();
  out += mcp_server_example();
  return out;
}

std::string configuration_reference() {
  const Config defaults;
  std::string out =
      "# Configuration\n\n"
      "Made by `weir config reference` from the table in `server/config_table.cc`. A setting is taken from a TOML "
      "file\n"
      "(`weir serve --config FILE`), then from its variable, then from a flag (`--listen`, `--data`, or\n"
      "`--set NAME=VALUE` for any of them); the later one wins. An unknown name or a bad value stops the start with "
      "exit\n"
      "code 2 and a line that names it.\n\n"
      "| setting | variable | type | default | meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings()) {
    const std::string value = setting.show(defaults);
    out.append("| `").append(setting.name).append("` | `").append(variable_of(setting.name)).append("` | ");
    out.append(setting.type);
    if (!setting.bounds.empty()) out.append(", ").append(setting.bounds);
    out.append(" | ").append(value.empty() ? "empty" : "`" + value + "`").append(" | ");
    out.append(setting.description).append(" |\n");
  }
  out +=
      "\n## Tiers\n\nA table `[tiers.NAME]` changes a tier or adds one; what it does not say keeps its default (0 for "
      "a new\n"
      "tier). `unlimited = true` lifts every limit. `window_ms` (whole seconds, 1000 to 3600000, default 60000) is the "
      "time\n"
      "in which `units_per_minute` may be spent, for a tier that counts in another window than a minute.\n\n"
      "| tier | units_per_minute | concurrent_scans | concurrent_runs | daily_scans |\n|---|---|---|---|---|\n";
  for (const auto& [name, tier] : defaults.tiers) {
    const auto cell = [&](std::uint32_t value) {
      return tier.is_unlimited ? std::string("unlimited") : std::to_string(value);
    };
    out += "| `" + name + "` | " + cell(tier.units_per_minute) + " | " + cell(tier.concurrent_scans) + " | " +
           cell(tier.concurrent_runs) + " | " + cell(tier.daily_scans) + " |\n";
  }
  out +=
      "\n## Costs\n\nA table `[costs]` says how many units of the minute window a call of a tool spends, for example\n"
      "`create_scan = 5`. The default is 1; `get_quota`, handshakes and pings cost 0.\n";
  out += provider_reference();
  out += mcp_server_reference();
  return out;
}

}  // namespace weir::server
