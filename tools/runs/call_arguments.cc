#include "tools/runs/call_arguments.h"

#include <algorithm>
#include <array>

#include "store/targets_store.h"

namespace weir::tools::runs {
namespace {

// An account has at most a thousand targets by default; beyond this many pages a host counts as unknown.
constexpr int kTargetPagesMax = 100;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool names_host(std::string_view member) {
  constexpr std::array<std::string_view, 14> kNames = {"url",    "uri",     "host",    "hostname", "domain",
                                                       "target", "address", "origin",  "endpoint", "base_url",
                                                       "server", "site",    "website", "ip"};
  const std::string name = lower(member);
  return std::ranges::find(kNames, name) != kNames.end() || name.ends_with("_url") || name.ends_with("_host") ||
         name.ends_with("_domain") || name.ends_with("urls") || name.ends_with("hosts") || name.ends_with("domains");
}

void add(std::vector<std::string>& hosts, std::string host) {
  if (std::ranges::find(hosts, host) == hosts.end()) hosts.push_back(std::move(host));
}

bool ends_authority(char c) {
  constexpr std::string_view kEnds = "/?#\"'<>)";
  return static_cast<unsigned char>(c) <= 0x20 || kEnds.find(c) != std::string_view::npos;
}

// "user:pw@Host:8080" -> "host"; "[::1]:80" -> "::1".
std::string host_of(std::string_view authority) {
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return lower(authority.substr(1, authority.find(']') - 1));
  if (std::ranges::count(authority, ':') == 1) authority = authority.substr(0, authority.find(':'));
  while (authority.ends_with('.')) authority.remove_suffix(1);
  return lower(authority);
}

// Every "scheme://authority" within `text`, and "//authority" at its beginning.
void add_urls(std::vector<std::string>& hosts, std::string_view text) {
  std::size_t from = text.starts_with("//") ? 0 : text.find("://");
  while (from != std::string_view::npos) {
    std::string_view rest = text.substr(text.find("//", from) + 2);
    const auto end = std::ranges::find_if(rest, ends_authority);
    const std::string_view authority = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    // Some readers take a backslash for a slash (WHATWG URL), others do not (RFC 3986): both hosts count.
    if (const std::size_t slash = authority.find('\\'); slash != std::string_view::npos)
      add(hosts, host_of(authority.substr(0, slash)));
    add(hosts, host_of(authority));
    from = text.find("://", from + 1);
  }
}

void walk(std::vector<std::string>& hosts, std::string_view member, const Json& value) {
  if (value.is_object()) {
    for (const auto& [name, each] : value.items()) walk(hosts, name, each);
    return;
  }
  if (value.is_array()) {
    for (const Json& each : value) walk(hosts, member, each);
    return;
  }
  if (!value.is_string()) return;
  const std::string& text = value.get_ref<const std::string&>();
  const std::size_t scheme = text.find("://");
  if (scheme != std::string::npos || text.starts_with("//")) add_urls(hosts, text);
  // A URL further on does not hide the host that the text begins with.
  const bool begins_as_url =
      text.starts_with("//") || (scheme != std::string::npos && text.find_first_of(":/?#@. ") >= scheme);
  if (begins_as_url || !names_host(member) || text.empty()) return;
  const auto end = std::ranges::find_if(text, ends_authority);
  add(hosts, host_of(std::string_view(text).substr(0, static_cast<std::size_t>(end - text.begin()))));
}

bool covers(const store::TargetRow& target, const std::string& host) {
  return lower(target.host) == host ||
         std::ranges::any_of(target.scope_hosts, [&](const std::string& each) { return lower(each) == host; });
}

}  // namespace

Result<void> ArgumentCheck::check(const CallableTool& tool, const Json& arguments) {
  auto found = schemas_.find(tool.name);
  if (found == schemas_.end()) {
    auto compiled = Schema::compile(tool.input_schema);
    // An external server checks its arguments itself, by a schema that may use what we do not know.
    if (!compiled && tool.is_external()) return {};
    if (!compiled) {
      return Error(ErrorCode::validation_failed,
                   "The tool " + tool.name + " cannot be called: its input schema " + compiled.error().message);
    }
    found = schemas_.emplace(tool.name, *std::move(compiled)).first;
  }
  std::vector<FieldError> violations =
      arguments.is_object()
          ? found->second.violations(found->second.with_defaults(arguments))
          : std::vector<FieldError>{{"", "are " + std::string(json_type(arguments)) + "; expected an object"}};
  if (violations.empty()) return {};
  std::string message = "Wrong arguments for " + tool.name + ": ";
  for (std::size_t i = 0; i < violations.size(); ++i) {
    const FieldError& each = violations[i];
    message += (i == 0 ? "" : "; ") + each.field + (each.field.empty() ? "" : " ") + each.message;
  }
  Error error(ErrorCode::validation_failed, message + ".");
  error.fields = std::move(violations);
  return error;
}

std::vector<std::string> hosts_in(const Json& arguments) {
  std::vector<std::string> hosts;
  walk(hosts, "", arguments);
  return hosts;
}

Result<std::string> unregistered_host(store::Transaction& transaction, std::string_view account_id,
                                      const std::vector<std::string>& hosts) {
  std::vector<std::string> left = hosts;
  store::PageRequest page{.limit = store::kPageLimitMax, .after_id = ""};
  for (int pages = 0; pages < kTargetPagesMax && !left.empty(); ++pages) {
    auto targets =
        store::list_targets(transaction, {.account_id = std::string(account_id), .query = "", .tag = ""}, page);
    if (!targets) return std::move(targets).error();
    for (const store::TargetRow& target : targets->items) {
      std::erase_if(left, [&](const std::string& host) { return covers(target, host); });
    }
    if (!targets->next_after_id) break;
    page.after_id = *targets->next_after_id;
  }
  return left.empty() ? std::string() : left.front();
}

}  // namespace weir::tools::runs
