#include "server/mcp/capabilities.h"

#include "server/mcp/offers.h"

namespace weir::mcp {

Json capabilities(const Offers& offers, Revision revision) {
  const bool is_modern = !has_sessions(revision);
  const auto list = [&] { return offers.list_changes != nullptr ? Json{{"listChanged", true}} : Json(Json::object()); };
  Json all{{"tools", list()}};
  if (offers.resources != nullptr) {
    all["resources"] = list();
    all["resources"]["subscribe"] = true;
  }
  if (!offers.prompts.empty()) all["prompts"] = list();
  if (offers.has_completions() && features_of(revision).has_completions_capability) all["completions"] = Json::object();
  if (offers.has_logging) all["logging"] = Json::object();
  if (revision == Revision::r2025_11_25 && offers.tasks != nullptr) {
    all["tasks"] = {
        {"list", Json::object()}, {"cancel", Json::object()}, {"requests", {{"tools", {{"call", Json::object()}}}}}};
  }
  if (is_modern && offers.tasks != nullptr) all["extensions"][std::string(kTasksExtension)] = Json::object();
  if (is_modern && offers.skills != nullptr)
    all["extensions"][std::string(kSkillsExtension)] = {{"directoryRead", true}};
  return all;
}

bool has_capabilities(const Json& declared, const Json& needed) {
  for (const auto& [name, inner] : needed.items()) {
    const Json* member = find_member(declared, name);
    if (member == nullptr || !has_capabilities(*member, inner)) return false;
  }
  return true;
}

Json capabilities_needed_by(std::string_view client_method) {
  if (client_method == "sampling/createMessage") return {{"sampling", Json::object()}};
  if (client_method == "elicitation/create") return {{"elicitation", Json::object()}};
  if (client_method == "roots/list") return {{"roots", Json::object()}};
  return Json::object();
}

RpcError missing_capability(Json needed) {
  std::string text = "Missing required client capability: " + to_text(needed);
  return {code::kMissingCapability, std::move(text), {{"requiredCapabilities", std::move(needed)}}, 400};
}

}  // namespace weir::mcp
