#include "tools/targets/target_views.h"

#include "base/clock.h"
#include "tools/parameters.h"
#include "tools/targets/target_permissions.h"

namespace weir::tools {
namespace {

namespace p = parameters;

p::Members target_members() {
  return {
      {"id", p::text("The target's id, for create_scan, get_target and delete_target.")},
      {"url", p::text("Where scans start, normalised.")},
      {"host", p::text("Host name or address.")},
      {"port", p::integer("TCP port.")},
      {"name", p::text("The caller's name for it.")},
      {"visibility", p::one_of("Where its address lies.", {"public", "private", "loopback"})},
      {"is_self", p::boolean("Whether it is this very server.")},
      {"scope_hosts", p::list("Further hosts to which redirects may be followed.", p::text("A host name."))},
      {"expected_ports", p::list("Ports that are meant to be open.", p::integer("A TCP port."))},
      {"tags", p::list("Free labels.", p::text("A label."))},
      {"verification", p::answer({{"state", p::one_of("How far ownership is proven.",
                                                      {"unverified", "pending", "verified", "stale", "failed"})},
                                  {"method", p::nullable(p::text("How it was proven: attestation, or null."))},
                                  {"verified_at", p::nullable(p::time("When."))}},
                                 {}, "Proof of ownership.")},
      {"attestation", p::nullable(p::answer({{"by", p::text("The id of the key that stated it.")},
                                             {"at", p::time("When.")},
                                             {"text", p::text("What was stated.")}},
                                            {}, "The statement that the owner may scan this host."))},
      {"allowed_profiles", p::list("Profiles that create_scan accepts for it now.", p::text("A profile."))},
      {"created_at", p::time("When it was registered.")},
      {"updated_at", p::time("When it was last changed.")},
  };
}

Json text_or_null(const Json& object, std::string_view name) {
  const std::optional<std::string> text = string_member(object, name);
  return text ? Json(*text) : Json(nullptr);
}

}  // namespace

Json target_json(const store::TargetRow& target) {
  Json attestation = nullptr;
  if (target.attestation.is_object()) {
    attestation = {{"by", string_or(target.attestation, "by", "")},
                   {"at", string_or(target.attestation, "at", "")},
                   {"text", string_or(target.attestation, "text", "")}};
  }
  return {
      {"id", target.id},
      {"url", target.url},
      {"host", target.host},
      {"port", target.port},
      {"name", target.name},
      {"visibility", target.visibility},
      {"is_self", target.is_self},
      {"scope_hosts", target.scope_hosts},
      {"expected_ports", target.expected_ports},
      {"tags", target.tags},
      {"verification",
       {{"state", target.verification_state},
        {"method", text_or_null(target.verification, "method")},
        {"verified_at", text_or_null(target.verification, "verified_at")}}},
      {"attestation", std::move(attestation)},
      {"allowed_profiles", allowed_profiles(target)},
      {"created_at", to_rfc3339(target.created_at)},
      {"updated_at", to_rfc3339(target.updated_at)},
  };
}

Json target_schema() { return p::answer(target_members(), {}, "A registered target."); }

Json created_target_schema() {
  p::Members members = target_members();
  members.emplace_back(
      "is_new", p::boolean("False if the account already had a target with this URL: then that one is returned."));
  members.emplace_back("instructions", p::text("What can be done next."));
  return p::answer(members, {}, "The registered target.");
}

std::string target_instructions(const store::TargetRow& target) {
  const std::string scan = "Start a scan with create_scan {\"target_id\": \"" + target.id + "\", \"profile\": \"";
  if (allowed_profiles(target).size() > 1) return scan + "quick\"}; every profile is allowed.";
  return scan + "passive\"}. Other profiles need proof of ownership, because this host is public.";
}

}  // namespace weir::tools
