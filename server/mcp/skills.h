// The skills extension, io.modelcontextprotocol/skills (SEP-2640): workflows that a server gives to models as directories
// of files, each file a resource, and the three methods that list them.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/mcp/resources.h"

namespace weir::mcp {

inline constexpr std::string_view kSkillsExtension = "io.modelcontextprotocol/skills";

// One file of a skill. Not thread-safe: a value.
struct SkillFile {
  std::string_view path;  // "triage-findings/SKILL.md", "triage-findings/references/severity.md"
  std::string_view text;
};

// Immutable.
class SkillSet {
 public:
  // `authority` is the first part of every URI: "weir" gives skill://weir/triage-findings/SKILL.md. The texts must outlive
  // the set. Returns validation_failed for a skill that breaks the Agent Skills rules: no SKILL.md, a name that is not its
  // folder's, a frontmatter that is more than lines of `key: value`.
  static Result<SkillSet> create(std::string_view authority, const std::vector<SkillFile>& files);

  // The entries of skills/list, by name.
  [[nodiscard]] const std::vector<Json>& entries() const { return entries_; }
  // Null if there is no skill with this URI.
  [[nodiscard]] const Json* entry(std::string_view uri) const;
  // Every file as a resource. SKILL.md has the skill's name and description.
  [[nodiscard]] const std::vector<Resource>& resources() const { return resources_; }
  // Nothing if there is no such file.
  [[nodiscard]] std::optional<ResourceContent> read(std::string_view uri) const;
  // The direct children of a directory, as resources/directory/read shows them; nothing if it is no directory.
  [[nodiscard]] std::optional<Json> directory(std::string_view uri) const;

 private:
  struct File {
    std::string uri;
    std::string_view text;
  };
  Result<void> add_skill(const std::string& folder, const std::vector<SkillFile>& files);

  std::string root_;  // "skill://weir/"
  std::vector<Json> entries_;
  std::vector<Resource> resources_;
  std::vector<File> files_;
};

// The files of the skills before everything that `inner` has. Thread-safe.
class SkilledResources final : public ResourceProvider {
 public:
  // Both must outlive it.
  SkilledResources(const SkillSet& skills, const ResourceProvider& inner) : skills_(skills), inner_(inner) {}

  Result<ResourcePage> list(const tools::CallContext& context, const std::string& cursor) const override;
  [[nodiscard]] std::vector<ResourceTemplate> templates() const override { return inner_.templates(); }
  [[nodiscard]] tools::Scope scope_of(std::string_view uri) const override;
  Result<std::vector<ResourceContent>> read(const tools::CallContext& context, const std::string& uri) const override;
  Result<std::vector<std::string>> complete(const tools::CallContext& context, const std::string& uri_template,
                                            const CompletionRequest& request) const override {
    return inner_.complete(context, uri_template, request);
  }
  std::shared_ptr<Watch> watch(const tools::CallContext& context, const std::string& uri,
                               std::function<void()> changed) const override {
    return inner_.watch(context, uri, std::move(changed));
  }

 private:
  const SkillSet& skills_;
  const ResourceProvider& inner_;
};

void handle_skills_list(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_skills_get(const Dispatch& dispatch, const std::shared_ptr<Call>& call);
void handle_directory_read(const Dispatch& dispatch, const std::shared_ptr<Call>& call);

}  // namespace weir::mcp
