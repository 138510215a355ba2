#include "server/mcp/skills.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/hmac.h"
#include "base/log.h"
#include "server/mcp/call.h"
#include "server/mcp/dispatch.h"
#include "server/mcp/paging.h"

namespace weir::mcp {

namespace {

constexpr std::string_view kSkillFile = "SKILL.md";
constexpr std::string_view kMarkdown = "text/markdown";
constexpr std::string_view kDirectory = "inode/directory";
constexpr std::size_t kNameCharactersMax = 64;  // Agent Skills specification, "name"
// Skills change with a release only.
constexpr std::int64_t kSkillsTtlMs = 3'600'000;

Error broken(const std::string& folder, const std::string& what) {
  return {ErrorCode::validation_failed, "The skill " + folder + " " + what + "."};
}

bool is_skill_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameCharactersMax && name.front() != '-' && name.back() != '-' &&
         name.find("--") == std::string_view::npos &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// The frontmatter is YAML, of which only one form is taken: a line is `key: text`, the text a plain scalar that every
// reader takes for a string.
Result<Json> frontmatter_of(const std::string& folder, std::string_view text) {
  constexpr std::string_view kFence = "---\n";
  const Error error = broken(folder, "does not begin with a frontmatter of lines 'key: text' between two lines '---'");
  if (!text.starts_with(kFence)) return error;
  text.remove_prefix(kFence.size());
  Json frontmatter = Json::object();
  while (!text.starts_with(kFence)) {
    const std::size_t end = text.find('\n');
    const std::size_t colon = text.find(": ");
    if (end == std::string_view::npos || colon == std::string_view::npos || colon > end) return error;
    const std::string key(text.substr(0, colon));
    const std::string value(text.substr(colon + 2, end - colon - 2));
    const bool is_plain = !value.empty() && std::isalpha(static_cast<unsigned char>(value.front())) != 0 &&
                          value.find(": ") == std::string::npos && value.find(" #") == std::string::npos &&
                          value.back() != ' ' && value.back() != ':' && value.find(' ') != std::string::npos;
    if (!is_skill_name(key) || !(is_plain || is_skill_name(value))) return error;
    frontmatter[key] = value;
    text.remove_prefix(end + 1);
  }
  if (string_or(frontmatter, "name", "") != folder) return broken(folder, "has another name in its frontmatter");
  if (string_or(frontmatter, "description", "").empty()) return broken(folder, "has no description");
  return frontmatter;
}

RpcError no_skill(const std::string& uri) {
  return {code::kInvalidParams, "Invalid params: there is no skill " + printable(uri, 200), {{"uri", uri}}};
}

}  // namespace

Result<SkillSet> SkillSet::create(std::string_view authority, const std::vector<SkillFile>& files) {
  SkillSet set;
  set.root_ = "skill://" + std::string(authority) + "/";
  std::map<std::string, std::vector<SkillFile>> folders;
  for (const SkillFile& file : files) {
    const std::size_t slash = file.path.find('/');
    if (slash == std::string_view::npos) return broken(std::string(file.path), "is a file outside a folder");
    folders[std::string(file.path.substr(0, slash))].push_back(file);
  }
  for (auto& [folder, of_folder] : folders) {
    // SKILL.md first, the rest by name.
    std::ranges::sort(of_folder, [](const SkillFile& left, const SkillFile& right) {
      const auto rank = [](const SkillFile& file) { return std::pair(!file.path.ends_with(kSkillFile), file.path); };
      return rank(left) < rank(right);
    });
    if (auto added = set.add_skill(folder, of_folder); !added) return std::move(added).error();
  }
  return set;
}

Result<void> SkillSet::add_skill(const std::string& folder, const std::vector<SkillFile>& files) {
  if (!is_skill_name(folder)) return broken(folder, "has no name of lower case letters, digits and single hyphens");
  if (files.front().path != folder + "/" + std::string(kSkillFile)) return broken(folder, "has no SKILL.md");
  auto frontmatter = frontmatter_of(folder, files.front().text);
  if (!frontmatter) return std::move(frontmatter).error();

  Json manifest = Json::array();
  for (const SkillFile& file : files) {
    const std::string uri = root_ + std::string(file.path);
    manifest.push_back({{"uri", uri}, {"digest", "sha256:" + to_hex(sha256(file.text))}, {"size", file.text.size()}});
    const bool is_skill = &file == &files.front();
    resources_.push_back({.uri = uri,
                          .name = is_skill ? folder : std::string(file.path),
                          .title = "",
                          .description = is_skill ? string_or(*frontmatter, "description", "") : "",
                          .media_type = std::string(kMarkdown)});
    files_.push_back({uri, file.text});
  }
  entries_.push_back({{"uri", files_[files_.size() - files.size()].uri},
                      {"frontmatter", *std::move(frontmatter)},
                      {"resources", std::move(manifest)}});
  return {};
}

const Json* SkillSet::entry(std::string_view uri) const {
  const auto found = std::ranges::find_if(entries_, [&](const Json& each) { return each.at("uri") == uri; });
  return found == entries_.end() ? nullptr : &*found;
}

std::optional<ResourceContent> SkillSet::read(std::string_view uri) const {
  const auto found = std::ranges::find(files_, uri, &File::uri);
  if (found == files_.end()) return std::nullopt;
  return ResourceContent{.uri = found->uri, .media_type = std::string(kMarkdown), .bytes = std::string(found->text)};
}

std::optional<Json> SkillSet::directory(std::string_view uri) const {
  std::string prefix(uri);
  if (!prefix.ends_with('/')) prefix += '/';
  if (!prefix.starts_with(root_)) return std::nullopt;
  Json children = Json::array();
  std::set<std::string> folders;
  for (const File& file : files_) {
    if (!file.uri.starts_with(prefix)) continue;
    const std::string rest = file.uri.substr(prefix.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string::npos) {
      children.push_back({{"uri", file.uri}, {"name", rest}, {"mimeType", kMarkdown}});
    } else if (folders.insert(rest.substr(0, slash)).second) {
      children.push_back(
          {{"uri", prefix + rest.substr(0, slash)}, {"name", rest.substr(0, slash)}, {"mimeType", kDirectory}});
    }
  }
  if (children.empty()) return std::nullopt;
  return children;
}

Result<ResourcePage> SkilledResources::list(const tools::CallContext& context, const std::string& cursor) const {
  auto page = inner_.list(context, cursor);
  if (page && cursor.empty())
    page->items.insert(page->items.begin(), skills_.resources().begin(), skills_.resources().end());
  return page;
}

tools::Scope SkilledResources::scope_of(std::string_view uri) const {
  return skills_.read(uri) ? tools::Scope::none : inner_.scope_of(uri);
}

Result<std::vector<ResourceContent>> SkilledResources::read(const tools::CallContext& context,
                                                            const std::string& uri) const {
  if (auto content = skills_.read(uri)) return std::vector<ResourceContent>{*std::move(content)};
  return inner_.read(context, uri);
}

void handle_skills_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  // Everything fits one page, so no cursor was ever given out.
  if (cursor_of(call->message) != "") return call->fail(unknown_cursor(call->message));
  Json result{{"skills", dispatch.offers.skills->entries()}};
  add_caching(result, call->revision, kSkillsTtlMs, "public");
  call->succeed(std::move(result));
}

void handle_skills_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto uri = string_member(call->message.params, "uri");
  if (!uri) return call->fail({code::kInvalidParams, "Invalid params: skills/get needs a uri, a string"});
  const Json* entry = dispatch.offers.skills->entry(*uri);
  if (entry == nullptr) return call->fail(no_skill(*uri));
  Json result{{"skill", *entry}};
  add_caching(result, call->revision, kSkillsTtlMs, "public");
  call->succeed(std::move(result));
}

void handle_directory_read(const Dispatch& dispatch, const std::shared_ptr<Call>& call) {
  const auto uri = string_member(call->message.params, "uri");
  if (!uri) return call->fail({code::kInvalidParams, "Invalid params: resources/directory/read needs a uri, a string"});
  if (cursor_of(call->message) != "") return call->fail(unknown_cursor(call->message));
  auto children = dispatch.offers.skills->directory(*uri);
  if (!children) {
    return call->fail(
        {code::kInvalidParams, "Invalid params: " + printable(*uri, 200) + " is no directory", {{"uri", *uri}}});
  }
  Json result{{"resources", *std::move(children)}};
  add_caching(result, call->revision, kSkillsTtlMs, "public");
  call->succeed(std::move(result));
}

}  // namespace weir::mcp
