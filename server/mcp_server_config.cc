#include "server/mcp_server_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include "base/json.h"
#include "base/log.h"
#include "tools/near_match.h"

namespace weir::server {
namespace {

namespace mcp = tools::mcp_servers;

constexpr std::size_t kSecretFileBytesMax = 64 * 1024;

Error complaint(std::string text) { return {ErrorCode::validation_failed, std::move(text)}; }
Error expected(std::string_view what, std::string_view text) {
  return complaint("expects " + std::string(what) + ", got \"" + printable(text) + "\"");
}

bool is_variable(std::string_view text) {
  return !text.empty() && (text.front() < '0' || text.front() > '9') &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// A JSON list of texts; anything else is one text.
Result<std::vector<std::string>> texts(std::string_view text) {
  std::vector<std::string> items;
  if (!text.starts_with('[')) {
    if (!text.empty()) items.emplace_back(text);
    return items;
  }
  auto json = parse_json(text);
  if (!json || !json->is_array()) return complaint("expects a list of texts such as [\"a\", \"b\"]");
  for (const Json& item : *json) {
    if (!item.is_string()) {
      return complaint("expects a list of texts, but one element is of type " + std::string(json_type(item)));
    }
    items.push_back(item.get<std::string>());
  }
  return items;
}

template <std::string McpServerSettings::*kField>
Result<void> set_text(McpServerSettings& server, std::string_view text) {
  server.*kField = text;
  return {};
}
template <std::vector<std::string> McpServerSettings::*kField>
Result<void> set_texts(McpServerSettings& server, std::string_view text) {
  auto items = texts(text);
  if (!items) return std::move(items).error();
  server.*kField = *std::move(items);
  return {};
}

Result<void> set_url(McpServerSettings& server, std::string_view text) {
  auto url = egress::Url::parse(text);
  if (!url) return complaint("expects the http or https URL of a Streamable HTTP endpoint: " + url.error().message);
  server.url = text;
  return {};
}

Result<void> set_environment(McpServerSettings& server, std::string_view text) {
  auto items = texts(text);
  if (!items) return std::move(items).error();
  for (const std::string& item : *items) {
    const std::string name = item.substr(0, item.find('='));
    if (!is_variable(name)) {
      return complaint(
          "expects names of variables that are passed on (\"HOME\"), or values (\"MODE=quiet\", "
          "\"TOKEN=${env:MY_TOKEN}\")");
    }
    if (name.starts_with("WEIR_")) {
      return complaint("holds " + name + ": Weir's own variables, which may hold keys, are not passed on");
    }
  }
  server.environment = *std::move(items);
  return {};
}

Result<void> set_allow_private(McpServerSettings& server, std::string_view text) {
  auto items = texts(text);
  if (!items) return std::move(items).error();
  for (const std::string& item : *items) {
    if (!egress::AddressRange::parse(item)) return expected("address ranges such as 10.1.0.0/16", item);
  }
  server.allow_private = *std::move(items);
  return {};
}

Result<void> set_timeout(McpServerSettings& server, std::string_view text) {
  constexpr std::int64_t kMost = std::chrono::milliseconds(mcp::kCallTimeoutMax).count();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1'000 || value > kMost) {
    return expected("a whole number from 1000 to " + std::to_string(kMost), text);
  }
  server.timeout = std::chrono::milliseconds{value};
  return {};
}

Result<void> set_enabled(McpServerSettings& server, std::string_view text) {
  if (text != "true" && text != "false") return expected("true or false", text);
  server.is_enabled = text == "true";
  return {};
}

struct Field {
  std::string_view name;
  std::string_view type;
  std::string_view shown_default;
  std::string_view description;
  Result<void> (*set)(McpServerSettings& server, std::string_view text);
};
constexpr std::array kFields = {
    Field{"url", "url", "", "The server's Streamable HTTP endpoint. Redirects are not followed.", set_url},
    Field{"allow_private", "list of ranges", "",
          "Private addresses that the URL's host may have. Loopback is reached only if the URL says localhost or a "
          "loopback "
          "address.",
          set_allow_private},
    Field{"ca_file", "path", "", "A PEM file of the authorities that it is certified by. Empty: the system's.",
          set_text<&McpServerSettings::ca_file>},
    Field{"command", "list of texts", "",
          "Instead of url: a program and its arguments, spoken to over its standard input and output. The first is an "
          "absolute path; there is no shell.",
          set_texts<&McpServerSettings::command>},
    Field{"env", "list of texts", "",
          "What the program gets of the server's environment (\"HOME\"), or is given (\"MODE=quiet\", "
          "\"TOKEN=${env:MY_TOKEN}\"). "
          "Besides PATH and LANG there is nothing else.",
          set_environment},
    Field{"cwd", "path", "/", "The folder that the program starts in.", set_text<&McpServerSettings::folder>},
    Field{"timeout_ms", "integer, 1000 to 600000", "30000", "Of one call.", set_timeout},
    Field{"enabled", "true, false", "true", "false: as if it were not there; an approval is kept.", set_enabled},
};

Error unknown_field(std::string_view field) {
  std::vector<std::string> names = {"headers.NAME"};
  for (const Field& known : kFields) names.emplace_back(known.name);
  const std::string nearest = tools::nearest(field, names);
  return complaint("is not a field of an MCP server" + (nearest.empty() ? "" : "; did you mean " + nearest + "?") +
                   " There is " + tools::listed(names));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Result<void> set_header(McpServerSettings& server, std::string_view name, std::string_view value) {
  const std::string known = lower(name);
  const bool is_secret = std::ranges::any_of(std::array{"authorization", "token", "key", "secret", "cookie"},
                                             [&](const char* part) { return known.find(part) != std::string::npos; });
  if (is_secret && value.find("${") == std::string_view::npos) {
    return complaint(
        "would hold a secret, which does not belong in a configuration: name the variable or file that holds it, "
        "such as \"Bearer ${env:GITHUB_TOKEN}\" or \"Bearer ${file:/run/secrets/github}\"");
  }
  std::erase_if(server.headers, [&](const auto& header) { return lower(header.first) == known; });
  server.headers.emplace_back(name, value);
  return {};
}

Result<std::string> secret_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  for (char c = 0; text.size() <= kSecretFileBytesMax && file.get(c);) text.push_back(c);
  if (!file.eof() || text.size() > kSecretFileBytesMax) {
    return complaint("names the file " + printable(path) + ", which cannot be read or is larger than 64 KiB");
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

using Environment = std::function<const char*(const char*)>;

// "Bearer ${env:TOKEN}" with the values put in. Without an environment only the form is checked.
Result<std::string> filled(std::string_view text, const Environment* environment, std::vector<std::string>& secrets) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find("${"), text.size());
    out.append(text.substr(0, at));
    text.remove_prefix(at);
    if (text.empty()) break;
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return complaint("has ${ without }");
    const std::string_view inside = text.substr(2, end - 2);
    text.remove_prefix(end + 1);
    const bool is_variable_name = inside.starts_with("env:") && is_variable(inside.substr(4));
    const bool is_file = inside.starts_with("file:/");
    if (!is_variable_name && !is_file) return complaint("holds ${...} that is neither ${env:NAME} nor ${file:/path}");
    if (environment == nullptr) continue;
    if (is_file) {
      auto secret = secret_of_file(std::string(inside.substr(5)));
      if (!secret) return secret;
      out += *secret;
      secrets.push_back(*std::move(secret));
      continue;
    }
    const std::string variable(inside.substr(4));
    const char* const value = (*environment)(variable.c_str());
    if (value == nullptr) return complaint("names the variable " + variable + ", which is not set");
    out += value;
    secrets.emplace_back(value);
  }
  return out;
}

Error about(const std::string& alias, std::string_view part, const Error& error) {
  return {ErrorCode::validation_failed, "Bad setting mcp_servers." + alias +
                                            std::string(part.empty() ? "" : ".").append(part) + ": it " +
                                            error.message + "."};
}

Result<mcp::ServerSpec> spec_of(const std::string& alias, const McpServerSettings& settings,
                                const Environment* environment) {
  mcp::ServerSpec spec;
  spec.alias = alias;
  if (!settings.url.empty()) {
    auto url = egress::Url::parse(settings.url);
    if (!url) return about(alias, "url", url.error());
    spec.url = *std::move(url);
  }
  for (const std::string& range : settings.allow_private) {
    auto parsed = egress::AddressRange::parse(range);
    if (!parsed) return about(alias, "allow_private", parsed.error());
    spec.allow_private.push_back(*std::move(parsed));
  }
  for (const auto& [name, value] : settings.headers) {
    auto whole = filled(value, environment, spec.secrets);
    if (!whole) return about(alias, "headers." + name, whole.error());
    spec.headers.emplace_back(name, *std::move(whole));
  }
  for (const std::string& item : settings.environment) {
    const std::size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    if (equals != std::string::npos) {
      auto whole = filled(std::string_view(item).substr(equals + 1), environment, spec.secrets);
      if (!whole) return about(alias, "env", whole.error());
      spec.environment.emplace_back(name, *std::move(whole));
    } else if (const char* value = environment == nullptr ? "" : (*environment)(name.c_str()); value != nullptr) {
      spec.environment.emplace_back(name, value);  // what is not set is not passed on
    }
  }
  spec.ca_file = settings.ca_file;
  spec.command = settings.command;
  spec.folder = settings.folder;
  spec.timeout = settings.timeout;
  if (auto checked = mcp::check_spec(spec); !checked) return about(alias, "", checked.error());
  return spec;
}

}  // namespace

Result<void> set_mcp_server(McpServerTable& servers, std::string_view name, std::string_view text) {
  const std::string_view rest = name.substr(kMcpServerPrefix.size());
  const std::size_t dot = rest.find('.');
  const std::string alias(rest.substr(0, dot));
  if (dot == std::string_view::npos || !mcp::is_alias(alias)) {
    return complaint(
        "expects a name such as mcp_servers.github.url; the alias begins with a lower-case letter and has "
        "lower-case letters, digits and single underscores, at most 31");
  }
  if (!servers.contains(alias) && servers.size() == mcp::kServersMax) {
    return complaint("is one too many: there can be " + std::to_string(mcp::kServersMax) + " MCP servers");
  }
  McpServerSettings& server = servers[alias];
  const std::string_view field = rest.substr(dot + 1);
  if (field.starts_with("headers.")) return set_header(server, field.substr(8), text);
  const auto* const known = std::ranges::find(kFields, field, &Field::name);
  return known == kFields.end() ? Result<void>(unknown_field(field)) : known->set(server, text);
}

Result<void> finish_mcp_servers(const McpServerTable& servers) {
  for (const auto& [alias, settings] : servers) {
    if (auto spec = spec_of(alias, settings, nullptr); !spec) return std::move(spec).error();
  }
  return {};
}

Result<std::vector<mcp::ServerSpec>> mcp_server_specs(const McpServerTable& servers, const Environment& environment) {
  std::vector<mcp::ServerSpec> specs;
  for (const auto& [alias, settings] : servers) {
    if (!settings.is_enabled) continue;
    auto spec = spec_of(alias, settings, &environment);
    if (!spec) return std::move(spec).error();
    specs.push_back(*std::move(spec));
  }
  return specs;
}

std::string mcp_server_example() {
  return "\n# MCP servers of others, whose tools agents may use as <alias>__<tool> once an administrator has approved "
         "them\n"
         "# (docs/mcp-servers.md). A secret never stands here: its variable or file is named.\n"
         "#   [mcp_servers.github]\n#   url = \"https://api.githubcopilot.com/mcp/\"\n"
         "#   headers = { Authorization = \"Bearer ${env:GITHUB_TOKEN}\" }\n"
         "#   [mcp_servers.files]\n#   command = [\"/usr/bin/npx\", \"-y\", "
         "\"@modelcontextprotocol/server-filesystem@2026.8.31\", \"/srv/docs\"]\n"
         "#   env = [\"HOME\"]\n";
}

std::string mcp_server_reference() {
  std::string out =
      "\n## MCP servers\n\nA table `[mcp_servers.ALIAS]` adds an MCP server of others (docs/mcp-servers.md). With "
      "`--set`, a list is\n"
      "written as JSON: `--set 'mcp_servers.files.command=[\"/usr/bin/npx\",\"...\"]'`.\n\n"
      "| field | type | default | meaning |\n|---|---|---|---|\n";
  for (const Field& field : kFields) {
    out.append("| `").append(field.name).append("` | ").append(field.type).append(" | ");
    out.append(field.shown_default.empty() ? std::string("empty") : "`" + std::string(field.shown_default) + "`");
    out.append(" | ").append(field.description).append(" |\n");
  }
  out +=
      "| `headers.NAME` | text | none | Sent with every request over HTTP. `${env:NAME}` and `${file:/path}` stand for "
      "secrets, "
      "and one that looks like a secret must be so. |\n";
  return out;
}

}  // namespace weir::server
